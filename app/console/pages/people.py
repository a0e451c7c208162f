"""Owners and teams: who can take a lead, who is next, shares and balances, shifts and absences."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from app.api.decision_view import passed_over
from app.api.http.auth import requires
from app.api.http.callers_gone import unless_gone
from app.api.http.parameters import MAX_INT32, After, PathId, PoolParameter
from app.api.routes.crud import READERS
from app.console.availability import in_words
from app.console.kept import KeptAnswers
from app.console.names import Names, names_of
from app.console.offered import people_offered
from app.console.rendering import render
from app.console.route import ConsoleRoute, live
from app.console.viewer import Viewer, ViewerParameter
from app.console.words import candidate
from app.contract.directory import CapSettings, MemberSettings, OwnerInput, TeamInput
from app.directory import standings
from app.directory.mentions import Mention, find_mentions
from app.directory.standings import OwnerStanding
from app.engine.selection.fair_share import LEAD_UNITS
from app.engine.selection.member_status import MemberStatus
from app.errors import NotFound
from app.reports.ask import Answer, ReportRequest, ask
from app.reports.fairness import DIFFERENCES, FAIRNESS
from app.store.connection.pool import Pool
from app.store.directory.records import Record

router = APIRouter(route_class=ConsoleRoute)
REPORTERS = ("ops", "reports")
SHOWN = 50
DAYS = 7
COUNTED = 500
"""Of the newest decisions so many are looked at."""
SHARES_SECONDS = 60.0
SLOTS = 48
"""Half hours of a day in the picture of a week."""
TONES: Mapping[str | None, str] = {None: "good", "inactive": "bad", "not_found": "bad", "off_shift": ""}
"""All others keep somebody from leads who could be at work."""
OWNER = OwnerInput().model_dump(mode="json")
TEAM = TeamInput().model_dump(mode="json")
MEMBER = MemberSettings().model_dump(mode="json")
CAPS = CapSettings().model_dump(mode="json")
"""What records stand for that were stored before a field was there."""
Id = Annotated[str | None, Query(min_length=1, max_length=255)]
Offset = Annotated[int, Query(ge=0, le=MAX_INT32)]


@dataclass(frozen=True, slots=True)
class Day:
    """A local day: shifts and absences in words, and each half hour as `on`, `away` or nothing."""

    at: datetime
    shifts: Sequence[str]
    absences: Sequence[str]
    slots: Sequence[str]


@router.get("/console/people")
@requires(*READERS)
async def list_owners(
    request: Request, viewer: ViewerParameter, pool: PoolParameter, after: After = ""
) -> Response:
    """Shows the owners as they stand now."""
    found = await standings.owner_standings(pool, viewer.caller.workspace_id, after, SHOWN + 1)
    owners = [
        {"record": record, "body": _owner(record), "status": status, "state": state_of(status.code)}
        for record, status in found[:SHOWN]
    ]
    following = found[SHOWN - 1][0].id if len(found) > SHOWN else None
    names = await names_of(pool, viewer, teams=[team for _, status in found for team in status.teams])
    context = {"owners": owners, "after": after, "next": following, "names": names}
    return render(request, "people/owners.html", context)


@router.get("/console/people/teams")
@requires(*READERS)
async def list_teams(
    request: Request, viewer: ViewerParameter, pool: PoolParameter, after: After = ""
) -> Response:
    """Shows the teams, each with who is next."""
    found = await standings.team_standings(pool, viewer.caller.workspace_id, after, SHOWN + 1)
    following = found[SHOWN - 1].record.id if len(found) > SHOWN else None
    teams = [(each, {**TEAM, **each.record.body}) for each in found[:SHOWN]]
    names = await names_of(pool, viewer, [each.next_owner for each, _ in teams])
    context = {"teams": teams, "after": after, "next": following, "names": names}
    return render(request, "people/teams.html", context)


@router.get("/console/people/teams/{id}")
@requires(*READERS)
async def get_team(
    request: Request, viewer: ViewerParameter, pool: PoolParameter, id: PathId, offset: Offset = 0
) -> Response:
    """Shows a team: who is next, and each member's weight, load and balance."""
    standing = await standings.team_standing(pool, viewer.caller.workspace_id, id)
    members = [
        {
            "settings": _member(settings),
            "status": status,
            **_now(status, standing.off_shift),
            "balance": round(status.balance / LEAD_UNITS, 2) + 0.0,
        }
        for settings, status in zip(standing.record.body.get("members", ()), standing.members, strict=True)
    ]
    shown = members[offset : offset + SHOWN]
    ids = [each.owner for each in standing.members[offset : offset + SHOWN]]
    context = {
        "team": standing.record,
        "body": {**TEAM, **standing.record.body},
        "next_owner": standing.next_owner,
        "nobody_on_shift": standing.nobody_on_shift,
        "names": await names_of(pool, viewer, [standing.next_owner, *ids]),
        "count": len(members),
        "members": shown,
        "offset": offset,
        "next": offset + SHOWN if offset + SHOWN < len(members) else None,
        "sees_shares": viewer.may(*REPORTERS),
    }
    return render(request, "people/team.html", context)


@router.get("/console/people/teams/{id}/members/{owner}")
@requires("directory:write")
async def get_member(
    request: Request, viewer: ViewerParameter, pool: PoolParameter, id: PathId, owner: PathId
) -> Response:
    """Shows the form for a member's settings."""
    standing = await standings.owner_standing(pool, viewer.caller.workspace_id, owner)
    team = await standings.team_standing(pool, viewer.caller.workspace_id, id)
    member = standings.member_of(team.record, owner)
    if member is None:
        raise NotFound
    names = {each.id: each.body.get("name") or each.id for each in (team.record, standing.record)}
    context = {"team": team.record, "owner": standing.record, "names": names, "member": _member(member)}
    return render(request, "people/member.html", context)


@router.get("/console/people/owners/{id}")
@requires(*READERS)
async def get_owner(request: Request, viewer: ViewerParameter, pool: PoolParameter, id: PathId) -> Response:
    """Shows an owner: load, caps, teams, and the week with shifts and absences."""
    standing = await standings.owner_standing(pool, viewer.caller.workspace_id, id)
    mentions = await _mentions(request, viewer, pool, standing.record)
    context = {
        "owner": standing.record,
        "body": _owner(standing.record),
        "status": standing.status,
        "state": state_of(standing.status.code),
        "zone": standing.owner.zone.key,
        "days": list(_days(standing)),
        "absences": [
            {
                "id": each.id,
                "cover": None,
                "open_leads": "stay",
                **each.body,
                "from": _at(each.body["from"]),
                "to": _at(each.body["to"]),
            }
            for each in standing.absences[:SHOWN]
        ],
        "more_absences": max(0, len(standing.absences) - SHOWN),
        "teams": [(each, _member(standings.member_of(each, id) or {})) for each in standing.teams],
        "today": standing.now.astimezone(standing.owner.zone).date(),
        "sees_shares": viewer.may(*REPORTERS),
        "mentions": mentions,
        "names": await _names(pool, viewer, standing, mentions),
        "offered": await people_offered(pool, viewer),
    }
    return render(request, "people/owner.html", context)


async def _names(pool: Pool, viewer: Viewer, standing: OwnerStanding, mentions: Sequence[Mention]) -> Names:
    """The names of those who stand in for an owner, and of who still names them."""
    covers = [each.body.get("cover") or {} for each in standing.absences[:SHOWN]]
    owners = [standing.record.body.get("delegate"), *(each.get("owner") for each in covers)]
    owners += [each.resource_id for each in mentions if each.resource_type == "owners"]
    teams = [each.get("team") for each in covers]
    teams += [each.resource_id for each in mentions if each.resource_type == "teams"]
    return await names_of(pool, viewer, owners, teams)


async def _mentions(request: Request, viewer: Viewer, pool: Pool, owner: Record) -> Sequence[Mention]:
    """The places that still name an owner who has left, for those who can change them."""
    if owner.body.get("active", True) or not viewer.may("directory:write"):
        return ()
    found = await find_mentions(pool, viewer.caller.workspace_id, request.app.state.strategies, owner.id)
    return found[:SHOWN]


@router.get("/console/people/owners/{id}/passed-over")
@live
@requires("leads:read")
async def get_passed_over(
    request: Request, viewer: ViewerParameter, pool: PoolParameter, id: PathId
) -> Response:
    """Returns how often an owner was chosen in the newest decisions, and why not in the others."""
    found = await passed_over(pool, viewer.caller.workspace_id, id, COUNTED)
    chosen = found.reasons.get("chosen", 0)
    skipped = [(candidate(code), count) for code, count in found.reasons.items() if code != "chosen"]
    context = {"found": found, "chosen": chosen, "skipped": skipped}
    return render(request, "people/passed_over.html", context)


@router.get("/console/people/shares")
@live
@requires(*REPORTERS)
async def get_shares(
    request: Request, viewer: ViewerParameter, pool: PoolParameter, team: Id = None, owner: Id = None
) -> Response:
    """Returns what members of a team, or an owner in each team, were due and received, and why."""
    filters = {name: (value,) for name, value in (("team", team), ("owner", owner)) if value is not None}
    workspace_id, upkeep = viewer.caller.workspace_id, request.app.state.fact_upkeep
    kept: KeptAnswers = request.app.state.console_answers
    made = kept.get(
        ("shares", workspace_id, team, owner),
        SHARES_SECONDS,
        lambda: ask(pool, upkeep, workspace_id, FAIRNESS, ReportRequest(filters=filters)),
    )
    answer: Answer = (await unless_gone(request, made)).value
    rows = [_share(row) for row in answer.result.table.rows[:SHOWN] if row["team"] is not None]
    context = {
        "rows": rows,
        "names": await names_of(pool, viewer, [row["owner"] for row in rows], [row["team"] for row in rows]),
        "as_of_at": answer.question.now,
        "complete": not answer.cursor.is_behind,
        "first": answer.question.period.start,
        "label": "owner" if team is not None else "team",
    }
    return render(request, "people/shares.html", context)


def _now(status: MemberStatus, off_shift: Mapping[str, datetime | None]) -> dict[str, Any]:
    """What keeps a member from leads, and until when: also the shift where nobody is on shift."""
    if status.code is None and status.owner in off_shift:
        return {"state": state_of("off_shift"), "until": off_shift[status.owner]}
    return {"state": state_of(status.code), "until": status.available_at}


def state_of(code: str | None) -> dict[str, str]:
    """The words and the tone of a badge for what keeps somebody from leads."""
    return {"text": in_words(code), "tone": TONES.get(code, "warn")}


def _owner(record: Record) -> dict[str, Any]:
    body = {**OWNER, **record.body}
    return {**body, "caps": {**CAPS, **(body["caps"] or {})}}


def _member(settings: Mapping[str, Any]) -> dict[str, Any]:
    member = {**MEMBER, **settings}
    return {**member, "caps": {**CAPS, **(member["caps"] or {})}}


def _share(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of the fairness report, with its differences that count, the largest first."""
    parts = [(name.replace("_", " "), row[name]) for name in DIFFERENCES if abs(row[name]) >= 0.05]
    return {**row, "differences": sorted(parts, key=lambda each: -abs(each[1]))}


def _days(standing: OwnerStanding) -> Iterator[Day]:
    """The next seven days in the owner's zone, with what is worked and missed in each."""
    zone, always = standing.owner.zone, standing.owner.hours is None
    first = standing.now.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    shifts = standing.shifts()
    absences = [
        (_at(each.body["from"]), _at(each.body["to"]), each.body.get("kind", "leave"))
        for each in standing.absences
    ]
    for number in range(DAYS):
        start, end = first + timedelta(days=number), first + timedelta(days=number + 1)
        worked = [(start, end)] if always else _within(shifts, start, end)
        missed = _within([(begin, over) for begin, over, _ in absences], start, end)
        kinds = [kind for begin, over, kind in absences if begin < end and over > start]
        yield Day(
            at=start,
            shifts=["always"] if always else [_hours(span, start) for span in worked],
            absences=[f"{kind}, {_hours(span, start)}" for kind, span in zip(kinds, missed, strict=True)],
            slots=[_slot(start + timedelta(minutes=30 * at), worked, missed) for at in range(SLOTS)],
        )


def _within(
    spans: Sequence[tuple[datetime, datetime]], start: datetime, end: datetime
) -> list[tuple[datetime, datetime]]:
    zone = start.tzinfo
    return [
        (max(begin, start).astimezone(zone), min(over, end).astimezone(zone))
        for begin, over in spans
        if begin < end and over > start
    ]


def _hours(span: tuple[datetime, datetime], day: datetime) -> str:
    begin, over = span
    if begin <= day and over >= day + timedelta(days=1):
        return "all day"
    end = "24:00" if over.date() > day.date() else f"{over:%H:%M}"
    return f"{begin:%H:%M}–{end}"


def _slot(
    at: datetime, worked: Sequence[tuple[datetime, datetime]], missed: Sequence[tuple[datetime, datetime]]
) -> str:
    if any(begin <= at < over for begin, over in missed):
        return "away"
    return "on" if any(begin <= at < over for begin, over in worked) else ""


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text)
