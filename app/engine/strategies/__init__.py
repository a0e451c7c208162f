"""The built-in strategies, one file each. They know nothing of one another."""
