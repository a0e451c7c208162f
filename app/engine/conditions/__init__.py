"""Compares a lead's fields with a plan's conditions, and indexes the conditions."""
