"""Finds the row of a table that fits a lead."""
