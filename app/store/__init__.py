"""Every SQL statement of the service: plain functions, the transaction first."""
