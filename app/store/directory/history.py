"""The directory as it stood after any change of the log."""

from dataclasses import dataclass, field, replace
from typing import Any

from app.engine.model.directory import Directory
from app.engine.model.records import directory_from
from app.store.connection.pool import Connection, Pool, transaction
from app.store.leads import decisions


async def directory_at(connection: Connection, workspace_id: int, version: int) -> Directory:
    """The directory after change number `version`."""
    records = await decisions.records_at(connection, workspace_id, version)
    return directory_from(version, ((each.resource_type, each.id, each.body or {}) for each in records))


@dataclass(slots=True)
class DirectoryReplay:
    """The directory walked forward through the log, in transactions of so many changes at most."""

    pool: Pool
    workspace_id: int
    slice_size: int
    version: int = 0
    records: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    _made: Directory | None = None

    async def to(self, version: int) -> Directory:
        """The directory after change number `version`; a step back begins anew."""
        if version < self.version:
            self.version, self.records, self._made = 0, {}, None
        while self.version < version:
            await self._forward(version)
        if self._made is None:
            records = ((resource_type, id_, body) for (resource_type, id_), body in self.records.items())
            self._made = directory_from(version, records)
        elif self._made.version != version:
            self._made = replace(self._made, version=version)
        return self._made

    async def _forward(self, version: int) -> None:
        async with transaction(self.pool, self.workspace_id, read_only=True) as connection:
            edits = await decisions.edits(
                connection, self.workspace_id, self.version, version, self.slice_size
            )
        for edit in edits:
            self._made = None
            self._put((edit.resource_type, edit.id), edit.body)
        self.version = edits[-1].version if len(edits) == self.slice_size else version

    def _put(self, key: tuple[str, str], body: dict[str, Any] | None) -> None:
        if body is None:
            self.records.pop(key, None)
        else:
            self.records[key] = body
