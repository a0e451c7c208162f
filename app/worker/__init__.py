"""What the service does on its own when the time has come."""
