"""Looking at leads, asking why, and checking the books."""
