"""Owners and teams as they stand now: who can take a lead, what they have, and who is next."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import takewhile
from typing import Any

from app.engine.model.directory import Owner
from app.engine.model.state import Facts
from app.engine.selection.eligibility import Requirements, refusal
from app.engine.selection.member_status import MemberStatus, member_statuses, next_member
from app.engine.selection.shifts import is_on_shift, off_shift
from app.errors import NotFound
from app.pace import Pace, paced
from app.store.connection.pool import Connection, Pool, transaction
from app.store.directory import records
from app.store.directory.records import Record
from app.store.path.current_state import read_current_state_on

MAX_ABSENCES = 1000
WEEK = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class OwnerStatus:
    """One owner now. `today` and `this_week` are leads counted in the owner's time zone.

    `code` and `available_at` are as in a trace, None for an owner who can take a lead.
    """

    open_leads: int
    today: int
    this_week: int
    code: str | None
    available_at: datetime | None
    teams: Sequence[str]


@dataclass(frozen=True, slots=True)
class TeamStanding:
    """A team, its members now, and who would get a lead without special requirements now.

    `off_shift` are the members who are off shift, with the start of their next shift. When all are, the plan
    says whether a lead waits for it, and `next_owner` is for a lead that does not.
    """

    record: Record
    members: Sequence[MemberStatus]
    next_owner: str | None
    off_shift: Mapping[str, datetime | None]

    @property
    def nobody_on_shift(self) -> bool:
        """Whether every member who could take a lead is off shift."""
        able = [each.owner for each in self.members if each.code is None]
        return bool(able) and all(each in self.off_shift for each in able)

    @property
    def able(self) -> int:
        """How many members can take a lead and are on shift."""
        return sum(each.code is None and each.owner not in self.off_shift for each in self.members)


@dataclass(frozen=True, slots=True)
class OwnerStanding:
    """An owner, how they stand at `now`, their settings as decisions see them, and their absences."""

    record: Record
    status: OwnerStatus
    owner: Owner
    absences: Sequence[Record]
    teams: Sequence[Record]
    now: datetime

    def shifts(self) -> list[tuple[datetime, datetime]]:
        """The shifts of the next seven local days; none for an owner who has no calendar."""
        if self.owner.hours is None:
            return []
        start = self.now.astimezone(self.owner.zone).replace(hour=0, minute=0, second=0, microsecond=0)
        return list(takewhile(lambda span: span[0] < start + WEEK, self.owner.hours.spans(start)))


async def team_standing(pool: Pool, workspace_id: int, id_: str) -> TeamStanding:
    """A team as it stands now. Raises NotFound."""
    async with transaction(pool, workspace_id, read_only=True) as connection:
        record = await _find(connection, workspace_id, "teams", id_)
        facts = (await read_current_state_on(connection, workspace_id)).facts
    return await _team_standing(record, facts, Pace())


async def team_standings(pool: Pool, workspace_id: int, after: str, limit: int) -> list[TeamStanding]:
    """A page of teams, by id."""
    async with transaction(pool, workspace_id, read_only=True) as connection:
        found = await records.list_records(connection, workspace_id, "teams", after, limit)
        facts = (await read_current_state_on(connection, workspace_id)).facts
    pace = Pace()
    return [await _team_standing(each, facts, pace) for each in found]


async def _team_standing(record: Record, facts: Facts, pace: Pace) -> TeamStanding:
    """There can be a thousand members, and each of the three parts looks at all of them."""
    team = facts.directory.teams[record.id]
    await pace.rest()
    owners = [facts.directory.owners.get(each.owner) for each in team.members]
    off = {
        each.id: off_shift(each, facts.now).available_at
        for each in owners
        if each is not None and not is_on_shift(each, facts.now)
    }
    await pace.rest()
    statuses = member_statuses(team, facts)
    await pace.rest()
    return TeamStanding(record, statuses, next_member(team, facts), off)


async def owner_standing(pool: Pool, workspace_id: int, id_: str) -> OwnerStanding:
    """An owner as they stand now, with absences that are not over. Raises NotFound."""
    async with transaction(pool, workspace_id, read_only=True) as connection:
        record = await _find(connection, workspace_id, "owners", id_)
        absences = await records.list_absences(connection, workspace_id, id_, "", MAX_ABSENCES)
        facts = (await read_current_state_on(connection, workspace_id)).facts
        joined = facts.directory.teams_of(id_)
        teams = await records.find_records(connection, workspace_id, "teams", joined)
    owner, now = facts.directory.owners[id_], facts.now
    coming = [each for each in absences if datetime.fromisoformat(each.body["to"]) > now]
    coming.sort(key=lambda each: datetime.fromisoformat(each.body["from"]))
    status = owner_status(owner, facts)
    return OwnerStanding(
        record, status, owner, coming, [teams[each] for each in joined if each in teams], now
    )


async def owner_standings(
    pool: Pool, workspace_id: int, after: str, limit: int
) -> list[tuple[Record, OwnerStatus]]:
    """A page of owners, by id, each as they stand now."""
    async with transaction(pool, workspace_id, read_only=True) as connection:
        found = await records.list_records(connection, workspace_id, "owners", after, limit)
        facts = (await read_current_state_on(connection, workspace_id)).facts
    return [(each, owner_status(facts.directory.owners[each.id], facts)) async for each in paced(found)]


def owner_status(owner: Owner, facts: Facts) -> OwnerStatus:
    """How an owner stands, for a lead without special requirements, whatever their teams limit."""
    load, now = facts.state.load(owner.id), facts.now
    today = now.astimezone(owner.zone).date()
    refused = refusal(owner, load, Requirements(), now)
    if refused is None and not is_on_shift(owner, now):
        refused = off_shift(owner, now)
    return OwnerStatus(
        open_leads=load.open,
        today=load.on_day(today),
        this_week=load.in_week(today - timedelta(days=today.weekday())),
        code=refused.code if refused is not None else None,
        available_at=refused.available_at if refused is not None else None,
        teams=facts.directory.teams_of(owner.id),
    )


async def _find(connection: Connection, workspace_id: int, resource_type: str, id_: str) -> Record:
    record = await records.find_record(connection, workspace_id, resource_type, id_)
    if record is None:
        raise NotFound()
    return record


def member_of(team: Record, owner: str) -> dict[str, Any] | None:
    """The membership of an owner in a team as it is stored."""
    return next((each for each in team.body["members"] if each["owner"] == owner), None)
