"""Personal data: what is held about a person, erasing it, and how long it is kept."""
