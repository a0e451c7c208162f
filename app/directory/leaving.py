"""An owner becomes inactive, or leaves a team, and their open leads move on if the caller says so."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.directory import bulk_moves, records
from app.directory.editing import edit_directory
from app.directory.records import Make, Precondition, WrittenRecord
from app.errors import refused_at
from app.store.connection.pool import Pool
from app.store.leads import open_leads
from app.store.leads.bulk_jobs import BulkJob
from app.store.leads.open_leads import AssignmentFilter

MAX_SHOWN = 1000


@dataclass(frozen=True, slots=True)
class ChangedOwner:
    """An owner after an edit. `left` says that they are not active any more, `job` moves their open leads."""

    written: WrittenRecord
    left: bool
    job: BulkJob | None


@dataclass(frozen=True, slots=True)
class LeftTeam:
    """The open leads that a former member has through the team, each with its assignment."""

    leads: Sequence[tuple[str, str]]
    job: BulkJob | None


async def change_owner(
    pool: Pool,
    workspace_id: int,
    actor: str,
    id_: str,
    make: Make,
    on: Precondition,
    *,
    move_leads: bool | None,
) -> ChangedOwner:
    """Write an owner. From the commit on, no decision gives an inactive one a lead.

    `move_leads` says what to do with the open leads of an owner who is inactive then; None if the caller did
    not say. Raises PreconditionFailed, ValidationFailed, and what `make` raises.
    """
    async with edit_directory(pool, workspace_id, actor) as edit:
        before = await edit.find("owners", id_)
        on.check(before)
        body = make(before.body if before else None)
        active = body["active"]
        if active and move_leads is not None:
            raise refused_at(("open_leads",), "not_allowed", "is for an owner who is made inactive")
        written = await records.keep(edit, "owners", id_, body, before)
        job = None
        if move_leads:
            job = await bulk_moves.create(edit, "deactivate", AssignmentFilter(owner=id_), {"owner": id_})
        was_active = before is not None and before.body.get("active", True)
        return ChangedOwner(written, not active and (was_active or move_leads is not None), job)


async def leave_team(
    pool: Pool,
    workspace_id: int,
    actor: str,
    team: str,
    owner: str,
    make: Make,
    on: Precondition,
    *,
    move_leads: bool,
) -> LeftTeam:
    """Take a member out of a team. Their balance is spread over the others.

    `make` makes the team without the member. Raises PreconditionFailed, ValidationFailed, and what it raises.
    """
    async with edit_directory(pool, workspace_id, actor) as edit:
        before = await edit.find("teams", team)
        on.check(before)
        await records.keep(edit, "teams", team, make(before.body if before else None), before)
        wanted = AssignmentFilter(owner=owner, team=team)
        found = await open_leads.list_ids(edit.connection, workspace_id, wanted, bulk_moves.MAX_LEADS)
        params = {"owner": owner, "team": team}
        job = await bulk_moves.create(edit, "leave_team", wanted, params) if move_leads else None
        return LeftTeam(found, job)
