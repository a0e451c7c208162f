"""Deleting owners, teams, absences, calendars, accounts and tables, unless they are in use."""

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from app.directory import bulk_moves
from app.directory.editing import DirectoryEdit, edit_directory
from app.directory.records import Precondition
from app.engine.lookup.tables import TableContent
from app.engine.model.directory import Directory
from app.engine.model.unnamed import former_names
from app.errors import Fault, InUse, NotFound, OwnerHasLeads
from app.places import SHORT_PLANS
from app.plan.document.plan import PlanDocument
from app.plan_check.parse import Strategies, parse_plan, steps
from app.plan_check.references import find_references, tables_in
from app.store import plans
from app.store.connection.pool import Pool, transaction
from app.store.directory import records, tables
from app.store.directory.records import Record
from app.store.directory.tables import read_named_tables
from app.store.leads import open_leads
from app.store.leads.bulk_jobs import BulkJob
from app.store.leads.open_leads import AssignmentFilter
from app.store.path.current_state import read_current_state_on
from app.store.privacy import owner_erasures
from app.store.privacy.owner_erasures import OwnerErasure

_NAMED_BY_PLANS = frozenset(("owners", "teams", "tables"))
_ALL = 10_000
"""More absences than an owner ever has."""


async def remove(
    pool: Pool,
    workspace_id: int,
    actor: str,
    strategies: Strategies,
    resource_type: str,
    id_: str,
    on: Precondition,
    *,
    move_leads: bool | None = None,
    erase: bool = False,
) -> BulkJob | None:
    """Delete a record. Deleting an owner also removes their team memberships and absences.

    `move_leads` says whether the open leads of a deleted owner are routed again, by the job that is returned;
    None if the caller did not say. With `erase` the worker replaces their name and addresses in the history.
    Accounts with a deleted parent stay, without a parent. Raises NotFound, PreconditionFailed, InUse when the
    active plan or an owner uses the record, and OwnerHasLeads for one whose leads nobody decided about.
    """
    job: BulkJob | None = None
    async with _removing(pool, workspace_id, actor, strategies, resource_type, id_, on) as (edit, record):
        if resource_type == "owners":
            leads = await open_leads.count_of_owner(edit.connection, workspace_id, id_)
            if leads and move_leads is None:
                raise OwnerHasLeads(leads)
            await _leave_all(edit, id_)
        if resource_type == "calendars" and any(
            owner.calendar == id_ for owner in edit.snapshot.directory.owners.values()
        ):
            raise InUse("Owners use this calendar. Give them another one first.")
        await edit.delete(record)
        if erase:
            await _erase(edit, id_)
        if move_leads:
            job = await bulk_moves.create(edit, "deactivate", AssignmentFilter(owner=id_), {"owner": id_})
    return job


async def erase_removed_owner(pool: Pool, workspace_id: int, actor: str, id_: str) -> None:
    """Erase an owner who was deleted before. One who was erased already is left.

    Raises NotFound when there never was one, and when there is one now.
    """
    async with edit_directory(pool, workspace_id, actor) as edit:
        if await edit.find("owners", id_) is not None:
            raise NotFound()
        found = await owner_erasures.find_former_records(edit.connection, workspace_id, id_, edit.version)
        if not found:
            raise NotFound()
        if former_names(id_, found):
            await _erase(edit, id_)


async def repeat_owner_erasure(
    pool: Pool, workspace_id: int, actor: str, strategies: Strategies, id_: str, version: int
) -> bool:
    """Erase an owner again, after a restore, who was erased with change number `version`.

    Returns whether there was anything to erase. A later owner with the same id stays. Raises InUse.
    """
    async with transaction(pool, workspace_id, read_only=True) as connection:
        record = await records.find_record(connection, workspace_id, "owners", id_)
        known = await owner_erasures.list_page(connection, workspace_id, (id_, version - 1), 1)
    if any((each.owner_id, each.version) == (id_, version) for each in known):
        return False
    if record is not None and record.revision > version:
        return False
    try:
        if record is None:
            await erase_removed_owner(pool, workspace_id, actor, id_)
        else:
            await remove(
                pool,
                workspace_id,
                actor,
                strategies,
                "owners",
                id_,
                Precondition(),
                move_leads=False,
                erase=True,
            )
    except NotFound:
        return False
    return True


async def _erase(edit: DirectoryEdit, owner: str) -> None:
    entry = edit.snapshot.entry
    await owner_erasures.add_erasure(
        edit.connection,
        edit.workspace_id,
        OwnerErasure(owner, edit.version, entry.decision_number, edit.now, edit.now, edit.actor),
    )


async def remove_absence(pool: Pool, workspace_id: int, actor: str, owner_id: str, id_: str) -> None:
    """Delete an absence of this owner.

    Raises NotFound.
    """
    async with edit_directory(pool, workspace_id, actor) as edit:
        record = await edit.find("absences", id_)
        if record is None or record.body["owner"] != owner_id:
            raise NotFound()
        await edit.delete(record)


async def _leave_all(edit: DirectoryEdit, owner: str) -> None:
    """Remove an owner from all teams, and delete their absences."""
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
    """An edit with the record to delete. The active plan does not use the record.

    Parsing a long plan and its tables is slow, so this happens before the lock, and again when the plan or a
    table has changed in the meantime.
    """
    while True:
        state, named = await named_by_plan(pool, workspace_id, strategies, resource_type, id_)
        async with edit_directory(pool, workspace_id, actor) as edit:
            if state is None or state == _state(edit.plan_version, edit.snapshot.directory, state.tables):
                record = await _find(edit, resource_type, id_)
                on.check(record)
                if record is None:
                    raise NotFound()
                if named:
                    raise _in_use(named)
                yield edit, record
                return


async def _find(edit: DirectoryEdit, resource_type: str, id_: str) -> Record | None:
    if resource_type == tables.RESOURCE_TYPE:
        return await tables.find_table_head(edit.connection, edit.workspace_id, id_)
    return await edit.find(resource_type, id_)


@dataclass(frozen=True, slots=True)
class _PlanState:
    """The version of the active plan, and the revision of each table it uses."""

    plan_version: int
    tables: Mapping[str, int | None]


def _state(plan_version: int, directory: Directory, named: Iterable[str]) -> _PlanState:
    return _PlanState(plan_version, {id_: directory.tables.get(id_) for id_ in named})


async def named_by_plan(
    pool: Pool, workspace_id: int, strategies: Strategies, resource_type: str, id_: str
) -> tuple[_PlanState | None, list[str]]:
    """The state that was read, and the paths at which the active plan names the record."""
    if resource_type not in _NAMED_BY_PLANS:
        return None, []
    async with transaction(pool, workspace_id, read_only=True) as connection:
        now = await read_current_state_on(connection, workspace_id)
        text = await plans.find_text(connection, workspace_id, now.entry.plan_version)
        stored: Mapping[str, Any] = text[0] if text else {}
        looked_up = await read_named_tables(connection, workspace_id, tables_in(stored))
    state = _state(now.entry.plan_version, now.facts.directory, tables_in(stored))
    found = await SHORT_PLANS.run(workspace_id, _places, stored, strategies, resource_type, id_, looked_up)
    return state, found


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


def _in_use(named: list[str]) -> InUse:
    faults = [Fault(steps(path), "named_by_plan", "uses the record", "plan") for path in named]
    return InUse("The active plan uses it. Publish a plan that does not first.", faults=faults)
