"""Statements about answers of providers, and about providers that fail."""
