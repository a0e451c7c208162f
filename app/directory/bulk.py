"""Bulk upserts of one resource type. They are written in slices, so that decisions can run in between."""

from collections.abc import Sequence
from typing import Any, Literal

from app.directory import validation
from app.directory.defaults import with_defaults
from app.directory.editing import ACCOUNTS, KeptSnapshot, edit_directory
from app.directory.successors import read_successors, successor_faults
from app.errors import Problem, ValidationFailed
from app.store.connection.pool import Pool
from app.store.directory.records import find_records

SLICE = 200
"""The records in one slice, under one workspace lock."""
SLICES = {ACCOUNTS: 250}
"""Larger slices for resource types whose edits have no effects on balances and loads."""

Item = tuple[str, dict[str, Any]]
"""An id and a body."""
Outcome = Literal["created", "updated", "unchanged"] | Problem


def slice_of(resource_type: str) -> int:
    """The size of a slice of this resource type."""
    return SLICES.get(resource_type, SLICE)


async def upsert(
    pool: Pool,
    workspace_id: int,
    actor: str,
    resource_type: str,
    items: Sequence[Item],
    kept: KeptSnapshot | None = None,
) -> list[Outcome]:
    """Write one slice of records. Returns the outcome of each, in order. `kept` is what slices share."""
    async with edit_directory(pool, workspace_id, actor, kept) as edit:
        known = await find_records(edit.connection, workspace_id, resource_type, [id_ for id_, _ in items])
        bodies = {id_: record.body for id_, record in known.items()}
        outcomes: list[Outcome] = []
        good: list[Item] = []
        filled = await with_defaults(edit, resource_type, [body for _, body in items])
        named = [(id_, body) for (id_, _), body in zip(items, filled, strict=True)]
        successors = await read_successors(edit.connection, workspace_id, named)
        for id_, body in named:
            faults = validation.faults(resource_type, body, edit.snapshot.directory)
            faults += successor_faults(id_, body, successors)
            if faults:
                outcomes.append(ValidationFailed(faults=faults))
                continue
            before = bodies.get(id_)
            outcomes.append("created" if before is None else "unchanged" if before == body else "updated")
            bodies[id_] = body
            good.append((id_, body))
            successors[id_] = body.get("successor")
        await edit.put_many(resource_type, good, known)
    return outcomes
