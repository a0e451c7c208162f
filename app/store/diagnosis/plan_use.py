"""What the steps of plans decided by day, when something changed, and which leads wait in queues."""

from dataclasses import dataclass
from datetime import UTC, date, datetime

from app.store.connection.pool import Connection

MIN_CAMPAIGN_LEADS = 20


@dataclass(frozen=True, slots=True)
class StepCount:
    """Leads that one step of one version of the plan decided on one local day."""

    day: date
    plan_version: int
    step: str
    leads: int


@dataclass(frozen=True, slots=True)
class DatedChange:
    """Something that changed on a local day."""

    day: date
    kind: str
    what: str


@dataclass(frozen=True, slots=True)
class WaitingLeads:
    """The leads that wait in a queue."""

    queue: str
    waiting: int
    oldest_since: datetime


COUNT_STEPS = """
SELECT (decided_at AT TIME ZONE $4::text)::date AS day, plan_version, step, count(*) AS leads
  FROM assignment_facts
 WHERE workspace_id = $1 AND decided_at >= $2 AND decided_at < $3 AND cause = 'assign'
   AND step IS NOT NULL AND arrival IS DISTINCT FROM 'duplicate'
 GROUP BY 1, 2, 3
"""
"""Decisions about arriving leads, by local day, version of the plan and step."""

COUNT_HITS = """
SELECT step, band, count(*) AS leads
  FROM assignment_facts
 WHERE workspace_id = $1 AND decided_at >= $2 AND decided_at < $3 AND cause = 'assign'
   AND step IS NOT NULL AND arrival IS DISTINCT FROM 'duplicate'
 GROUP BY 1, 2
"""
"""Decisions about arriving leads, by the step and by the band that the lead got."""

LIST_CHANGES = """
SELECT DISTINCT (at AT TIME ZONE $4::text)::date AS day,
       CASE resource_type WHEN 'teams' THEN 'team' ELSE 'table' END AS kind, resource_id AS what
  FROM changes
 WHERE workspace_id = $1 AND resource_type IN ('teams', 'tables') AND at >= $2 AND at < $3
"""
"""The days on which teams and tables were changed."""

# A campaign that was there when the facts begin was not launched then, as far as we know.
LIST_LAUNCHES = """
WITH first AS (
  SELECT campaign, min(received_at) AS at, count(*) AS leads FROM lead_facts
   WHERE workspace_id = $1 AND campaign IS NOT NULL AND received_at < $3 GROUP BY campaign)
SELECT (at AT TIME ZONE $4::text)::date AS day, 'campaign' AS kind, campaign AS what
  FROM first
 WHERE at >= $2 AND leads >= $5
   AND at > (SELECT min(received_at) + interval '7 days' FROM lead_facts WHERE workspace_id = $1)
"""
"""The days on which the first lead of a campaign came."""

LIST_WAITING = """
SELECT queue, count(*) AS waiting, min(queue_since) AS oldest_since
  FROM assignments
 WHERE workspace_id = $1 AND open AND queue IS NOT NULL AND queue_since IS NOT NULL
 GROUP BY queue
"""
"""The leads that wait, by queue. Those that are held for a shift are not among them."""

LIST_LAST_TAKEN = """
SELECT queue, max(ended_at) AS at
  FROM assignment_facts
 WHERE workspace_id = $1 AND decided_at >= $2 AND queue = ANY($3::text[]) AND ended_at IS NOT NULL
   AND end_cause IN ('claimed', 'released', 'reassigned', 'superseded', 'closed', 'handed_off')
 GROUP BY queue
"""
"""When a lead was last taken from a queue by somebody, of those that came since a time."""


async def count_steps(
    connection: Connection, workspace_id: int, start: datetime, end: datetime, zone: str
) -> list[StepCount]:
    """Return what each step decided, by day and version."""
    rows = await connection.fetch(COUNT_STEPS, workspace_id, start, end, zone)
    return [StepCount(**row) for row in rows]


async def count_hits(
    connection: Connection, workspace_id: int, start: datetime, end: datetime
) -> list[tuple[str, str | None, int]]:
    """Return how many leads each step decided, by the band that they got."""
    rows = await connection.fetch(COUNT_HITS, workspace_id, start, end)
    return [(row["step"], row["band"], row["leads"]) for row in rows]


async def list_changes(
    connection: Connection, workspace_id: int, start: datetime, end: datetime, zone: str
) -> list[DatedChange]:
    """Return the changes of teams and tables, and the launches of campaigns."""
    changed = await connection.fetch(LIST_CHANGES, workspace_id, start, end, zone)
    launched = await connection.fetch(LIST_LAUNCHES, workspace_id, start, end, zone, MIN_CAMPAIGN_LEADS)
    return [DatedChange(**row) for row in (*changed, *launched)]


async def list_waiting(connection: Connection, workspace_id: int) -> list[WaitingLeads]:
    """Return the queues in which leads wait."""
    rows = await connection.fetch(LIST_WAITING, workspace_id)
    return [WaitingLeads(row["queue"], row["waiting"], row["oldest_since"].astimezone(UTC)) for row in rows]


async def find_last_taken(
    connection: Connection, workspace_id: int, since: datetime, queues: list[str]
) -> dict[str, datetime]:
    """Return when a lead was last taken from each of these queues."""
    rows = await connection.fetch(LIST_LAST_TAKEN, workspace_id, since, queues)
    return {row["queue"]: row["at"].astimezone(UTC) for row in rows}
