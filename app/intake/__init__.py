"""Normalizes a lead before it is decided, and derives the keys that identify it."""
