"""Which workspaces a worker should visit, in one look across all of them."""

from dataclasses import dataclass

from app.store.connection.pool import Pool, look_up

# One row, because it is read outside of any workspace, where row-level security shows nothing else.
SELECT_DUE_WORKSPACES = """
SELECT array_agg(id) AS ids, array_agg(coalesce(number, 0)) AS numbers, array_agg(due) AS due
  FROM (SELECT id, number, due FROM due_workspaces() ORDER BY id) AS look
"""
"""Every workspace, oldest first, with its newest journal entry and whether something there is due."""


@dataclass(frozen=True, slots=True)
class WorkspaceLook:
    """One workspace: the number of its newest journal entry, 0 for none, and whether something is due."""

    workspace_id: int
    number: int
    due: bool


async def look_at_workspaces(pool: Pool) -> list[WorkspaceLook]:
    """Return every workspace, oldest first."""
    row = await look_up(pool, pool.acquire_seconds, SELECT_DUE_WORKSPACES)
    columns = (row["ids"] or [], row["numbers"] or [], row["due"] or [])
    return [WorkspaceLook(*each) for each in zip(*columns, strict=True)]
