"""Edits of owners, teams, absences, calendars, accounts and tables."""
