"""What those who run the service see."""
