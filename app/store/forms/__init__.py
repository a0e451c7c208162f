"""What comes from forms: which ids came, whose lead a record is, and test leads."""
