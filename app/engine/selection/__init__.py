"""Which owners are eligible, and which of them is next."""
