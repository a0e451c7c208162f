"""The values that decisions are made from, and their stored format."""
