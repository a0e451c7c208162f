"""A simulated week: a team on three continents, its leads, and what people do with them."""
