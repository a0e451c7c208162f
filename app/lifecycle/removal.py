"""Taking away owners, teams, absences, calendars and accounts. What is still named stays."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from app.engine.places import places
from app.lifecycle.editing import ACCOUNTS, Edit, editing
from app.lifecycle.present import present
from app.lifecycle.reading import Strategies, reads, steps
from app.lifecycle.records import Condition
from app.plan.schema import PlanDocument
from app.problems import Conflict, Fault, NotFound
from app.store import plans, records
from app.store.database import Pool
from app.store.directory import Record

_ALL = 10_000
"""More absences than one owner ever has."""


async def remove_owner(
    pool: Pool, workspace_id: int, actor: str, strategies: Strategies, id_: str, on: Condition
) -> None:
    """Take away an owner, out of his teams and with his absences.

    Raises NotFound, PreconditionFailed, and Conflict when the active plan names him.
    """
    async with _removing(pool, workspace_id, actor, strategies, "owners", id_, on) as (edit, record):
        for team in edit.remembered.directory.teams.values():
            if any(member.owner == id_ for member in team.members):
                await _leave(edit, team.id, id_)
        for absence in await records.absences(edit.connection, workspace_id, id_, "", _ALL):
            await edit.delete(absence)
        await edit.delete(record)


async def remove_team(
    pool: Pool, workspace_id: int, actor: str, strategies: Strategies, id_: str, on: Condition
) -> None:
    """Take away a team.

    Raises NotFound, PreconditionFailed, and Conflict when the active plan names it.
    """
    async with _removing(pool, workspace_id, actor, strategies, "teams", id_, on) as (edit, record):
        await edit.delete(record)


async def remove_absence(pool: Pool, workspace_id: int, actor: str, owner_id: str, id_: str) -> None:
    """Take away an absence of this owner.

    Raises NotFound.
    """
    async with editing(pool, workspace_id, actor) as edit:
        record = await edit.find("absences", id_)
        if record is None or record.body["owner"] != owner_id:
            raise NotFound()
        await edit.delete(record)


async def remove_calendar(pool: Pool, workspace_id: int, actor: str, id_: str, on: Condition) -> None:
    """Take away a calendar.

    Raises NotFound, PreconditionFailed, and Conflict when an owner works by it.
    """
    async with editing(pool, workspace_id, actor) as edit:
        record = await edit.find("calendars", id_)
        on.check(record)
        if record is None:
            raise NotFound()
        if any(owner.calendar == id_ for owner in edit.remembered.directory.owners.values()):
            raise Conflict("Owners work by it; give them another one first.", code="in_use")
        await edit.delete(record)


async def remove_account(pool: Pool, workspace_id: int, actor: str, id_: str, on: Condition) -> None:
    """Take away an account. Those that name it as their parent stay, and have none then.

    Raises NotFound, PreconditionFailed.
    """
    async with editing(pool, workspace_id, actor) as edit:
        record = await edit.find(ACCOUNTS, id_)
        on.check(record)
        if record is None:
            raise NotFound()
        await edit.delete(record)


async def _leave(edit: Edit, team: str, owner: str) -> None:
    record = await edit.find("teams", team)
    if record is not None:
        stay = [member for member in record.body["members"] if member["owner"] != owner]
        await edit.put("teams", team, {**record.body, "members": stay}, record)


@asynccontextmanager
async def _removing(
    pool: Pool, workspace_id: int, actor: str, strategies: Strategies, noun: str, id_: str, on: Condition
) -> AsyncIterator[tuple[Edit, Record]]:
    """An edit with the record to be removed, once it is sure that the active plan does not name it.

    Reading a long plan takes its time, so it is read before the gate, and again when another was published
    in between.
    """
    version, named = await _named(pool, workspace_id, strategies, noun, id_)
    while True:
        async with editing(pool, workspace_id, actor) as edit:
            if edit.plan_version == version:
                record = await edit.find(noun, id_)
                on.check(record)
                if record is None:
                    raise NotFound()
                if named:
                    raise _counted_on(named)
                yield edit, record
                return
        version, named = await _named(pool, workspace_id, strategies, noun, id_)


async def _named(
    pool: Pool, workspace_id: int, strategies: Strategies, noun: str, id_: str
) -> tuple[int, list[str]]:
    """The version of the active plan, and where it names the record."""
    version = (await present(pool, workspace_id)).entry.plan_version
    if version == 0:
        return 0, []
    stored = await plans.document(pool, workspace_id, version)
    document = await asyncio.to_thread(reads, stored, strategies)
    if not isinstance(document, PlanDocument):
        return version, []
    return version, places(document, noun.removesuffix("s"), id_)


def _counted_on(named: list[str]) -> Conflict:
    faults = [Fault(steps(path), "named_by_plan", "names what was to be removed", "plan") for path in named]
    return Conflict(
        "The active plan names it; publish one that does not first.", code="in_use", faults=faults
    )
