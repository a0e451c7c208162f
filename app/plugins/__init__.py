"""Plugins are asked in processes of their own, before the gate: what they do costs their verdict alone."""
