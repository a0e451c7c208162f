"""The plan document: what may stand in it, how it is read, and what is said about its faults."""
