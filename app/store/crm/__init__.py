"""What CRMs send: endpoints, deliveries and their events."""
