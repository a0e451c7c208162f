"""Tools for development and tests. Not part of the production image."""
