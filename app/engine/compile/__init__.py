"""Compiles a plan document into what runs. Runs once per plan version."""
