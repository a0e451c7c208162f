"""What changes the books besides decisions: directory edits, plans, the clock; and what checks them."""
