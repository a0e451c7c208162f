"""The parts of a plan document."""
