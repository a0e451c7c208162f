"""Leads and decisions, read outside the decision path."""
