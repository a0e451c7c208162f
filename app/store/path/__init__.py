"""The statements of the decision path."""
