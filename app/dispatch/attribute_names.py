"""Collects the names of custom attributes, which the worker stores. Values are never kept.

Noting a name that is known costs one look-up, so that deciding leads is not slowed.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

import structlog

from app.errors import WorkspaceDeleted
from app.store.attribute_names import MAX_NAMES, note_attribute_names
from app.store.connection.pool import Pool, transaction

log = structlog.get_logger()

FRESH_SECONDS = 6 * 3600.0
"""How long a name is not stored again."""
MAX_DEPTH = 8
MAX_LENGTH = 255


class AttributeNames:
    """The names that this process has seen, by workspace."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._known: dict[int, set[str]] = defaultdict(set)
        self._waiting: dict[int, set[str]] = {}
        self._since = time.monotonic()
        self._writing = asyncio.Lock()

    def note(self, workspace_id: int, attributes: Mapping[str, Any]) -> None:
        """Note the names of the attributes of one lead."""
        known = self._known[workspace_id]
        for name, value in attributes.items():
            if name not in known or type(value) is dict:
                self._add(workspace_id, name, value)

    def _add(self, workspace_id: int, name: str, value: Any) -> None:
        known = self._known[workspace_id]
        for each in _names(name, value, MAX_DEPTH):
            if each not in known and len(known) <= 2 * MAX_NAMES and len(each) <= MAX_LENGTH:
                known.add(each)
                self._waiting.setdefault(workspace_id, set()).add(each)

    def forget(self, workspace_id: int) -> None:
        """Store every name again when it is next seen, because the time of the workspace has changed."""
        self._known.pop(workspace_id, None)

    async def write(self, only: int | None = None) -> None:
        """Store what was seen since the last time, of one workspace or of all.

        Names that cannot be stored wait for the next time: nobody fails because of them. On return, nothing
        that was seen before the call is still on its way.
        """
        async with self._writing:
            await self._write(only)

    async def _write(self, only: int | None) -> None:
        if time.monotonic() - self._since > FRESH_SECONDS:
            self._known.clear()
            self._since = time.monotonic()
        for workspace_id in list(self._waiting) if only is None else [only]:
            names = self._waiting.pop(workspace_id, None)
            if names is not None:
                await self._store(workspace_id, names)

    async def _store(self, workspace_id: int, names: set[str]) -> None:
        stored = False
        try:
            async with transaction(self._pool, workspace_id) as connection:
                await note_attribute_names(connection, workspace_id, names)
            stored = True
        except WorkspaceDeleted:
            stored = True  # nobody will ask for them
        except Exception as error:
            log.warning("attribute names not stored", workspace_id=workspace_id, error=type(error).__name__)
        finally:
            if not stored:
                self._waiting.setdefault(workspace_id, set()).update(names)


def _names(name: str, value: Any, depth: int) -> Iterator[str]:
    yield name
    if isinstance(value, Mapping) and depth > 1:
        for inner, each in value.items():
            yield from _names(f"{name}.{inner}", each, depth - 1)
