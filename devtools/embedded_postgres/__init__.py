"""A real Postgres for development and tests, run from binaries found on the machine.

It listens on a private Unix socket only, and ends with the process that started it.
"""

from devtools.embedded_postgres.binaries import Binaries, PostgresUnavailable, find_binaries
from devtools.embedded_postgres.server import Server, start

__all__ = ["Binaries", "PostgresUnavailable", "Server", "find_binaries", "start"]
