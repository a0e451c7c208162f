"""Finds the row of a table that matches a lead."""
