"""From the plan document to what runs. Runs once per plan version."""
