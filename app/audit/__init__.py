"""Reads what was stored: verify, replay, explain, ledgers, gauges."""
