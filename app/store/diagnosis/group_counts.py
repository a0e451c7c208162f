"""Leads and hits by group and day: what is compared between rules, steps, teams, sources and owners."""

from dataclasses import dataclass
from datetime import date, datetime

from app.pace import paced
from app.store.connection.pool import Connection
from app.store.reports.offers import OFFERED, RESULT

MIN_AGE_HOURS = 24
"""A lead that is younger may still be touched: it is not counted where touches are."""
SNIPED_SECONDS = 10


@dataclass(frozen=True, slots=True)
class GroupCount:
    """Leads of one group in one stratum, and how many of them were hits.

    `kind` is `step`, `team`, `source` or `owner`; of a step `strategy` is that which decided. `pool` are the
    others it is compared with: a team or a queue for owners, otherwise nothing.
    """

    kind: str
    pool: str
    name: str
    strategy: str | None
    stratum: date
    leads: int
    hits: int


@dataclass(frozen=True, slots=True)
class Span:
    """The period of a diagnosis, the time that it is made at, and the zone of its days."""

    start: datetime
    end: datetime
    now: datetime
    zone: str


# Each CTE `counted` has the columns day, step, strategy, team_id, source, owner_id and hit.
_BY_GROUP = """
SELECT CASE WHEN grouping(step) = 0 THEN 'step' WHEN grouping(source) = 0 THEN 'source'
            WHEN grouping(owner_id) = 0 THEN 'owner' ELSE 'team' END AS kind,
       CASE WHEN grouping(owner_id) = 0 THEN team_id ELSE '' END AS pool,
       CASE WHEN grouping(step) = 0 THEN step WHEN grouping(source) = 0 THEN source
            WHEN grouping(owner_id) = 0 THEN owner_id ELSE team_id END AS name,
       CASE WHEN grouping(step) = 0 THEN strategy END AS strategy,
       day AS stratum, count(*) AS leads, count(*) FILTER (WHERE hit) AS hits
  FROM counted
 GROUP BY GROUPING SETS ((day, step, strategy), (day, source), (day, team_id), (day, team_id, owner_id))
"""
_DAY = "({at} AT TIME ZONE $5::text)::date AS day"

COUNT_REASSIGNMENTS = f"""
WITH counted AS (
  SELECT {_DAY.format(at="received_at")}, step, strategy, team_id, source, owner_id, moves > 0 AS hit
    FROM lead_facts
   WHERE workspace_id = $1 AND received_at >= $2 AND received_at < $3 AND received_at <= $4
     AND excluded IS NULL AND NOT imported AND owner_id IS NOT NULL)
{_BY_GROUP}"""
"""Leads that had an owner, by where they went first; a hit went on to another owner."""

COUNT_CONTACTS = f"""
WITH counted AS (
  SELECT {_DAY.format(at="received_at")}, step, strategy, team_id, source, owner_id,
         first_touch_at IS NOT NULL AS hit
    FROM lead_facts
   WHERE workspace_id = $1 AND received_at >= $2 AND received_at < $3
     AND received_at <= $4::timestamptz - interval '{MIN_AGE_HOURS} hours'
     AND excluded IS NULL AND NOT imported AND owner_id IS NOT NULL)
{_BY_GROUP}"""
"""Leads that had an owner, by where they went first; a hit was tried or reached by a person."""

COUNT_ACCEPTANCES = f"""
WITH counted AS (
  SELECT day, step, strategy, team_id, source, owner_id, result = 'accepted' AS hit
    FROM (SELECT {_DAY.format(at="decided_at")}, step, strategy, team_id, source, owner_id,
                 {RESULT.format(now="$4")} AS result
            FROM assignment_facts AS offer
           WHERE workspace_id = $1 AND decided_at >= $2 AND decided_at < $3 AND decided_at <= $4
             AND excluded IS NULL AND {OFFERED}) AS offers
   WHERE result IN ('accepted', 'rejected', 'timed_out'))
{_BY_GROUP}"""
"""Settled offers; a hit was accepted, or touched, which accepts as well."""

_SETTLED = """excluded IS NULL AND kind IN ('accept', 'touch')
     AND (met_at <= due_at OR (due_at <= $4 AND (void_at IS NULL OR void_at > due_at)))"""

COUNT_BROKEN_PROMISES = f"""
WITH counted AS (
  SELECT {_DAY.format(at="started_at")}, step, strategy, team_id, source, owner_id,
         met_at IS NULL OR met_at > due_at AS hit
    FROM promise_facts
   WHERE workspace_id = $1 AND started_at >= $2 AND started_at < $3 AND {_SETTLED})
{_BY_GROUP}"""
"""Settled promises to accept and to touch; a hit was broken."""

COUNT_SITTING = f"""
WITH counted AS (
  SELECT team_id AS pool, owner_id AS name, {_DAY.format(at="accepted_at")},
         touched_at IS NULL OR touched_at > accepted_at + interval '{MIN_AGE_HOURS} hours' AS hit
    FROM assignment_facts
   WHERE workspace_id = $1 AND decided_at >= $2 AND decided_at < $3
     AND accepted_at <= $4::timestamptz - interval '{MIN_AGE_HOURS} hours'
     AND excluded IS NULL AND owner_id IS NOT NULL AND team_id IS NOT NULL
     AND (touched_at IS NOT NULL OR ended_at IS NULL
          OR ended_at > accepted_at + interval '{MIN_AGE_HOURS} hours'))
SELECT 'owner' AS kind, pool, name, NULL::text AS strategy, day AS stratum,
       count(*) AS leads, count(*) FILTER (WHERE hit) AS hits
  FROM counted WHERE $5::text IS NOT NULL
 GROUP BY pool, name, day
"""
"""Accepted leads by owner; a hit was not touched for a day."""

COUNT_CLAIMS = f"""
WITH counted AS (
  SELECT waiting.queue AS pool, claim.owner_id AS name,
         date_trunc('week', claim.decided_at AT TIME ZONE $5::text)::date AS day,
         claim.decided_at <= waiting.decided_at + interval '{SNIPED_SECONDS} seconds' AS hit
    FROM assignment_facts AS claim
   CROSS JOIN LATERAL (
     SELECT queue, decided_at FROM assignment_facts AS earlier
      WHERE earlier.workspace_id = $1 AND earlier.lead_id = claim.lead_id AND earlier.queue IS NOT NULL
        AND earlier.decision_number < claim.decision_number
      ORDER BY earlier.decision_number DESC LIMIT 1) AS waiting
   WHERE claim.workspace_id = $1 AND claim.decided_at >= $2 AND claim.decided_at < $3
     AND claim.decided_at <= $4 AND claim.cause = 'claim' AND claim.owner_id IS NOT NULL)
SELECT 'owner' AS kind, pool, name, NULL::text AS strategy, day AS stratum,
       count(*) AS leads, count(*) FILTER (WHERE hit) AS hits
  FROM counted
 GROUP BY pool, name, day
"""
"""Claims by queue and owner; a hit came within seconds of the lead's arrival in the queue."""

COUNT_REJECTS = """
WITH counted AS (
  SELECT team_id AS pool, owner_id AS name, date_trunc('week', ended_at AT TIME ZONE $5::text)::date AS day,
         EXISTS (SELECT FROM event_facts AS event
                  WHERE event.workspace_id = $1 AND event.lead_id = rejected.lead_id AND event.type = $6
                    AND event.at >= rejected.ended_at AND event.owner_id <> rejected.owner_id) AS hit
    FROM assignment_facts AS rejected
   WHERE workspace_id = $1 AND decided_at >= $2 AND decided_at < $3 AND ended_at <= $4
     AND end_cause = 'rejected' AND excluded IS NULL AND owner_id IS NOT NULL AND team_id IS NOT NULL)
SELECT 'owner' AS kind, pool, name, NULL::text AS strategy, day AS stratum,
       count(*) AS leads, count(*) FILTER (WHERE hit) AS hits
  FROM counted
 GROUP BY pool, name, day
"""
"""Rejected leads by owner; a hit came to the outcome with another owner afterwards."""

COUNT_PROMISES_BY_TIME = f"""
WITH counted AS (
  SELECT team_id, extract(isodow FROM started_at AT TIME ZONE $5::text)::int AS weekday,
         extract(hour FROM started_at AT TIME ZONE $5::text)::int / 4 AS hours,
         met_at IS NULL OR met_at > due_at AS hit
    FROM promise_facts
   WHERE workspace_id = $1 AND started_at >= $2 AND started_at < $3 AND team_id IS NOT NULL AND {_SETTLED})
SELECT team_id, grouping(weekday) = 0 AS by_weekday, coalesce(weekday, hours) AS cell,
       count(*) AS leads, count(*) FILTER (WHERE hit) AS hits
  FROM counted
 GROUP BY GROUPING SETS ((team_id, weekday), (team_id, hours))
"""
"""Settled promises of teams by weekday (1 is Monday), and by parts of the day of four hours."""


@dataclass(frozen=True, slots=True)
class TimeCount:
    """Promises of a team that began on one weekday, or in one part of the day; hits were broken."""

    team: str
    by_weekday: bool
    cell: int
    leads: int
    hits: int


async def count_groups(
    connection: Connection, workspace_id: int, statement: str, span: Span, *more: object
) -> list[GroupCount]:
    """Return the counts of one of these statements, without those of no name."""
    rows = await connection.fetch(statement, workspace_id, span.start, span.end, span.now, span.zone, *more)
    return [
        GroupCount(**row) async for row in paced(rows) if row["name"] is not None and row["pool"] is not None
    ]


async def count_promises_by_time(connection: Connection, workspace_id: int, span: Span) -> list[TimeCount]:
    """Return the promises of teams by weekday and by part of the day."""
    rows = await connection.fetch(
        COUNT_PROMISES_BY_TIME, workspace_id, span.start, span.end, span.now, span.zone
    )
    return [
        TimeCount(row["team_id"], row["by_weekday"], row["cell"], row["leads"], row["hits"])
        async for row in paced(rows)
    ]
