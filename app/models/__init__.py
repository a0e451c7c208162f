"""The tables, as the database has them after the newest migration."""
