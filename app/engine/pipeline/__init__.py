"""The decision itself. Runs once per lead."""
