"""What becomes of an assignment: events, clocks, and the order of queues."""
