"""Connections that know the types of the server's own from one another."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg

FIRST_OF_A_DATABASE = 16384
"""Types that a database adds have numbers from this on. Those below are the same on every server."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Stands for the statement that asked for types: none was made, so none has to be made again."""

    name: str = "known"


class KnowingConnection(asyncpg.Connection):
    """A connection that asks the server about a type, such as `text[]`, only if none before it did.

    The driver asks on every connection. No other statement of a new one costs the server as much.
    """

    # What a pool has read over all of its connections.
    __slots__ = ("directories",)
    # For the driver, a type follows those that it is made of, and what it knows already changes nothing.
    _known: dict[int, asyncpg.Record] = {}  # noqa: RUF012 - shared on purpose

    async def _introspect_types(
        self, wanted: Iterable[int], *limits: float | None
    ) -> tuple[Sequence[asyncpg.Record], Any]:
        if self._known.keys() >= set(wanted):
            return list(self._known.values()), Asked()
        rows, statement = await super()._introspect_types(wanted, *limits)  # type: ignore[misc]
        self._known.update({row["oid"]: row for row in rows if row["oid"] < FIRST_OF_A_DATABASE})
        return rows, statement
