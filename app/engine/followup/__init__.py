"""What follows a decision: actions, texts, due times."""
