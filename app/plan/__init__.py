"""The plan document: its parts, its language, and how it is read."""
