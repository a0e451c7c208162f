"""Tables through the whole service."""
