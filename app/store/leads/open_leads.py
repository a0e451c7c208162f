"""Lists of open assignments: where each lead is, for how long, and when something is due.

They hold no fields of leads, so nothing in them is personal.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from app.store.clocks import DECIDING_NOW
from app.store.connection.pool import Connection, Row
from app.store.connection.rows import row_in_utc

SlaState = Literal["none", "running", "met", "breached"]


@dataclass(frozen=True, slots=True)
class OpenLeadFilter:
    """Which open assignments are meant. What is None does not matter.

    `older_than` is the least time since the assignment was decided. `breached` is for those that missed a
    deadline of their SLA.
    """

    owner: str | None = None
    team: str | None = None
    queue: str | None = None
    step: str | None = None
    older_than: timedelta | None = None
    breached: bool = False


@dataclass(frozen=True, slots=True)
class OpenAssignment:
    """One open assignment.

    `accept_by`, `touch_by` and `claim_by` are None without such a clock. `origin_owner` is the owner on leave
    that the present one covers for. `queue_since` is when a waiting lead first entered its queue, `leaves_by`
    when its longest wait ends, and `lease_until` when the lease of a claim does.
    """

    assignment_id: str
    lead_id: str
    decision_number: int
    owner: str | None
    team: str | None
    queue: str | None
    path: str | None
    step: str | None
    priority: int
    decided_at: datetime
    age_seconds: int
    accept_by: datetime | None
    touch_by: datetime | None
    claim_by: datetime | None
    sla_state: SlaState
    attempt: int
    held_until: datetime | None
    origin_owner: str | None
    queue_since: datetime | None
    leaves_by: datetime | None
    lease_until: datetime | None


_TIME = f"SELECT {DECIDING_NOW} AS now"
# Their order keeps the look-up of clocks on the primary key. Those of queues are no deadlines of an SLA.
_BREACHED = """EXISTS (
          SELECT FROM (
            SELECT kind, state, due_at FROM sla_clocks
             WHERE workspace_id = $1 AND assignment_id = assignments.id ORDER BY kind LIMIT 5) AS own
           WHERE kind IN ('accept', 'touch', 'claim')
             AND (state = 'missed' OR state = 'pending' AND due_at <= clock.now))"""
_FILTERED = f"""
     SELECT assignments.id, assignments.decision_number AS number, clock.now
       FROM clock CROSS JOIN assignments
      WHERE assignments.workspace_id = $1 AND open AND {{which}}
        AND ($3::text IS NULL OR owner_id = $3) AND ($4::text IS NULL OR team_id = $4)
        AND ($5::text IS NULL OR queue = $5) AND ($6::text IS NULL OR step = $6)
        AND ($7::interval IS NULL OR decided_at <= clock.now - $7)
        AND (NOT $8 OR {_BREACHED})"""
_FIRST = ("owner_id = $3", "team_id = $4", "queue = $5")
"""The condition by which an index finds the assignments."""
_SHOWN = """
SELECT assignment.id::text AS assignment_id, assignment.lead_id::text AS lead_id, decision_number,
       assignment.owner_id AS owner, assignment.team_id AS team, assignment.queue, path, step, priority,
       decided_at, greatest(extract(epoch FROM now - decided_at), 0)::bigint AS age_seconds, attempt,
       held_until, origin_owner, accept_by, touch_by, claim_by, leaves_by, lease_until,
       CASE WHEN assignment.queue IS NOT NULL THEN queue_since END AS queue_since,
       CASE WHEN breached THEN 'breached' WHEN running THEN 'running' WHEN met THEN 'met' ELSE 'none' END
         AS sla_state
  FROM first
 CROSS JOIN LATERAL (
    SELECT * FROM assignments WHERE workspace_id = $1 AND assignments.id = first.id LIMIT 1) AS assignment
  LEFT JOIN LATERAL (
    SELECT max(due_at) FILTER (WHERE kind = 'accept') AS accept_by,
           max(due_at) FILTER (WHERE kind = 'touch') AS touch_by,
           max(due_at) FILTER (WHERE kind = 'claim') AS claim_by,
           max(due_at) FILTER (WHERE kind = 'max_wait' AND state = 'pending') AS leaves_by,
           max(due_at) FILTER (WHERE kind = 'lease' AND state = 'pending') AS lease_until,
           bool_or(state = 'missed' OR state = 'pending' AND due_at <= now) FILTER (WHERE of_sla) AS breached,
           bool_or(state = 'pending') FILTER (WHERE of_sla) AS running,
           bool_or(state = 'met') FILTER (WHERE of_sla) AS met
      FROM (SELECT kind, due_at, state, kind IN ('accept', 'touch', 'claim') AS of_sla FROM sla_clocks
             WHERE workspace_id = $1 AND assignment_id = assignment.id
             ORDER BY kind LIMIT 5) AS clock) AS due ON true
"""
# What is open is read through its short indexes, and sorted afterwards: an index in the order of the page has
# everything that ever was.
_PAGE = f"""
WITH clock AS MATERIALIZED ({_TIME}), wanted AS MATERIALIZED (
  {{filtered}}
), first AS MATERIALIZED (
  SELECT * FROM wanted WHERE number > $2 ORDER BY number LIMIT $9
)
{_SHOWN} ORDER BY decision_number
"""
"""A page of open assignments, the oldest first."""

_OF_OWNER, _OF_TEAM, _OF_QUEUE = (_FILTERED.format(which=which) for which in _FIRST)
_ALL = f"""{_FILTERED.format(which="owner_id IS NOT NULL")}
  UNION ALL
  {_FILTERED.format(which="owner_id IS NULL AND queue IS NOT NULL")}"""
_IDS = f"""
WITH clock AS MATERIALIZED ({_TIME}), wanted AS MATERIALIZED (
  {{filtered}}
), first AS MATERIALIZED (
  SELECT * FROM wanted WHERE number > $2 ORDER BY number LIMIT $9
)
SELECT assignment.lead_id::text AS lead_id, first.id::text AS assignment_id
  FROM first
 CROSS JOIN LATERAL (
    SELECT lead_id FROM assignments WHERE workspace_id = $1 AND assignments.id = first.id LIMIT 1
  ) AS assignment
 ORDER BY number
"""
"""The leads of open assignments, and these assignments, the oldest first."""

# A lead's place in its queue does not change while it waits, so the last one shown tells where to go on.
SELECT_QUEUE = f"""
WITH clock AS MATERIALIZED ({_TIME}), place AS MATERIALIZED (
  SELECT queue_rank AS rank, queue_since AS since, queue_number AS number FROM assignments
   WHERE workspace_id = $1 AND id = $3 AND queue = $2 LIMIT 1
), first AS MATERIALIZED (
  SELECT assignments.id, clock.now
    FROM clock CROSS JOIN assignments
   WHERE assignments.workspace_id = $1 AND open AND queue = $2
     AND ($3::uuid IS NULL OR EXISTS (
       SELECT FROM place WHERE queue_rank < rank OR queue_rank = rank
         AND (queue_since, queue_number) > (since, number)))
   ORDER BY queue_rank DESC, queue_since, queue_number LIMIT $4
)
{_SHOWN} ORDER BY queue_rank DESC, queue_since, queue_number
"""
"""A page of the leads that wait in a queue, in the order in which they leave it."""


async def list_open(
    connection: Connection, workspace_id: int, wanted: OpenLeadFilter, after: int, limit: int
) -> list[OpenAssignment]:
    """Return open assignments with numbers above `after`, in order."""
    rows = await connection.fetch(
        _PAGE.format(filtered=_filtered(wanted)), *_arguments(workspace_id, wanted, after), limit
    )
    return [_shown(row) for row in rows]


async def list_queue(
    connection: Connection, workspace_id: int, queue: str, after: str | None, limit: int
) -> list[OpenAssignment]:
    """Return the leads that wait in a queue behind the assignment `after`, in the order of the queue."""
    return [_shown(row) for row in await connection.fetch(SELECT_QUEUE, workspace_id, queue, after, limit)]


async def list_ids(
    connection: Connection, workspace_id: int, wanted: OpenLeadFilter, limit: int
) -> list[tuple[str, str]]:
    """Return the leads of open assignments and these assignments, in the order of their numbers."""
    rows = await connection.fetch(
        _IDS.format(filtered=_filtered(wanted)), *_arguments(workspace_id, wanted, 0), limit
    )
    return [(row["lead_id"], row["assignment_id"]) for row in rows]


def _filtered(wanted: OpenLeadFilter) -> str:
    """The part that reads least: an owner has few open leads, a queue may have many."""
    if wanted.owner is not None:
        return _OF_OWNER
    if wanted.queue is not None:
        return _OF_QUEUE
    return _OF_TEAM if wanted.team is not None else _ALL


def _arguments(workspace_id: int, wanted: OpenLeadFilter, after: int) -> Sequence[Any]:
    return (
        workspace_id,
        after,
        wanted.owner,
        wanted.team,
        wanted.queue,
        wanted.step,
        wanted.older_than,
        wanted.breached,
    )


def _shown(row: Row) -> OpenAssignment:
    return OpenAssignment(**row_in_utc(row))
