"""Waiting for the gate, and giving way."""
