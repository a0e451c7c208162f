"""The values decisions are made from, and how they are stored."""
