"""`/teams`, how their members stand, and the ledger of their turns."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Body
from starlette.requests import Request
from starlette.responses import Response

from app.api.http.auth import caller_of, requires
from app.api.http.pagination import After as AfterId
from app.api.http.pagination import AfterNumber, Limit, answer, page_of
from app.api.http.preconditions import MATCHED, condition_of, etag
from app.api.http.routing import StrictRoute
from app.api.routes import crud
from app.api.routes.crud import LINES, READERS, PathId, pool_of, shown
from app.contract.directory import (
    LedgerEntry,
    MemberSettings,
    Team,
    TeamDetail,
    TeamInput,
    parse_record,
    to_record,
)
from app.contract.limits import KIB, BodyLimits
from app.contract.ndjson import BulkResult
from app.contract.responses import Page
from app.directory import records, teams
from app.directory.merge_patch import merge_patch
from app.directory.teams import Member, with_member
from app.errors import NotFound

router = APIRouter(route_class=StrictRoute, tags=["directory"])
RESOURCE_TYPE = "teams"
LARGE = BodyLimits(size=256 * KIB)
"""A team of a thousand members with caps of their own."""


@router.put("/teams/{id}", response_model=Team, responses=crud.new(Team), openapi_extra=MATCHED)
@requires("directory:write", body=LARGE)
async def put_team(request: Request, id: PathId, body: TeamInput) -> Response:
    """Replace a team, or add one."""
    return await crud.put(request, RESOURCE_TYPE, id, body)


@router.patch("/teams/{id}", response_model=Team, openapi_extra=MATCHED)
@requires("directory:write", body=LARGE)
async def patch_team(request: Request, id: PathId, body: Annotated[dict[str, Any], Body()]) -> Response:
    """Change some fields of a team (RFC 7396); a list of members replaces the whole list."""
    return await crud.patch(request, RESOURCE_TYPE, id, TeamInput, body)


@router.get("/teams/{id}", response_model=TeamDetail)
@requires(*READERS)
async def get_team(request: Request, id: PathId) -> Response:
    """A team, and how its members stand at this moment."""
    record, found = await teams.standing(pool_of(request), caller_of(request).workspace_id, id)
    members = [
        {
            **member,
            "balance": each.balance,
            "turns": each.turns,
            "open": each.open,
            "eligible": each.code is None,
            "code": each.code,
            "available_at": each.available_at,
        }
        for member, each in zip(record.body["members"], found, strict=True)
    ]
    return answer({**shown(record), "members": members}, headers=etag(record.revision))


@router.get("/teams", response_model=Page[Team])
@requires(*READERS)
async def list_teams(request: Request, after: AfterId = "", limit: Limit = 100) -> Response:
    """Teams by id."""
    return await crud.listed(request, RESOURCE_TYPE, after, limit)


@router.delete("/teams/{id}", status_code=204, openapi_extra=MATCHED)
@requires("directory:write")
async def delete_team(request: Request, id: PathId) -> Response:
    """Take a team away; 409 while the active plan names it."""
    return await crud.delete(request, RESOURCE_TYPE, id)


@router.post("/teams/bulk", response_model=BulkResult, openapi_extra=LINES)
@requires("directory:write")
async def put_teams(request: Request) -> Response:
    """Add and replace many teams, one a line."""
    return await crud.bulk(request, RESOURCE_TYPE, TeamInput)


@router.get("/teams/{id}/ledger", response_model=Page[LedgerEntry])
@requires(*READERS)
async def list_turns(request: Request, id: PathId, after: AfterNumber = 0, limit: Limit = 100) -> Response:
    """The turns behind the balances, in order."""
    found = await teams.ledger(pool_of(request), caller_of(request).workspace_id, id, after, limit + 1)
    return page_of(
        found,
        limit,
        lambda turn: {name: getattr(turn, name) for name in LedgerEntry.model_fields},
        lambda turn: turn.number,
    )


@router.put("/teams/{id}/members/{owner}", response_model=Team, openapi_extra=MATCHED)
@requires("directory:write")
async def put_member(request: Request, id: PathId, owner: PathId, body: MemberSettings) -> Response:
    """Add a member, or replace what is said of him."""
    settings = to_record(body)
    return await _change(request, id, owner, lambda _: {**settings, "owner": owner})


@router.patch("/teams/{id}/members/{owner}", response_model=Team, openapi_extra=MATCHED)
@requires("directory:write")
async def patch_member(
    request: Request, id: PathId, owner: PathId, body: Annotated[dict[str, Any], Body()]
) -> Response:
    """Change what is said of a member (RFC 7396: null removes)."""

    def change(member: Member | None) -> Member:
        if member is None:
            raise NotFound()
        settings = {name: value for name, value in member.items() if name != "owner"}
        return {**parse_record(MemberSettings, merge_patch(settings, body)), "owner": owner}

    return await _change(request, id, owner, change)


@router.delete("/teams/{id}/members/{owner}", status_code=204, openapi_extra=MATCHED)
@requires("directory:write")
async def delete_member(request: Request, id: PathId, owner: PathId) -> Response:
    """Take a member out; his balance is spread over those who stay."""

    def leave(member: Member | None) -> None:
        if member is None:
            raise NotFound()

    await _change(request, id, owner, leave)
    return Response(status_code=204)


async def _change(
    request: Request, id_: str, owner: str, change: Callable[[Member | None], Member | None]
) -> Response:
    def make(before: Mapping[str, Any] | None) -> dict[str, Any]:
        return parse_record(TeamInput, with_member(before, owner, change))

    caller, on = caller_of(request), condition_of(request)
    what = await records.write(
        pool_of(request), caller.workspace_id, caller.key_id, RESOURCE_TYPE, id_, make, on
    )
    return crud.written(what)
