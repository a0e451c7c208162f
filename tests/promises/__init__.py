"""The promises of the service, tried with real processes and a real database."""
