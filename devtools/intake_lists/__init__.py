"""Writes the lists of mail domains and of web sources that intake reads."""
