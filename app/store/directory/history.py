"""The directory as it was after any change of the change log."""

from dataclasses import dataclass, field, replace
from typing import Any

import orjson

from app.engine.model.directory import Directory
from app.engine.model.records import directory_in_steps
from app.pace import by_turns, paced
from app.store.connection.pool import Connection, Pool, Row, may_pause, transaction
from app.store.directory.records import DIRECTORY_TYPES


@dataclass(frozen=True, slots=True)
class StoredChange:
    """One change of the directory. No body: the record was deleted. Of a table, only its revision."""

    version: int
    resource_type: str
    id: str
    body: dict[str, Any] | None


SELECT_RECORDS_AT = """
SELECT DISTINCT ON (resource_type, resource_id) version, resource_type, resource_id, after
  FROM changes
 WHERE workspace_id = $1 AND resource_type = ANY ($2) AND version <= $3
 ORDER BY resource_type, resource_id, version DESC
"""
"""The last change of each record up to a version."""

SELECT_DIRECTORY_CHANGES = """
SELECT version, resource_type, resource_id, after
  FROM changes
 WHERE workspace_id = $1 AND version > $2 AND version <= $3 AND resource_type = ANY ($4)
 ORDER BY version LIMIT $5
"""
"""The changes between two versions, in order."""


async def read_directory_at(connection: Connection, workspace_id: int, version: int) -> Directory:
    """Return the directory after change number `version`."""
    await may_pause(connection)
    rows = await connection.fetch(SELECT_RECORDS_AT, workspace_id, list(DIRECTORY_TYPES), version)
    changes = map(_change, rows)
    records = ((each.resource_type, each.id, each.body) for each in changes if each.body is not None)
    return await by_turns(directory_in_steps(version, records))


@dataclass(slots=True)
class DirectoryReplay:
    """The directory moved forward through the change log, a limited number of changes a transaction."""

    pool: Pool
    workspace_id: int
    slice_size: int
    version: int = 0
    records: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    _directory: Directory | None = None

    async def advance_to(self, version: int) -> Directory:
        """Return the directory after change number `version`. An earlier version starts over."""
        if version < self.version:
            self.version, self.records, self._directory = 0, {}, None
        while self.version < version:
            await self._advance(version)
        if self._directory is None:
            records = ((resource_type, id_, body) for (resource_type, id_), body in self.records.items())
            self._directory = await by_turns(directory_in_steps(version, records))
        elif self._directory.version != version:
            self._directory = replace(self._directory, version=version)
        return self._directory

    async def _advance(self, version: int) -> None:
        async with transaction(self.pool, self.workspace_id, read_only=True) as connection:
            rows = await connection.fetch(
                SELECT_DIRECTORY_CHANGES,
                self.workspace_id,
                self.version,
                version,
                list(DIRECTORY_TYPES),
                self.slice_size,
            )
        async for row in paced(rows):
            self._directory = None
            self._apply(_change(row))
        self.version = rows[-1]["version"] if len(rows) == self.slice_size else version

    def _apply(self, change: StoredChange) -> None:
        key = (change.resource_type, change.id)
        if change.body is None:
            self.records.pop(key, None)
        else:
            self.records[key] = change.body


def _change(row: Row) -> StoredChange:
    after = row["after"] and orjson.loads(row["after"])
    if after is not None and row["resource_type"] == "tables":
        after = {"revision": row["version"]}
    return StoredChange(row["version"], row["resource_type"], row["resource_id"], after)
