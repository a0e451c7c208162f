"""The outbox: actions that were decided come out by several doors, each executed once."""
