"""Erasures of owners: which are asked for, and how far each is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from app.store.connection.pool import Connection, Row
from app.store.connection.rows import row_in_utc
from app.store.privacy.erase import PRIVACY_ROLE, TAKE_ROLE


@dataclass(frozen=True, slots=True)
class OwnerErasure:
    """An owner whose name and addresses are replaced by their id.

    What has happened up to change `version` and decision `decision_number` is about this owner; later
    records of the same id are others. `at` is the time of the workspace, `asked_at` that of the server.
    `step` is the part of the history that is looked through, `after` the last row of it, and `ended_at` when
    all was done.
    """

    owner_id: str
    version: int
    decision_number: int
    at: datetime
    asked_at: datetime
    actor: str
    step: int = 0
    after: Sequence[str] | None = None
    ended_at: datetime | None = None


_COLUMNS = "owner_id, version, decision_number, at, asked_at, actor, step, after, ended_at"

INSERT_OWNER_ERASURE = """
INSERT INTO owner_erasures (workspace_id, owner_id, version, decision_number, at, actor)
VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING
"""
"""An owner is to be erased."""

SELECT_RUNNING = f"""
SELECT {_COLUMNS} FROM owner_erasures WHERE workspace_id = $1 AND ended_at IS NULL ORDER BY version
"""
"""The erasures that are not done, the oldest first."""

SELECT_PAGE = f"""
SELECT {_COLUMNS} FROM owner_erasures
 WHERE workspace_id = $1 AND (owner_id, version) > ($2, $3)
 ORDER BY owner_id, version LIMIT $4
"""
"""A page of all erasures, by owner."""

UPDATE_PROGRESS = """
UPDATE owner_erasures SET step = $4, after = $5
 WHERE workspace_id = $1 AND owner_id = $2 AND version = $3 AND ended_at IS NULL
   AND step = $6 AND after::text IS NOT DISTINCT FROM $7
"""
"""Where to go on, unless another worker went on from the same row."""

END_ERASURE = (
    "UPDATE owner_erasures SET ended_at = $4 WHERE workspace_id = $1 AND owner_id = $2 AND version = $3"
)
"""All is done."""

SELECT_OWNER_CHANGES = """
SELECT version, before, after FROM changes
 WHERE workspace_id = $1 AND resource_type = 'owners' AND resource_id = $2 AND version <= $3
 ORDER BY version
"""
"""Every record that an owner had up to a change."""

UPDATE_CHANGE = "UPDATE changes SET before = $3, after = $4 WHERE workspace_id = $1 AND version = $2"
"""A change with other records."""


async def add_erasure(connection: Connection, workspace_id: int, erasure: OwnerErasure) -> None:
    """Ask for the erasure of an owner, under the workspace lock."""
    await connection.execute(
        INSERT_OWNER_ERASURE,
        workspace_id,
        erasure.owner_id,
        erasure.version,
        erasure.decision_number,
        erasure.at,
        erasure.actor,
    )


async def list_running(connection: Connection, workspace_id: int) -> list[OwnerErasure]:
    """Return the erasures that are not done, the oldest first."""
    return [_erasure(row) for row in await connection.fetch(SELECT_RUNNING, workspace_id)]


async def list_page(
    connection: Connection, workspace_id: int, after: tuple[str, int], limit: int
) -> list[OwnerErasure]:
    """Return a page of all erasures, after one of an owner at a version."""
    return [_erasure(row) for row in await connection.fetch(SELECT_PAGE, workspace_id, *after, limit)]


async def take_role(connection: Connection) -> None:
    """Take the role of erasure until the end of the transaction."""
    await connection.execute(TAKE_ROLE, PRIVACY_ROLE)


async def note_progress(
    connection: Connection, workspace_id: int, erasure: OwnerErasure, step: int, after: Sequence[str] | None
) -> bool:
    """Note where to go on. Returns False if another worker did so first."""
    before, now = (_text(each) for each in (erasure.after, after))
    done: str = await connection.execute(
        UPDATE_PROGRESS, workspace_id, erasure.owner_id, erasure.version, step, now, erasure.step, before
    )
    return done.endswith(" 1")


async def find_former_records(
    connection: Connection, workspace_id: int, owner_id: str, version: int
) -> list[dict[str, Any]]:
    """Return every record that an owner had up to a change of the log."""
    rows = await connection.fetch(SELECT_OWNER_CHANGES, workspace_id, owner_id, version)
    return [orjson.loads(row[side]) for row in rows for side in ("before", "after") if row[side] is not None]


async def end_erasure(
    connection: Connection,
    workspace_id: int,
    erasure: OwnerErasure,
    records: Mapping[int, Any],
    now: datetime,
) -> None:
    """Write the changes of the owner's record (before and after, by version) again, and end the erasure."""
    rows = [(workspace_id, version, *map(_text, sides)) for version, sides in records.items()]
    await connection.executemany(UPDATE_CHANGE, rows)
    await connection.execute(END_ERASURE, workspace_id, erasure.owner_id, erasure.version, now)


async def find_owner_changes(
    connection: Connection, workspace_id: int, erasure: OwnerErasure
) -> dict[int, tuple[dict[str, Any] | None, dict[str, Any] | None]]:
    """Return what the owner's record was before and after each change, by version."""
    rows = await connection.fetch(SELECT_OWNER_CHANGES, workspace_id, erasure.owner_id, erasure.version)
    return {
        row["version"]: (
            row["before"] and orjson.loads(row["before"]),
            row["after"] and orjson.loads(row["after"]),
        )
        for row in rows
    }


def _text(value: Any) -> str | None:
    return None if value is None else orjson.dumps(value).decode()


def _erasure(row: Row) -> OwnerErasure:
    found = row_in_utc(row)
    return OwnerErasure(**{**found, "after": found["after"] and orjson.loads(found["after"])})
