"""From text to a plan document, or to the list of its faults."""
