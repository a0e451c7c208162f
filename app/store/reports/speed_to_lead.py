"""How soon leads are answered: counts, and how often each time occurs."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from app.store.connection.pool import Connection
from app.store.reports.cuts import Parts, Reading
from app.store.reports.reading import fetch_rows

SAMPLE = """arrival IN ('new', 'reengaged', 'reopened') AND excluded IS NULL
       AND (arrival_owner_id IS NOT NULL OR outcome IN ('assigned', 'queued'))"""
"""The arrivals that a person should answer."""
OWNED = """owner_id IS NOT NULL AND excluded IS NULL AND arrival IS DISTINCT FROM 'duplicate'
       AND cause <> 'import'"""
"""The assignments that an owner should answer."""
_OWNER_END = "least(owner_touched_at, touched_at, ended_at, {now})"
"""Until when an owner could touch what they were given, and nobody had."""
_ANSWERED = "(owner_touched_at IS NOT NULL AND owner_touched_at <= coalesce(touched_at, owner_touched_at))"
"""Whether the owner did."""
_BIN = "1 + floor(ln({0}) / ln(1.02::float8))"
"""The bin of a value of one or more."""


def _seconds(end: str, start: str, *, binned: bool) -> str:
    """Whole seconds, halves up. As double precision: `numeric` takes ten times as long."""
    seconds = f"floor(date_part('epoch', {end} - {start}) + 0.5)"
    # Less than one second falls into the bin before the first one.
    return _BIN.format(f"greatest({seconds}, 0.99)") if binned else f"greatest({seconds}, 0)"


def _working(column: str, *, binned: bool) -> str:
    """The working time of a column, if there is one."""
    seconds = f"{column}::float8"
    return f"CASE WHEN {column} < 1 THEN 0 ELSE {_BIN.format(seconds)} END" if binned else seconds


def _count_arrivals(parts: Parts, now: str) -> str:
    """Counts of arrivals, for groups and for everything."""
    within = "".join(
        f"""
       count(*) FILTER (WHERE age >= {60 * minutes} AND NOT day_only) AS old_{minutes},
       count(*) FILTER (WHERE age >= {60 * minutes} AND NOT day_only AND touched
                         AND seconds <= {60 * minutes})
         AS within_{minutes},"""
        for minutes in (5, 15, 60)
    )
    return f"""
SELECT {parts.total} AS is_total, {parts.names}{within}
       count(*) AS leads, count(*) FILTER (WHERE touched) AS touched,
       count(*) FILTER (WHERE day_only) AS day_only, count(*) FILTER (WHERE early) AS early,
       count(*) FILTER (WHERE automated) AS automated, max(changed_at) AS changed_at
  FROM (SELECT {parts.keys}response_at IS NOT NULL AS touched, response_day_only AS day_only,
               response_early AS early, automated_at IS NOT NULL AS automated, changed_at,
               {_seconds("response_at", "arrived_at", binned=False)} AS seconds,
               {_seconds(now, "arrived_at", binned=False)} AS age
          FROM assignment_facts WHERE {parts.where} AND {SAMPLE}) AS fact
 {parts.grouping}
"""


def _count_times(parts: Parts, columns: str, sample: str) -> str:
    """How often each time occurs in each group."""
    return f"""
SELECT {parts.names}seconds, working, waits, count(*) AS count
  FROM (SELECT {parts.keys}{columns} FROM assignment_facts WHERE {parts.where} AND {sample}) AS fact
 GROUP BY {parts.names}seconds, working, waits
"""


CLOCKS: Mapping[str, tuple[str, str]] = {
    "response": ("response_at", "response_work_seconds"),
    "accept": ("response_accepted_at", "accepted_work_seconds"),
    "reached": ("response_reached_at", "reached_work_seconds"),
    "automated": ("automated_at", "NULL"),
}
"""The clocks of an arrival: when it stops, and the working time until then."""
AUTOMATED = "automated"
"""The clock that need not stop: only where it did, there is a time."""


async def count_arrivals(
    connection: Connection, reading: Reading, columns: Mapping[str, str], now: datetime
) -> list[dict[str, Any]]:
    """Return counts of arrivals for each group, and for everything together."""
    parts = Parts(reading, "arrived_at", columns)
    statement = _count_arrivals(parts, parts.add(now, "timestamptz"))
    return await fetch_rows(connection, statement, parts)


async def count_times(
    connection: Connection,
    reading: Reading,
    columns: Mapping[str, str],
    clock: str,
    now: datetime,
    *,
    binned: bool,
) -> list[dict[str, Any]]:
    """Return how often each time until a clock stops, or has run, occurs in each group."""
    parts = Parts(reading, "arrived_at", columns)
    at, working = CLOCKS[clock]
    end = f"coalesce({at}, {parts.add(now, 'timestamptz')})"
    working = _working(working, binned=binned)
    seconds = _seconds(end, "arrived_at", binned=binned)
    found = f"{seconds} AS seconds, {working} AS working, {at} IS NULL AS waits"
    sample = f"{SAMPLE} AND NOT response_day_only"
    if clock == AUTOMATED:
        sample += f" AND {at} IS NOT NULL"
    statement = _count_times(parts, found, sample)
    return await fetch_rows(connection, statement, parts)


async def count_owner_times(
    connection: Connection, reading: Reading, now: datetime, *, binned: bool
) -> list[dict[str, Any]]:
    """Return how often each time until owners touch what they were given occurs in each group.

    A lead that another person touched first, or that went on, was watched until then.
    """
    parts = Parts(reading, "decided_at")
    end = _OWNER_END.format(now=parts.add(now, "timestamptz"))
    working = _working("owner_work_seconds", binned=binned)
    found = (
        f"{_seconds(end, 'decided_at', binned=binned)} AS seconds, {working} AS working,"
        f" NOT {_ANSWERED} AS waits"
    )
    statement = _count_times(parts, found, f"{OWNED} AND NOT touch_day_only")
    return await fetch_rows(connection, statement, parts)


async def list_waiting(
    connection: Connection,
    reading: Reading,
    columns: Mapping[str, str],
    clock: str,
    now: datetime,
) -> list[dict[str, Any]]:
    """Return the arrivals whose clock has not stopped, with their groups and the owner whose time counts."""
    parts = Parts(reading, "arrived_at", columns)
    at, _ = CLOCKS[clock]
    end = parts.add(now, "timestamptz")
    statement = f"""
SELECT {parts.names}whose, start, "end" FROM (
  SELECT {parts.keys}arrival_owner_id AS whose, arrived_at AS start, {end} AS "end"
    FROM assignment_facts
   WHERE {parts.where} AND {SAMPLE} AND NOT response_day_only AND {at} IS NULL) AS fact
"""
    return await fetch_rows(connection, statement, parts)


async def list_owners_waiting(
    connection: Connection, reading: Reading, now: datetime
) -> list[dict[str, Any]]:
    """Return the assignments that their owner did not touch, with their groups, and until when."""
    parts = Parts(reading, "decided_at")
    end = _OWNER_END.format(now=parts.add(now, "timestamptz"))
    statement = f"""
SELECT {parts.names}whose, start, "end" FROM (
  SELECT {parts.keys}owner_id AS whose, decided_at AS start, greatest({end}, decided_at) AS "end"
    FROM assignment_facts
   WHERE {parts.where} AND {OWNED} AND NOT touch_day_only AND NOT {_ANSWERED}) AS fact
"""
    return await fetch_rows(connection, statement, parts)


async def list_early(
    connection: Connection, reading: Reading, columns: Mapping[str, str], limit: int
) -> list[str]:
    """Return leads that a person touched before they arrived, the newest first."""
    parts = Parts(reading, "arrived_at", columns)
    statement = f"""
SELECT lead_id::text AS lead_id FROM assignment_facts
 WHERE {parts.where} AND {SAMPLE} AND response_early ORDER BY arrived_at DESC LIMIT {limit:d}
"""
    return [row["lead_id"] for row in await fetch_rows(connection, statement, parts)]
