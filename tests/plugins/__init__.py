"""Strategies of other packages run in their own processes, whatever they do."""
