"""Executors of the examples, against a CRM of the test."""
