"""Turns the lead assignment rules of a Salesforce org into a plan. Reads text, returns text: no I/O."""
