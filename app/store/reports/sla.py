"""How promises of SLAs were kept."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from app.store.connection.pool import Connection, Row
from app.store.reports.credits import RESPONSE
from app.store.reports.cuts import Parts, Reading
from app.store.reports.reading import fetch_rows
from app.store.reports.speed_to_lead import SAMPLE
from app.store.reports.times import MAX_TIMES, seconds_between

_LEAD = {"met_at": "lead_met_at", "met_by": "lead_met_by", "void_at": "lead_void_at"}
"""The columns of the promise to the lead, instead of those of the promise of an assignment."""
_STATE = """CASE WHEN met_at <= due_at THEN 'met'
              WHEN void_at <= due_at THEN 'withdrawn'
              WHEN due_at <= {now} THEN 'breached'
              ELSE 'open' END"""
_COLUMNS = ("kind", "met_at", "met_by", "void_at", "due_at", "owner_id", "lead_id", "changed_at")


def _promises(parts: Parts, now: str, *, of_leads: bool, binned: bool = False, only: str = "") -> str:
    """The promises of the period with their states at `now`.

    One that nobody kept is late by at least as long as somebody could have kept it.
    """
    named = ", ".join(f"{_LEAD[name]} AS {name}" if of_leads and name in _LEAD else name for name in _COLUMNS)
    kept, unkept = (
        seconds_between("due_at", end, binned=binned) for end in ("met_at", f"least(void_at, {now})")
    )
    return f"""
  SELECT *, CASE WHEN state = 'breached' THEN CASE WHEN unkept THEN {unkept} ELSE {kept} END END AS late
    FROM (SELECT *, {_STATE.format(now=now)} AS state, met_at IS NULL AS unkept,
                 met_at IS NULL AND coalesce(void_at > {now}, true) AS runs
            FROM (SELECT {parts.keys}{named} FROM promise_facts
                   WHERE {_of(parts, of_leads=of_leads)}{only}) AS fact) AS promise"""


def _parts(reading: Reading, columns: Mapping[str, str], *, of_leads: bool) -> Parts:
    return Parts(reading, "arrived_at" if of_leads else "started_at", columns)


def _of(parts: Parts, *, of_leads: bool) -> str:
    return f"{parts.where} AND {'first' if of_leads else 'owner_id IS NOT NULL'} AND excluded IS NULL"


async def count_up_to(
    connection: Connection, reading: Reading, columns: Mapping[str, str], most: int, *, of_leads: bool
) -> int:
    """Return the number of promises, but no more than this."""
    parts = _parts(reading, columns, of_leads=of_leads)
    statement = f"""
SELECT count(*)
  FROM (SELECT FROM promise_facts WHERE {_of(parts, of_leads=of_leads)} LIMIT {most:d}) AS promise
"""
    return int(await connection.fetchval(statement, *parts.values))


async def count_promises(
    connection: Connection,
    reading: Reading,
    columns: Mapping[str, str],
    now: datetime,
    *,
    of_leads: bool,
    binned: bool,
) -> Sequence[Row]:
    """Return how many promises of each kind and group have a state, and of missed ones, by how much."""
    parts = _parts(reading, columns, of_leads=of_leads)
    promises = _promises(parts, parts.add(now, "timestamptz"), of_leads=of_leads, binned=binned)
    # Without OFFSET, the planner takes the times for as many as there are rows, and sorts instead of hashing.
    statement = f"""
SELECT kind, {parts.names}state, late, unkept, runs, by_others, count(*) AS count,
       max(changed_at) AS changed_at
  FROM (SELECT kind, {parts.names}state, late, unkept, runs, changed_at,
               state = 'met' AND met_by IS DISTINCT FROM owner_id AS by_others
          FROM ({promises}) AS promise OFFSET 0) AS promise
 GROUP BY kind, {parts.names}state, late, unkept, runs, by_others
"""
    return await fetch_rows(connection, statement, parts.values, MAX_TIMES)


async def list_missed(
    connection: Connection, reading: Reading, now: datetime, least: timedelta, limit: int, *, of_leads: bool
) -> Sequence[Row]:
    """Return the promises that were missed by the most, of those that are due for at least so long."""
    parts = _parts(reading, {}, of_leads=of_leads)
    due = f"due_at <= {parts.add(now - least, 'timestamptz')}"
    promises = _promises(parts, parts.add(now, "timestamptz"), of_leads=of_leads, only=f" AND {due}")
    statement = f"""
SELECT kind, lead_id::text AS lead_id, late, runs
  FROM (SELECT kind, lead_id, late, runs FROM ({promises}) AS promise
         WHERE state = 'breached' ORDER BY late DESC, lead_id LIMIT {limit:d}) AS missed
"""
    return await fetch_rows(connection, statement, parts.values)


async def count_touches(connection: Connection, reading: Reading) -> Sequence[Row]:
    """Return how many promises each person kept in time, no matter who had the lead."""
    parts = _parts(reading, {}, of_leads=False)
    statement = f"""
SELECT kind, met_by AS owner, count(*) AS touches
  FROM promise_facts
 WHERE {_of(parts, of_leads=False)} AND met_at <= due_at AND met_by IS NOT NULL
 GROUP BY kind, met_by ORDER BY kind, touches DESC, met_by
"""
    return await fetch_rows(connection, statement, parts.values)


async def count_unpromised(connection: Connection, reading: Reading) -> Sequence[Row]:
    """Return how many arrivals were promised nothing, for each group and for everything."""
    parts = Parts(reading, "arrived_at", RESPONSE["first"])
    statement = f"""
SELECT {parts.total} AS is_total, {parts.names}count(*) AS leads
  FROM (SELECT {parts.keys}lead_id FROM assignment_facts
         WHERE {parts.where} AND {SAMPLE}
           AND NOT coalesce(promised, EXISTS (
             SELECT FROM promise_facts AS promise
              WHERE promise.workspace_id = $1 AND promise.lead_id = assignment_facts.lead_id
                AND promise.arrived_at = assignment_facts.arrived_at AND promise.first))
       ) AS fact
 {parts.grouping}
"""
    return await fetch_rows(connection, statement, parts.values)
