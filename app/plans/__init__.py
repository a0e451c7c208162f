"""Versions of the routing plan: draft, check, publish, roll back, and the plan's own tests."""
