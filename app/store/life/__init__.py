"""Statements about the life of an assignment after its decision."""
