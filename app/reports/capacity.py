"""How many more leads each team can take, and when it will be full."""

from datetime import timedelta
from typing import Any

from app.engine.model.directory import Team
from app.engine.model.state import Facts
from app.reports.headroom import fill, room_of
from app.reports.report import Question, Report
from app.reports.tables import Column, Result, Table
from app.store.connection.pool import Connection
from app.store.path.current_state import read_current_state_on
from app.store.reports import capacity
from app.store.reports.capacity import TeamFlow

HORIZON = timedelta(days=7)
"""Members count who work in so long from now, unless `within` says otherwise."""
RATE_DAYS = 7
"""The rate is that of so many days until today, unless the period is named."""
_COLUMNS = (
    Column("team", "name", "The team."),
    Column("members", "count", "Active members who take turns."),
    Column("working_members", "count", "Of these, those who work between now and the horizon."),
    Column("uncapped_members", "count", "Of those who work, those without a cap on open leads."),
    Column("open_leads", "count", "Open leads that have an owner by way of the team."),
    Column("waiting_leads", "count", "Open leads of the team without an owner."),
    Column("members_open_leads", "count", "Open leads of the members who work, by way of any team."),
    Column(
        "headroom",
        "count",
        "How many more open leads the members who work can take, within their caps; empty if one has no cap.",
    ),
    Column("arrivals", "count", "Leads that reached the team in the period, until now."),
    Column("closings", "count", "Leads of the team that were closed or left it in the period, until now."),
    Column("working_hours", "hours", "Hours in the period in which at least one member works, until now."),
    Column("net_per_working_hour", "number", "Arrivals less closings, for each of these hours."),
    Column(
        "hours_until_full",
        "hours",
        "Working hours until the headroom is used up; `never` if no more arrive than are closed.",
    ),
    Column("full_at", "time", "The moment when these hours are over."),
)


async def answer(connection: Connection, question: Question) -> Result:
    """Answer for every team as it is now, with the rate of the period."""
    facts = (await read_current_state_on(connection, question.workspace_id)).facts
    wanted = question.filters.get("team")
    teams = [team for id_, team in sorted(facts.directory.teams.items()) if wanted is None or id_ in wanted]
    end = min(question.period.end, question.now)
    start = min(question.period.start, end)
    flows = await capacity.find_team_flows(
        connection, question.workspace_id, [team.id for team in teams], start, end
    )
    rows = [_row(team, flows[team.id], facts, question) for team in teams]
    horizon = question.within or HORIZON
    return Result(
        Table(_COLUMNS, rows),
        details={"horizon_until": question.now + horizon},
        notes=[
            "A member of several teams has one headroom for all of them, so headrooms are not to be added."
        ],
    )


def _row(team: Team, flow: TeamFlow, facts: Facts, question: Question) -> dict[str, Any]:
    end = min(question.period.end, question.now)
    start = min(question.period.start, end)
    room = room_of(team, facts, question.now + (question.within or HORIZON))
    filling = fill(room, flow.arrivals, flow.closings, start, end, question.now)
    working, hours = room.working, filling.hours_until_full
    return {
        "team": team.id,
        "members": len(room.members),
        "working_members": len(working),
        "uncapped_members": sum(each.room is None for each in working),
        "open_leads": flow.open_leads,
        "waiting_leads": flow.waiting,
        "members_open_leads": sum(each.open_leads for each in working),
        "headroom": room.headroom,
        "arrivals": flow.arrivals,
        "closings": flow.closings,
        "working_hours": round(filling.working_hours, 2),
        "net_per_working_hour": round(filling.net_rate, 4) if filling.net_rate is not None else None,
        "hours_until_full": round(hours, 2) if isinstance(hours, float) else hours,
        "full_at": filling.full_at,
    }


CAPACITY = Report(
    name="capacity",
    question="How many more leads can each team take, and when will it be full?",
    definition="The headroom of a team is the sum over its members who work between now and the horizon"
    " (`within`, by default 7 days) of what their caps on open leads leave. It is used up at the rate of"
    " the period: leads that reached the team, less those that were closed or left it, for each hour in which"
    " the team works.",
    numerator="The headroom: how many more open leads the members who work can take within their caps.",
    denominator="Leads that reached the team in the period, less those that were closed or left it, for each"
    " hour of the period in which the team works. The quotient is `hours_until_full`.",
    answer=answer,
    within=HORIZON,
    days=RATE_DAYS,
    dimensions=("team",),
)
"""Capacity: load, headroom, and hours until full."""
