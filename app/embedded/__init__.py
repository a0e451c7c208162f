"""A real Postgres for development and tests, run from binaries found on the machine.

It listens only on a private unix socket, and never outlives the process that started it.
"""

from app.embedded.binaries import Binaries, find_binaries
from app.embedded.failures import PostgresUnavailable
from app.embedded.server import Server, start

__all__ = ["Binaries", "PostgresUnavailable", "Server", "find_binaries", "start"]
