"""What happened to the leads that were received in a time: one row of facts for each lead."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from app.store.connection.pool import Connection, Row
from app.store.reports.cohorts import COUNTED
from app.store.reports.cuts import Parts, Reading
from app.store.reports.reading import fetch_rows

SAMPLE = COUNTED.replace("lead.", "")
"""The leads that people should work on, for a statement that reads no other table."""
_VERDICT = """
  LEFT JOIN event_facts AS verdict
    ON verdict.workspace_id = $1 AND verdict.lead_id = lead.lead_id AND verdict.first
   AND verdict.type = CASE WHEN lead.qualified_at IS NOT NULL THEN 'qualified' ELSE 'disqualified' END"""
"""The event that decided whether a lead is a fit, beside the lead."""


async def count_moves(connection: Connection, reading: Reading, columns: Mapping[str, str]) -> Sequence[Row]:
    """Return how often leads that had an owner changed it, for each group and for all.

    A lead that was blocked after it had an owner is among them.
    """
    parts = Parts(reading, "received_at", columns)
    statement = f"""
SELECT {parts.total} AS is_total, {parts.names}count(*) AS leads,
       count(*) FILTER (WHERE moves > 0) AS reassigned, coalesce(sum(moves), 0)::bigint AS moves,
       coalesce(max(moves), 0) AS most_moves, count(*) FILTER (WHERE ping_pong) AS ping_pong,
       coalesce(sum(cover_moves), 0)::bigint AS cover_moves,
       coalesce(sum(handoffs), 0)::bigint AS handoffs, coalesce(sum(claims), 0)::bigint AS claims,
       max(changed_at) AS changed_at
  FROM (SELECT {parts.keys}moves, ping_pong, cover_moves, handoffs, claims, changed_at
          FROM lead_facts
         WHERE {parts.where} AND owner_id IS NOT NULL AND excluded IS DISTINCT FROM 'merged'
           AND NOT imported) AS fact
 {parts.grouping}
"""
    return await fetch_rows(connection, statement, parts.values)


async def count_causes(connection: Connection, reading: Reading, columns: Mapping[str, str]) -> Sequence[Row]:
    """Return the moves of these leads by cause, the most frequent first."""
    parts = Parts(reading, "received_at", columns, table="lead")
    statement = f"""
SELECT fact.cause, count(*) AS moves
  FROM lead_facts AS lead
  JOIN assignment_facts AS fact
    ON fact.workspace_id = $1 AND fact.lead_id = lead.lead_id AND fact.move = 'move'
 WHERE {parts.where} AND lead.moves > 0 AND lead.excluded IS DISTINCT FROM 'merged' AND NOT lead.imported
 GROUP BY fact.cause ORDER BY moves DESC, fact.cause
"""
    return await fetch_rows(connection, statement, parts.values)


async def count_contacts(
    connection: Connection,
    reading: Reading,
    columns: Mapping[str, str],
    until: timedelta | None,
    now: datetime,
) -> Sequence[Row]:
    """Return how many leads were tried and reached, for each group and for all.

    With `until` only what happened within so long counts, and only leads that are old enough.
    """
    parts = Parts(reading, "received_at", columns)
    end = _end(parts, until)
    young = _young(parts, until, now)
    statement = f"""
SELECT {parts.total} AS is_total, {parts.names}count(*) FILTER (WHERE NOT young) AS leads,
       count(*) FILTER (WHERE NOT young AND (tried OR reached)) AS worked,
       count(*) FILTER (WHERE NOT young AND reached) AS reached,
       count(*) FILTER (WHERE NOT young AND (reached OR NOT invalid)) AS reachable,
       count(*) FILTER (WHERE NOT young AND reached AND tries IS NULL) AS came_back,
       count(*) FILTER (WHERE NOT young AND automated AND NOT (tried OR reached)) AS automated_only,
       count(*) FILTER (WHERE NOT young AND NOT owned) AS unowned, count(*) FILTER (WHERE young) AS immature,
       count(tries) FILTER (WHERE NOT young) AS tries_leads,
       percentile_disc(0.5) WITHIN GROUP (ORDER BY tries) FILTER (WHERE NOT young) AS tries_median,
       percentile_disc(0.9) WITHIN GROUP (ORDER BY tries) FILTER (WHERE NOT young) AS tries_p90,
       max(changed_at) AS changed_at
  FROM (SELECT {parts.keys}{young} AS young, coalesce(first_touch_at <= {end}, false) AS tried,
               coalesce(reached_at <= {end}, false) AS reached,
               coalesce(invalid_contact_at <= {end}, false) AS invalid,
               coalesce(automated_at <= {end}, false) AS automated, owner_id IS NOT NULL AS owned,
               CASE WHEN reached_at <= {end} THEN tries_until_reached END AS tries, changed_at
          FROM lead_facts WHERE {parts.where} AND {SAMPLE}) AS fact
 {parts.grouping}
"""
    return await fetch_rows(connection, statement, parts.values)


async def count_verdicts(
    connection: Connection,
    reading: Reading,
    columns: Mapping[str, str],
    until: timedelta | None,
    now: datetime,
) -> Sequence[Row]:
    """Return how many leads were qualified and disqualified, for each group and for all."""
    parts = Parts(reading, "received_at", columns, table="lead")
    end, young = _end(parts, until, "lead."), _young(parts, until, now, "lead.")
    statement = f"""
SELECT {parts.total} AS is_total, {parts.names}count(*) FILTER (WHERE NOT young) AS leads,
       count(*) FILTER (WHERE qualified) AS qualified,
       count(*) FILTER (WHERE disqualified AND NOT qualified) AS disqualified,
       count(*) FILTER (WHERE disqualified AND qualified) AS both_verdicts,
       count(*) FILTER (WHERE reached) AS reached,
       count(*) FILTER (WHERE reached AND qualified) AS reached_qualified,
       count(*) FILTER (WHERE young) AS immature,
       percentile_disc(0.5) WITHIN GROUP (ORDER BY seconds) AS seconds_median,
       percentile_disc(0.9) WITHIN GROUP (ORDER BY seconds) AS seconds_p90, max(changed_at) AS changed_at
  FROM (SELECT *, floor(date_part('epoch', qualified_at - received_at) + 0.5)::bigint AS seconds
          FROM (SELECT {parts.keys}{young} AS young, lead.received_at, lead.changed_at,
                       NOT {young} AND coalesce(lead.reached_at <= {end}, false) AS reached,
                       NOT {young} AND coalesce(lead.qualified_at <= {end}, false) AS qualified,
                       NOT {young} AND coalesce(lead.disqualified_at <= {end}, false) AS disqualified,
                       CASE WHEN NOT {young} AND lead.qualified_at <= {end}
                            THEN greatest(lead.qualified_at, lead.received_at) END AS qualified_at
                  FROM lead_facts AS lead{_verdict(parts)}
                 WHERE {parts.where} AND {COUNTED}) AS told) AS fact
 {parts.grouping}
"""
    return await fetch_rows(connection, statement, parts.values)


async def count_reasons(
    connection: Connection,
    reading: Reading,
    columns: Mapping[str, str],
    until: timedelta | None,
    now: datetime,
) -> Sequence[Row]:
    """Return why leads were disqualified that were never qualified, the most frequent reason first."""
    parts = Parts(reading, "received_at", columns, table="lead")
    end, young = _end(parts, until, "lead."), _young(parts, until, now, "lead.")
    statement = f"""
SELECT lead.disqualified_reason AS reason, count(*) AS leads
  FROM lead_facts AS lead{_verdict(parts)}
 WHERE {parts.where} AND {COUNTED} AND NOT {young} AND lead.disqualified_at <= {end}
   AND NOT coalesce(lead.qualified_at <= {end}, false)
 GROUP BY lead.disqualified_reason ORDER BY leads DESC, reason
"""
    return await fetch_rows(connection, statement, parts.values)


def _verdict(parts: Parts) -> str:
    """The event of each lead's verdict, where the statement asks for it."""
    names = (*parts.reading.group_by, *parts.reading.filters)
    return _VERDICT if any("verdict." in parts.columns.get(name, "") for name in names) else ""


def _end(parts: Parts, until: timedelta | None, table: str = "") -> str:
    """Until when something counts, of each lead."""
    return f"{table}received_at + {parts.add(until, 'interval')}" if until is not None else "'infinity'"


def _young(parts: Parts, until: timedelta | None, now: datetime, table: str = "") -> str:
    """Whether a lead is too young for all of it to have happened."""
    if until is None:
        return "false"
    moment = parts.add(now, "timestamptz")
    return f"({table}received_at + {parts.add(until, 'interval')} > {moment})"
