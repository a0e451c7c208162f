"""Makes the tables of the documentation from the code they describe."""
