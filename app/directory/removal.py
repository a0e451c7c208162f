"""Taking away owners, teams, absences, calendars, accounts and tables. What is still named stays."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from app.directory.editing import DirectoryEdit, edit_directory
from app.directory.records import Precondition
from app.engine.lookup.tables import TableContent
from app.engine.model.directory import Directory
from app.errors import Conflict, Fault, NotFound
from app.plan.document.plan import PlanDocument
from app.plan_check.parse import Strategies, parse_plan, steps
from app.plan_check.references import find_references
from app.plan_check.table_refs import tables_in
from app.store import plans
from app.store.connection.pool import Pool, transaction
from app.store.directory import records, tables
from app.store.directory.records import Record
from app.store.directory.tables import read_named_tables
from app.store.path.current_state import read_current_state_on

_NAMED_BY_PLANS = frozenset(("owners", "teams", "tables"))
_ALL = 10_000
"""More absences than one owner ever has."""


async def remove(
    pool: Pool,
    workspace_id: int,
    actor: str,
    strategies: Strategies,
    resource_type: str,
    id_: str,
    on: Precondition,
) -> None:
    """Take away a record, and what goes with it: an owner leaves his teams, and his absences go too.

    Accounts that name one as their parent stay, and have none then. Raises NotFound, PreconditionFailed, and
    Conflict when the active plan names it, or an owner works by it.
    """
    async with _removing(pool, workspace_id, actor, strategies, resource_type, id_, on) as (edit, record):
        if resource_type == "owners":
            await _leave_all(edit, id_)
        if resource_type == "calendars" and any(
            owner.calendar == id_ for owner in edit.snapshot.directory.owners.values()
        ):
            raise Conflict("Owners work by it; give them another one first.", code="in_use")
        await edit.delete(record)


async def remove_absence(pool: Pool, workspace_id: int, actor: str, owner_id: str, id_: str) -> None:
    """Take away an absence of this owner.

    Raises NotFound.
    """
    async with edit_directory(pool, workspace_id, actor) as edit:
        record = await edit.find("absences", id_)
        if record is None or record.body["owner"] != owner_id:
            raise NotFound()
        await edit.delete(record)


async def _leave_all(edit: DirectoryEdit, owner: str) -> None:
    """Take an owner out of his teams, and his absences away."""
    for team in edit.snapshot.directory.teams_of(owner):
        await _leave(edit, team, owner)
    for absence in await records.list_absences(edit.connection, edit.workspace_id, owner, "", _ALL):
        await edit.delete(absence)


async def _leave(edit: DirectoryEdit, team: str, owner: str) -> None:
    record = await edit.find("teams", team)
    if record is not None:
        stay = [member for member in record.body["members"] if member["owner"] != owner]
        await edit.put("teams", team, {**record.body, "members": stay}, record)


@asynccontextmanager
async def _removing(
    pool: Pool,
    workspace_id: int,
    actor: str,
    strategies: Strategies,
    resource_type: str,
    id_: str,
    on: Precondition,
) -> AsyncIterator[tuple[DirectoryEdit, Record]]:
    """An edit with the record to be removed, once it is sure that the active plan does not name it.

    Reading a long plan and its tables takes its time, so they are read before the gate, and again when
    another was published in between, or a table changed.
    """
    while True:
        seen, named = await _named(pool, workspace_id, strategies, resource_type, id_)
        async with edit_directory(pool, workspace_id, actor) as edit:
            if seen is None or seen == _seen(edit.plan_version, edit.snapshot.directory, seen.tables):
                record = await _standing(edit, resource_type, id_)
                on.check(record)
                if record is None:
                    raise NotFound()
                if named:
                    raise _counted_on(named)
                yield edit, record
                return


async def _standing(edit: DirectoryEdit, resource_type: str, id_: str) -> Record | None:
    if resource_type == tables.RESOURCE_TYPE:
        return await tables.find_table_head(edit.connection, edit.workspace_id, id_)
    return await edit.find(resource_type, id_)


@dataclass(frozen=True, slots=True)
class _Seen:
    """The version of the active plan, and the revision of each table it looks into."""

    plan_version: int
    tables: Mapping[str, int | None]


def _seen(plan_version: int, directory: Directory, named: Iterable[str]) -> _Seen:
    return _Seen(plan_version, {id_: directory.tables.get(id_) for id_ in named})


async def _named(
    pool: Pool, workspace_id: int, strategies: Strategies, resource_type: str, id_: str
) -> tuple[_Seen | None, list[str]]:
    """What was looked at, and where the active plan names the record; nothing where it never names any."""
    if resource_type not in _NAMED_BY_PLANS:
        return None, []
    async with transaction(pool, workspace_id, read_only=True) as connection:
        now = await read_current_state_on(connection, workspace_id)
        text = await plans.find_text(connection, workspace_id, now.entry.plan_version)
        stored: Mapping[str, Any] = text[0] if text else {}
        looked_up = await read_named_tables(connection, workspace_id, tables_in(stored))
    seen = _seen(now.entry.plan_version, now.facts.directory, tables_in(stored))
    found = await asyncio.to_thread(_places, stored, strategies, resource_type, id_, looked_up)
    return seen, found


def _places(
    stored: Mapping[str, Any],
    strategies: Strategies,
    resource_type: str,
    id_: str,
    looked_up: Mapping[str, TableContent],
) -> list[str]:
    document = parse_plan(stored, strategies) if stored else None
    if not isinstance(document, PlanDocument):
        return []
    return find_references(document, resource_type.removesuffix("s"), id_, looked_up)


def _counted_on(named: list[str]) -> Conflict:
    faults = [Fault(steps(path), "named_by_plan", "names what was to be removed", "plan") for path in named]
    return Conflict(
        "The active plan names it; publish one that does not first.", code="in_use", faults=faults
    )
