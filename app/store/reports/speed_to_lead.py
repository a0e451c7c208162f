"""How soon leads are answered: counts, and how often each time occurs."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from app.store.connection.pool import Connection, Row
from app.store.reports.cuts import Parts, Reading
from app.store.reports.reading import fetch_rows
from app.store.reports.times import MAX_TIMES, seconds_between, seconds_of

SAMPLE = """arrival IN ('new', 'reengaged', 'reopened') AND excluded IS NULL
       AND (arrival_owner_id IS NOT NULL OR outcome IN ('assigned', 'queued'))"""
"""The arrivals that a person should answer."""
START = "coalesce(submitted_at, arrived_at)"
"""When the clocks of an arrival start."""
OWNED = """owner_id IS NOT NULL AND excluded IS NULL AND arrival IS DISTINCT FROM 'duplicate'
       AND cause <> 'import'"""
"""The assignments that an owner should answer."""
_OWNER_END = "least(owner_touched_at, touched_at, ended_at, {now})"
"""Until when an owner could touch what they were given, and nobody had."""
_ANSWERED = "(owner_touched_at IS NOT NULL AND owner_touched_at <= coalesce(touched_at, owner_touched_at))"
"""Whether the owner did."""
CLOCKS: Mapping[str, tuple[str, str]] = {
    "response": ("response_at", "response_work_seconds"),
    "accept": ("response_accepted_at", "accepted_work_seconds"),
    "reached": ("response_reached_at", "reached_work_seconds"),
}
"""The clocks of an arrival: when it stops, and the working time until then."""
AUTOMATED = "automated"
"""The clock that need not stop: only where it did, there is a time."""
OWNER = "owner_response"
"""The clock that runs for each owner from when they were given the lead."""
WORKING = "_working"
"""Behind the name of a clock: its working time, where it has stopped."""
MINUTES = (5, 15, 60)
"""So soon leads should be touched."""
FLAGS = (
    *("touched", "day_only", "early", "automated"),
    *(f"{name}_{minutes}" for minutes in MINUTES for name in ("old", "within")),
)
"""What may be so for an arrival."""
MAX_WAITING = 200_000
"""More leads that wait are not listed."""


def _flags(parts: Parts, now: datetime) -> str:
    """What is so for an arrival: a power of two for each of the flags, in their order."""
    conditions = [
        "response_at IS NOT NULL",
        "response_day_only",
        "response_early",
        "automated_at IS NOT NULL",
    ]
    for minutes in MINUTES:
        # Times are rounded to seconds, halves up.
        old = parts.add(now - timedelta(minutes=minutes, seconds=-0.5), "timestamptz")
        conditions.append(f"{START} <= {old} AND NOT response_day_only")
        soon = f"response_at - {START} < interval '{60 * minutes}.5 seconds'"
        conditions.append(f"{START} <= {old} AND NOT response_day_only AND {soon}")
    return " + ".join(f"CASE WHEN {each} THEN {1 << bit} ELSE 0 END" for bit, each in enumerate(conditions))


def _wall(start: str, end: str, stopped: str, until: str, *, binned: bool) -> str:
    """A time, or while a clock has not stopped, how long it has run: that is below zero, and begins at -1."""
    took, ran = (seconds_between(start, each, binned=binned) for each in (end, until))
    return f"CASE WHEN {stopped} THEN {took} ELSE -1 - {ran} END"


def _work(column: str, stopped: str, *, binned: bool) -> str:
    """The working time of a clock that has stopped, if it is known."""
    known = f"{stopped} AND {column} IS NOT NULL"
    return f"CASE WHEN {known} THEN {seconds_of(f'{column}::float8', binned=binned)} END"


def _count(parts: Parts, sample: str, values: Mapping[str, str]) -> str:
    """How often each of these values occurs in each group: in one pass, however many there are.

    Without OFFSET, the planner takes the values for as many as there are rows, and sorts instead of hashing.
    """
    clocks = "".join(f" WHEN GROUPING({name}) = 0 THEN '{name}'" for name in values)
    columns = ", ".join(f"{value} AS {name}" for name, value in values.items())
    return f"""
SELECT {parts.names}CASE{clocks} END AS clock, coalesce({", ".join(values)}) AS value, count(*) AS count,
       max(changed_at) AS changed_at
  FROM (SELECT {parts.keys}{columns}, changed_at FROM assignment_facts WHERE {parts.where} AND {sample}
        OFFSET 0) AS fact
 GROUP BY GROUPING SETS ({", ".join(f"({parts.names}{name})" for name in values)})
"""


async def count_up_to(connection: Connection, reading: Reading, columns: Mapping[str, str], most: int) -> int:
    """Return the number of arrivals, but no more than this."""
    parts = Parts(reading, "arrived_at", columns)
    statement = f"""
SELECT count(*) FROM (SELECT FROM assignment_facts WHERE {parts.where} AND {SAMPLE} LIMIT {most:d}) AS fact
"""
    return int(await connection.fetchval(statement, *parts.values))


async def count_arrivals(
    connection: Connection, reading: Reading, columns: Mapping[str, str], now: datetime, *, binned: bool
) -> Sequence[Row]:
    """Return how often each time until each clock stops, or has run, occurs in each group.

    The value of the clock `flags` is what is so for the arrivals (`FLAGS`). It is there for each of them. A
    value below zero is the time of a clock that has not stopped.
    """
    parts = Parts(reading, "arrived_at", columns)
    until = parts.add(now, "timestamptz")
    values = {"flags": _flags(parts, now)}
    for name, (at, work) in CLOCKS.items():
        stopped = f"{at} IS NOT NULL"
        values[name] = _wall(START, at, stopped, until, binned=binned)
        values[f"{name}{WORKING}"] = _work(work, stopped, binned=binned)
    took = seconds_between(START, "automated_at", binned=binned)
    values[AUTOMATED] = f"CASE WHEN automated_at IS NOT NULL THEN {took} END"
    timed = {
        name: value if name == "flags" else f"CASE WHEN NOT response_day_only THEN {value} END"
        for name, value in values.items()
    }
    return await fetch_rows(connection, _count(parts, SAMPLE, timed), parts.values, MAX_TIMES)


async def count_owner_times(
    connection: Connection, reading: Reading, now: datetime, *, binned: bool
) -> Sequence[Row]:
    """Return how often each time until owners touch what they were given occurs in each group.

    A lead that another person touched first, or that went on, was watched until then.
    """
    parts = Parts(reading, "decided_at")
    until = _OWNER_END.format(now=parts.add(now, "timestamptz"))
    values = {
        OWNER: _wall("decided_at", "owner_touched_at", _ANSWERED, until, binned=binned),
        f"{OWNER}{WORKING}": _work("owner_work_seconds", _ANSWERED, binned=binned),
    }
    sample = f"{OWNED} AND NOT touch_day_only"
    return await fetch_rows(connection, _count(parts, sample, values), parts.values, MAX_TIMES)


async def list_waiting(
    connection: Connection,
    reading: Reading,
    columns: Mapping[str, str],
    clock: str,
    now: datetime,
) -> Sequence[Row]:
    """Return the arrivals whose clock has not stopped, with their groups and the owner whose time counts."""
    parts = Parts(reading, "arrived_at", columns)
    at, _ = CLOCKS[clock]
    end = parts.add(now, "timestamptz")
    statement = f"""
SELECT {parts.names}whose, start, "end" FROM (
  SELECT {parts.keys}arrival_owner_id AS whose, {START} AS start, {end} AS "end"
    FROM assignment_facts
   WHERE {parts.where} AND {SAMPLE} AND NOT response_day_only AND {at} IS NULL) AS fact
"""
    return await fetch_rows(connection, statement, parts.values, MAX_WAITING)


async def list_owners_waiting(connection: Connection, reading: Reading, now: datetime) -> Sequence[Row]:
    """Return the assignments that their owner did not touch, with their groups, and until when."""
    parts = Parts(reading, "decided_at")
    end = _OWNER_END.format(now=parts.add(now, "timestamptz"))
    statement = f"""
SELECT {parts.names}whose, start, "end" FROM (
  SELECT {parts.keys}owner_id AS whose, decided_at AS start, greatest({end}, decided_at) AS "end"
    FROM assignment_facts
   WHERE {parts.where} AND {OWNED} AND NOT touch_day_only AND NOT {_ANSWERED}) AS fact
"""
    return await fetch_rows(connection, statement, parts.values, MAX_WAITING)


async def list_early(
    connection: Connection, reading: Reading, columns: Mapping[str, str], limit: int
) -> list[str]:
    """Return leads that a person touched before they arrived, the newest first."""
    parts = Parts(reading, "arrived_at", columns)
    statement = f"""
SELECT lead_id::text AS lead_id FROM assignment_facts
 WHERE {parts.where} AND {SAMPLE} AND response_early ORDER BY arrived_at DESC LIMIT {limit:d}
"""
    return [row["lead_id"] for row in await connection.fetch(statement, *parts.values)]
