"""The connection pool, its roles and its migrations."""
