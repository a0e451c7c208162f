"""What happens to a lead before it is decided: one form, and the keys by which a person is known again."""
