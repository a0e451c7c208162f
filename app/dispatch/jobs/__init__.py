"""One file per use case: what can be asked of a workspace."""
