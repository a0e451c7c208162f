"""Many records of one noun at once. They are written in slices, so that decisions get in between."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from app.lifecycle.editing import Edit, editing
from app.lifecycle.records import keep
from app.problems import Problem
from app.store.database import Pool
from app.store.directory import Record
from app.store.records import find_many

SLICE = 200
"""No more records than this go through the gate in one pass."""

Item = tuple[str, dict[str, Any]]
"""Id and body."""
Outcome = Literal["created", "updated", "unchanged"] | Problem


@dataclass(slots=True)
class _Slice:
    edit: Edit
    noun: str
    known: dict[str, Record]

    async def put(self, id_: str, body: dict[str, Any]) -> Outcome:
        before = self.known.get(id_)
        try:
            written = await keep(self.edit, self.noun, id_, body, before)
        except Problem as problem:
            return problem
        self.known[id_] = written.record
        if written.created:
            return "created"
        return "unchanged" if before is written.record else "updated"


async def upsert(
    pool: Pool, workspace_id: int, actor: str, noun: str, items: Sequence[Item]
) -> list[Outcome]:
    """Write at most `SLICE` records in one pass; what came of each, in their order."""
    async with editing(pool, workspace_id, actor) as edit:
        known = await find_many(edit.connection, workspace_id, noun, [id_ for id_, _ in items])
        slice_ = _Slice(edit, noun, known)
        return [await slice_.put(id_, body) for id_, body in items]
