"""What tests share: workspaces, records, processes and databases."""
