"""Statements about the data of a person: read it, erase it, and delete what is old."""
