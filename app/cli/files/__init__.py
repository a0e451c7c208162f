"""Reads and writes the files of the command line: CSV, NDJSON, tables."""
