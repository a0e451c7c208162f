"""How promises of SLAs were kept."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from app.store.connection.pool import Connection
from app.store.reports.credits import RESPONSE
from app.store.reports.cuts import Parts, Reading
from app.store.reports.reading import fetch_rows
from app.store.reports.speed_to_lead import SAMPLE

_LEAD = {"met_at": "lead_met_at", "met_by": "lead_met_by", "void_at": "lead_void_at"}
"""The columns of the promise to the lead, instead of those of the promise of an assignment."""
_STATE = """CASE WHEN met_at <= due_at THEN 'met'
            WHEN void_at <= due_at THEN 'withdrawn'
            WHEN due_at <= {now} THEN 'breached'
            ELSE 'open' END"""
_COLUMNS = (
    "kind",
    "met_at",
    "met_by",
    "void_at",
    "due_at",
    "owner_id",
    "lead_id::text AS lead_id",
    "changed_at",
)


def _promises(parts: Parts, *, of_leads: bool, now: str) -> str:
    """The promises of the period with their states at `now`.

    One that nobody kept is late by at least as long as somebody could have kept it.
    """
    named = ", ".join(f"{_LEAD[name]} AS {name}" if of_leads and name in _LEAD else name for name in _COLUMNS)
    first = " AND first" if of_leads else " AND owner_id IS NOT NULL"
    return f"""
  SELECT *, {_STATE.format(now=now)} AS state,
         CASE WHEN met_at > due_at THEN greatest(floor(date_part('epoch', met_at - due_at) + 0.5), 0)
              WHEN due_at <= {now}
              THEN floor(date_part('epoch', least(void_at, {now}) - due_at) + 0.5) END AS late,
         met_at IS NULL AS unkept, met_at IS NULL AND coalesce(void_at > {now}, true) AS runs
    FROM (SELECT {parts.keys}{named} FROM promise_facts
           WHERE {parts.where}{first} AND excluded IS NULL) AS promise"""


def _parts(reading: Reading, columns: Mapping[str, str], *, of_leads: bool) -> Parts:
    return Parts(reading, "arrived_at" if of_leads else "started_at", columns)


async def count_promises(
    connection: Connection,
    reading: Reading,
    columns: Mapping[str, str],
    now: datetime,
    *,
    of_leads: bool,
) -> list[dict[str, Any]]:
    """Return for each kind of promise the states of its promises, for each group and for everything."""
    parts = _parts(reading, columns, of_leads=of_leads)
    return await fetch_rows(
        connection,
        f"""
SELECT {parts.total} AS is_total, kind, {parts.names}count(*) AS promises,
       count(*) FILTER (WHERE state = 'met') AS met,
       count(*) FILTER (WHERE state = 'met' AND met_by IS DISTINCT FROM owner_id) AS met_by_others,
       count(*) FILTER (WHERE state = 'breached') AS breached,
       count(*) FILTER (WHERE state = 'breached' AND unkept) AS never_kept,
       count(*) FILTER (WHERE state = 'breached' AND runs) AS still_running,
       count(*) FILTER (WHERE state = 'open') AS open,
       count(*) FILTER (WHERE state = 'withdrawn') AS withdrawn, max(changed_at) AS changed_at
  FROM ({_promises(parts, of_leads=of_leads, now=parts.add(now, "timestamptz"))}) AS state
 GROUP BY kind{", GROUPING SETS ((" + parts.names.rstrip(", ") + "), ())" if parts.names else ""}
""",
        parts.values,
    )


async def count_late(
    connection: Connection,
    reading: Reading,
    columns: Mapping[str, str],
    now: datetime,
    *,
    of_leads: bool,
) -> list[dict[str, Any]]:
    """Return how often promises were missed by each time, for each kind and group."""
    parts = _parts(reading, columns, of_leads=of_leads)
    return await fetch_rows(
        connection,
        f"""
SELECT kind, {parts.names}late, unkept, count(*) AS count
  FROM ({_promises(parts, of_leads=of_leads, now=parts.add(now, "timestamptz"))}) AS state
 WHERE state = 'breached'
 GROUP BY kind, {parts.names}late, unkept
""",
        parts.values,
    )


async def list_missed(
    connection: Connection, reading: Reading, now: datetime, limit: int, *, of_leads: bool
) -> list[dict[str, Any]]:
    """Return the promises that were missed by the most."""
    parts = _parts(reading, {}, of_leads=of_leads)
    return await fetch_rows(
        connection,
        f"""
SELECT kind, lead_id, late::bigint AS late, runs
  FROM ({_promises(parts, of_leads=of_leads, now=parts.add(now, "timestamptz"))}) AS state
 WHERE state = 'breached' ORDER BY late DESC, lead_id LIMIT {limit:d}
""",
        parts.values,
    )


async def count_touches(connection: Connection, reading: Reading, now: datetime) -> list[dict[str, Any]]:
    """Return how many promises each person kept in time, no matter who had the lead."""
    parts = _parts(reading, {}, of_leads=False)
    return await fetch_rows(
        connection,
        f"""
SELECT kind, met_by AS owner, count(*) AS touches
  FROM ({_promises(parts, of_leads=False, now=parts.add(now, "timestamptz"))}) AS state
 WHERE state = 'met' AND met_by IS NOT NULL GROUP BY kind, met_by ORDER BY kind, touches DESC, met_by
""",
        parts.values,
    )


async def count_unpromised(connection: Connection, reading: Reading) -> list[dict[str, Any]]:
    """Return how many arrivals were promised nothing, for each group and for everything."""
    parts = Parts(reading, "arrived_at", RESPONSE["first"])
    return await fetch_rows(
        connection,
        f"""
SELECT {parts.total} AS is_total, {parts.names}count(*) AS leads
  FROM (SELECT {parts.keys}lead_id FROM assignment_facts
         WHERE {parts.where} AND {SAMPLE}
           AND NOT EXISTS (SELECT FROM promise_facts AS promise
                            WHERE promise.workspace_id = $1 AND promise.lead_id = assignment_facts.lead_id
                              AND promise.arrived_at = assignment_facts.arrived_at AND promise.first
                              AND promise.arrived_at >= $2 AND promise.arrived_at < $3)
       ) AS fact
 {parts.grouping}
""",
        parts.values,
    )
