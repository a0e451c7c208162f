"""A real Postgres for development and tests, run from binaries found on the machine.

It listens only on a private unix socket, and never outlives the process that started it.
"""

from devtools.embedded_postgres.binaries import Binaries, find_binaries
from devtools.embedded_postgres.failures import PostgresUnavailable
from devtools.embedded_postgres.server import Server, start

__all__ = ["Binaries", "PostgresUnavailable", "Server", "find_binaries", "start"]
