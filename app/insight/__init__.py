"""What the books tell: decisions remade from their inputs, and how a workspace stands."""
