"""Tools for development and tests. The production image does not contain them."""
