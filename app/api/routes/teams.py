"""`/teams`, their members and the balances in them, and the ledger behind the balances."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query

from app.api.http.auth import Caller, requires
from app.api.http.json_response import Json, etag, page_of
from app.api.http.parameters import (
    AfterNumber,
    CallerParameter,
    Limit,
    Patch,
    PathId,
    PoolParameter,
    PreconditionParameter,
)
from app.api.http.routing import StrictRoute
from app.api.routes.crud import READERS, Resource, to_json, write_record
from app.contract.directory import MemberSettings, TeamInput, parse_record, to_record
from app.contract.directory_responses import LedgerEntry, MemberRemoval, Team, TeamDetail
from app.contract.limits import KIB, BodyLimits
from app.contract.responses import Page
from app.directory import leaving, standings, teams
from app.directory.merge_patch import merge_patch
from app.directory.records import Make, Precondition
from app.directory.teams import Member, with_member
from app.errors import NotFound
from app.store.connection.pool import Pool

router = APIRouter(route_class=StrictRoute, tags=["directory"])
LARGE = BodyLimits(size=256 * KIB)
"""Enough for a team of a thousand members with caps of their own."""

Resource(router, "team", "teams", TeamInput, Team, body=LARGE).add(
    "upsert", "update", "list", "delete", "bulk_upsert"
)


@router.get("/teams/{id}")
@requires(*READERS)
async def get_team(caller: CallerParameter, pool: PoolParameter, id: PathId) -> Json[TeamDetail]:
    """Returns a team, with the balance and availability of each member, and who is next."""
    standing = await standings.team_standing(pool, caller.workspace_id, id)
    record, found = standing.record, standing.members
    members = [
        {
            **member,
            "balance": each.balance,
            "turns": each.turns,
            "open_leads": each.open_leads,
            "eligible": each.code is None,
            "code": each.code,
            "available_at": each.available_at,
        }
        for member, each in zip(record.body["members"], found, strict=True)
    ]
    shown = {**to_json(record), "members": members, "next_owner": standing.next_owner}
    return Json(shown, headers=etag(record.revision))


@router.get("/teams/{id}/ledger")
@requires(*READERS)
async def list_ledger_entries(
    caller: CallerParameter, pool: PoolParameter, id: PathId, after: AfterNumber = 0, limit: Limit = 100
) -> Json[Page[LedgerEntry]]:
    """Lists the ledger entries behind the balances, in order."""
    found = await teams.ledger(pool, caller.workspace_id, id, after, limit + 1)
    return await page_of(
        found,
        limit,
        lambda entry: {name: getattr(entry, name) for name in LedgerEntry.model_fields},
        lambda entry: entry.number,
    )


@router.put("/teams/{id}/members/{owner}")
@requires("directory:write")
async def upsert_team_member(
    caller: CallerParameter,
    pool: PoolParameter,
    on: PreconditionParameter,
    id: PathId,
    owner: PathId,
    body: MemberSettings,
) -> Json[Team]:
    """Adds a member, or replaces their settings."""
    settings = to_record(body)
    return await _write(pool, caller, on, id, owner, lambda _: {**settings, "owner": owner})


@router.patch("/teams/{id}/members/{owner}")
@requires("directory:write")
async def update_team_member(
    caller: CallerParameter,
    pool: PoolParameter,
    on: PreconditionParameter,
    id: PathId,
    owner: PathId,
    body: Patch,
) -> Json[Team]:
    """Changes some settings of a member (RFC 7396). Null removes a setting."""

    return await write_record(pool, caller, "teams", id, patched_member(owner, body), on)


@router.delete("/teams/{id}/members/{owner}")
@requires("directory:write")
async def delete_team_member(
    caller: CallerParameter,
    pool: PoolParameter,
    on: PreconditionParameter,
    id: PathId,
    owner: PathId,
    open_leads: Annotated[
        Literal["move", "keep"],
        Query(description="`move` routes the open leads that came through the team again, as a bulk job."),
    ] = "keep",
) -> Json[MemberRemoval]:
    """Removes a member, and returns their open leads of the team. Their balance is spread over the others."""

    def remove(member: Member | None) -> None:
        if member is None:
            raise NotFound()

    make, move = _make(owner, remove), open_leads == "move"
    found = await leaving.leave_team(
        pool, caller.workspace_id, caller.key_id, id, owner, make, on, move_leads=move
    )
    shown = [
        {"lead_id": lead_id, "assignment_id": assignment_id}
        for lead_id, assignment_id in found.leads[: leaving.MAX_SHOWN]
    ]
    job_id = found.job.id if found.job is not None else None
    return Json({"open_leads": len(found.leads), "items": shown, "job_id": job_id})


async def _write(
    pool: Pool,
    caller: Caller,
    on: Precondition,
    id_: str,
    owner: str,
    change: Callable[[Member | None], Member | None],
) -> Json[Any]:
    return await write_record(pool, caller, "teams", id_, _make(owner, change), on)


def patched_member(owner: str, patch: Mapping[str, Any]) -> Make:
    """Makes a team with some settings of a member changed (RFC 7396). It raises NotFound for no member."""

    def change(member: Member | None) -> Member:
        if member is None:
            raise NotFound()
        settings = {name: value for name, value in member.items() if name != "owner"}
        return {**parse_record(MemberSettings, merge_patch(settings, patch)), "owner": owner}

    return _make(owner, change)


def _make(owner: str, change: Callable[[Member | None], Member | None]) -> Make:
    """Makes a team with one member changed."""

    def make(before: Mapping[str, Any] | None) -> dict[str, Any]:
        return parse_record(TeamInput, with_member(before, owner, change))

    return make
