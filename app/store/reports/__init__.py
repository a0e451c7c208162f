"""Statements of reports: the facts they are made from, and one file for each kind of report."""
