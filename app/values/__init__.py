"""Reads the values that people write: one reader for each kind, the same for leads, plans, tables and files.

Pure. A reader returns the one form of a value, or None when the text is none. Data of many rows is read on
first use.
"""
