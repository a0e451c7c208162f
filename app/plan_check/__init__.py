"""Static analysis of a plan. Runs when a plan is checked, never when a lead is decided."""
