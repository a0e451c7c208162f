"""What can go wrong when a Postgres is started."""


class PostgresUnavailable(Exception):
    """No Postgres could be found or started; the text says what to do about it."""
