"""The outbox, door by door."""
