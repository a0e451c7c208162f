"""Lead assignment: who owns an inbound lead, and what is to be done next."""
