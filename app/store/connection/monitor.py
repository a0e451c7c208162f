"""Logs when the database becomes unreachable, and when it can be reached again."""

from typing import Any, Protocol

import asyncpg

from app.store.connection import address


class Log(Protocol):
    """A structlog logger, or an object with the same methods."""

    def info(self, event: str, **fields: object) -> object:
        """Writes a line."""

    def error(self, event: str, **fields: object) -> object:
        """Writes an error line."""


class ConnectionMonitor:
    """Opens the connections of a pool. The pool replaces broken ones, so new connections show the state.

    A line names the kind of error and its SQLSTATE; address and message are left out.
    """

    def __init__(self, log: Log) -> None:
        self._log = log
        self._away = False

    async def __call__(self, **arguments: Any) -> asyncpg.Connection:
        """A new connection. Raises what asyncpg raises."""
        try:
            connection = await address.connect(**arguments)
        except Exception as error:
            if not self._away:
                self._away = True
                state = getattr(error, "sqlstate", None)
                self._log.error("database away", error=type(error).__name__, sqlstate=state)
            raise
        if self._away:
            self._away = False
            self._log.info("database back")
        return connection
