"""A plan in words that people read without knowing how plans are written."""
