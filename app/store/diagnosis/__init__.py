"""Statements of the diagnosis: facts for reports, as counts by group and stratum."""
