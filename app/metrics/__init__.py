"""Metrics for Prometheus. No label ever holds a person, an owner or free text."""
