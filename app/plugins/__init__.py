"""Strategies of other packages, each in processes of its own: a fault costs its own verdict only."""
