"""What callers send and get: pydantic models, strict JSON, limits. Knows no web framework."""
