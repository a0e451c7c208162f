"""Leads of which a form tool told only the ids are fetched from it."""
