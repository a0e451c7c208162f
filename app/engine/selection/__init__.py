"""Who is eligible, and who of them is next."""
