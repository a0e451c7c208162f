"""Lists of assignments: where each lead is or was, for how long, and when something is due.

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
AssignmentState = Literal["open", "closed", "superseded", "all"]
ListedState = Literal[AssignmentState, "blocked"]


@dataclass(frozen=True, slots=True)
class AssignmentFilter:
    """Which assignments are meant. What is None does not matter.

    `older_than` is the least time since the assignment was decided. `breached` is for those that missed a
    deadline of their SLA. The state `blocked` is for leads that are blocked now.
    """

    owner: str | None = None
    team: str | None = None
    queue: str | None = None
    step: str | None = None
    older_than: timedelta | None = None
    breached: bool = False
    state: ListedState = "open"

    @property
    def must_be_examined(self) -> bool:
        """Whether no index finds them: many others may have to be read."""
        indexed = (self.owner, self.team, self.queue)
        others = (self.step, self.older_than, self.breached or None)
        if self.state == "open" and any(indexed):
            return False
        return self.state in ("closed", "superseded") or any(indexed) or any(others)


@dataclass(frozen=True, slots=True)
class ListedAssignment:
    """One assignment.

    `accept_by`, `touch_by` and `claim_by` are None without such a clock. `origin_owner` is the owner on leave
    that the present one covers for. `queue_since` is when a waiting lead first entered its queue, `leaves_by`
    when its longest wait ends, and `lease_until` when the lease of a claim does.
    """

    assignment_id: str
    lead_id: str
    decision_number: int
    state: AssignmentState
    owner: str | None
    team: str | None
    queue: str | None
    path: str | None
    step: str | None
    outcome: str
    block: str | None
    reason: str
    priority: int
    decided_at: datetime
    ended_at: datetime | None
    end_cause: str | None
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


MAX_STRANDED = 10_000
"""Of the open leads of owners who cannot work them, no more are counted for each reason."""
_TIME = f"SELECT {DECIDING_NOW} AS now"
WINDOW = 10_000
"""So many assignments are examined for one page at most, where no index finds those that are wanted."""
# Their order keeps the look-up of clocks on the primary key. Those of queues are no deadlines of an SLA.
_BREACHED = """EXISTS (
          SELECT FROM (
            SELECT kind, state, due_at FROM sla_clocks
             WHERE workspace_id = $1 AND assignment_id = assignments.id ORDER BY kind LIMIT 5) AS own
           WHERE kind IN ('accept', 'touch', 'claim')
             AND (state = 'missed' OR state = 'pending' AND due_at <= clock.now))"""
_FILTERED = f"""
    SELECT assignments.id, assignments.decision_number AS number, clock.now FROM assignments
     WHERE workspace_id = $1 AND decision_number {{beyond}} $2 AND {{which}}
       AND ($3::text IS NULL OR owner_id = $3) AND ($4::text IS NULL OR team_id = $4)
       AND ($5::text IS NULL OR queue = $5) AND ($6::text IS NULL OR step = $6)
       AND ($7::interval IS NULL OR decided_at <= clock.now - $7)
       AND (NOT $8 OR {_BREACHED})"""
_OLDEST_FIRST = {"beyond": ">", "within": "<=", "direction": ""}
_NEWEST_FIRST = {"beyond": "<", "within": ">=", "direction": "DESC"}
LAST_NUMBER = 2**63 - 1
"""A number after that of every decision."""
_OF_OWNER, _OF_TEAM, _OF_QUEUE = "open AND owner_id = $3", "open AND team_id = $4", "open AND queue = $5"
"""The conditions by which an index finds open assignments."""
# What only repeats an earlier assignment, and leads on paths, were never open.
_IN_STATE = {
    "open": "open AND decision_number > 0",
    "closed": "end_cause IN ('closed', 'idle')",
    "superseded": "end_cause NOT IN ('closed', 'idle') AND outcome IN ('assigned', 'queued')",
    "blocked": """outcome = 'blocked' AND EXISTS (
          SELECT FROM leads WHERE workspace_id = $1 AND leads.id = assignments.lead_id
             AND leads.assignment_id = assignments.id AND leads.state = 'blocked')""",
    "all": "(open OR end_cause IS NOT NULL) AND outcome IN ('assigned', 'queued')",
}
"""The same by state. An index has the open ones in their order, for those who ask for numbers above zero."""
_SHOWN = """
SELECT assignment.id::text AS assignment_id, assignment.lead_id::text AS lead_id, decision_number,
       CASE WHEN open OR outcome = 'blocked' THEN 'open'
            WHEN end_cause IN ('closed', 'idle') THEN 'closed' ELSE 'superseded' END AS state,
       assignment.owner_id AS owner, assignment.team_id AS team, assignment.queue, path, step, outcome,
       block, code AS reason, priority, decided_at, ended_at, end_cause,
       greatest(extract(epoch FROM now - decided_at), 0)::bigint AS age_seconds, attempt,
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
# The clock stands outside, so that an index gives the order and nothing behind the page is read. The index of
# queues has another order: the fence makes that it is used all the same, and its rows are sorted.
_FIRST = f"""
WITH clock AS MATERIALIZED ({_TIME}), first AS MATERIALIZED (
  SELECT page.* FROM clock CROSS JOIN LATERAL (
    SELECT * FROM ({_FILTERED}
       AND ($10::bigint IS NULL OR decision_number {{within}} $10) {{fence}}) AS wanted
     ORDER BY number {{direction}} LIMIT $9) AS page
)"""
_PAGE = f"{_FIRST}{_SHOWN} ORDER BY decision_number {{direction}}"
"""A page of assignments, the oldest first, or the newest."""

SELECT_WINDOW = f"""
SELECT decision_number FROM assignments
 WHERE workspace_id = $1 AND decision_number {{beyond}} $2 AND {{which}}
 ORDER BY decision_number {{direction}} OFFSET {WINDOW - 1} LIMIT 1
"""
"""The last assignment that is examined for a page; none if there are fewer."""

_IDS = f"""{_FIRST}
SELECT assignment.lead_id::text AS lead_id, first.id::text AS assignment_id
  FROM first
 CROSS JOIN LATERAL (
    SELECT lead_id FROM assignments WHERE workspace_id = $1 AND assignments.id = first.id LIMIT 1
  ) AS assignment
 ORDER BY number
"""
"""The leads of open assignments, and these assignments, the oldest first."""

# From one name to the next in the index: a `DISTINCT` would read all that is held.
SELECT_HELD_FOR = """
WITH RECURSIVE
owners AS (
  (SELECT held_for_owner FROM assignments
    WHERE workspace_id = $1 AND open AND held_until IS NOT NULL AND held_for_owner IS NOT NULL
    ORDER BY held_for_owner LIMIT 1)
  UNION ALL
  SELECT next.held_for_owner
    FROM owners
   CROSS JOIN LATERAL (
     SELECT held_for_owner FROM assignments
      WHERE workspace_id = $1 AND open AND held_until IS NOT NULL
        AND held_for_owner > owners.held_for_owner
      ORDER BY held_for_owner LIMIT 1) AS next),
teams AS (
  (SELECT held_for_team FROM assignments
    WHERE workspace_id = $1 AND open AND held_until IS NOT NULL AND held_for_owner IS NULL
      AND held_for_team IS NOT NULL
    ORDER BY held_for_owner, held_for_team LIMIT 1)
  UNION ALL
  SELECT next.held_for_team
    FROM teams
   CROSS JOIN LATERAL (
     SELECT held_for_team FROM assignments
      WHERE workspace_id = $1 AND open AND held_until IS NOT NULL AND held_for_owner IS NULL
        AND held_for_team > teams.held_for_team
      ORDER BY held_for_owner, held_for_team LIMIT 1) AS next)
SELECT ARRAY(SELECT held_for_owner FROM owners) AS owners, ARRAY(SELECT held_for_team FROM teams) AS teams
"""
"""The owners and teams that leads are held for. A lead for an owner may name their team as well."""

SELECT_HELD = """
SELECT lead_id::text AS lead_id, id::text AS assignment_id
  FROM (
    SELECT lead_id, id, decision_number FROM assignments
     WHERE workspace_id = $1 AND open AND held_until IS NOT NULL AND held_for_owner = ANY ($2::text[])
    UNION ALL
    SELECT lead_id, id, decision_number FROM assignments
     WHERE workspace_id = $1 AND open AND held_until IS NOT NULL AND held_for_owner IS NULL
       AND held_for_team = ANY ($3::text[])) AS held
 ORDER BY decision_number LIMIT $4
"""
"""The leads held for these owners or teams, and their assignments, the oldest first."""

COUNT_OF_OWNER = """
SELECT (SELECT count(*) FROM assignments WHERE workspace_id = $1 AND open AND owner_id = $2)
       + (SELECT count(*) FROM assignments
           WHERE workspace_id = $1 AND open AND held_until IS NOT NULL AND held_for_owner = $2)
"""
"""How many open leads an owner has, or are held for them."""

# Steps from owner to owner in the index of open assignments, so that only owners are read, not their leads.
COUNT_STRANDED = f"""
WITH RECURSIVE owners AS (
  (SELECT owner_id FROM assignments WHERE workspace_id = $1 AND open AND owner_id > ''
    ORDER BY owner_id LIMIT 1)
  UNION ALL
  SELECT further.owner_id FROM owners CROSS JOIN LATERAL (
    SELECT owner_id FROM assignments
     WHERE workspace_id = $1 AND open AND owner_id > owners.owner_id
     ORDER BY owner_id LIMIT 1) AS further
), away AS MATERIALIZED (
  SELECT body ->> 'owner' AS owner_id,
         count(*) FILTER (WHERE EXISTS (
           SELECT FROM directory AS cover
            WHERE cover.workspace_id = $1 AND cover.resource_type = 'owners'
              AND cover.id = directory.body -> 'cover' ->> 'owner' AND cover.body -> 'active' <> 'false'
           UNION ALL
           SELECT FROM directory AS cover
            WHERE cover.workspace_id = $1 AND cover.resource_type = 'teams'
              AND cover.id = directory.body -> 'cover' ->> 'team')) AS covers
    FROM directory CROSS JOIN ({_TIME}) AS clock
   WHERE workspace_id = $1 AND resource_type = 'absences'
     AND (body ->> 'from')::timestamptz <= clock.now AND clock.now < (body ->> 'to')::timestamptz
   GROUP BY body ->> 'owner'
), stranded AS MATERIALIZED (
  SELECT owners.owner_id,
         CASE WHEN record.body IS NULL THEN 'deleted'
              WHEN record.body -> 'active' = 'false' THEN 'inactive'
              WHEN away.covers = 0 THEN 'away' END AS why
    FROM owners
    LEFT JOIN LATERAL (
      SELECT body FROM directory
       WHERE workspace_id = $1 AND resource_type = 'owners' AND id = owners.owner_id LIMIT 1
    ) AS record ON true
    LEFT JOIN away ON away.owner_id = owners.owner_id
)
SELECT reason.why, counted.leads
  FROM unnest(ARRAY['deleted', 'inactive', 'away']) AS reason (why)
 CROSS JOIN LATERAL (
   SELECT count(*) AS leads FROM (
     SELECT FROM stranded
      CROSS JOIN LATERAL (
        SELECT FROM assignments WHERE workspace_id = $1 AND open AND owner_id = stranded.owner_id) AS lead
      WHERE stranded.why = reason.why LIMIT $2) AS part) AS counted
"""
"""The open leads of owners who cannot work them, by why; at most so many for each reason."""

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


async def list_assignments(
    connection: Connection,
    workspace_id: int,
    wanted: AssignmentFilter,
    after: int,
    limit: int,
    *,
    newest_first: bool = False,
) -> tuple[list[ListedAssignment], int | None]:
    """Return assignments with numbers above `after`, in order, and the number to go on after.

    With `newest_first` the order is the other one, and numbers are below `after`, unless that is 0. A page
    may be shorter than `limit`, or empty, although more follow: it examines `WINDOW` at most.
    """
    last: int | None = None
    order = _NEWEST_FIRST if newest_first else _OLDEST_FIRST
    after = after or (LAST_NUMBER if newest_first else 0)
    if wanted.must_be_examined:
        own = wanted.state in ("open", "blocked")
        window = SELECT_WINDOW.format(which=_IN_STATE[wanted.state] if own else "true", **order)
        last = await connection.fetchval(window, workspace_id, after)
    rows = await connection.fetch(
        _PAGE.format(**_parts(wanted), **order), *_arguments(workspace_id, wanted, after), limit + 1, last
    )
    found = [_shown(row) for row in rows]
    if len(found) > limit:
        return found[:limit], found[limit - 1].decision_number
    return found, last


async def list_queue(
    connection: Connection, workspace_id: int, queue: str, after: str | None, limit: int
) -> list[ListedAssignment]:
    """Return the leads that wait in a queue behind the assignment `after`, in the order of the queue."""
    return [_shown(row) for row in await connection.fetch(SELECT_QUEUE, workspace_id, queue, after, limit)]


async def list_ids(
    connection: Connection, workspace_id: int, wanted: AssignmentFilter, limit: int
) -> list[tuple[str, str]]:
    """Return the leads of open assignments and these assignments, in the order of their numbers."""
    rows = await connection.fetch(
        _IDS.format(**_parts(wanted), **_OLDEST_FIRST), *_arguments(workspace_id, wanted, 0), limit, None
    )
    return [(row["lead_id"], row["assignment_id"]) for row in rows]


def _parts(wanted: AssignmentFilter) -> dict[str, str]:
    """The condition that reads least: an owner has few open leads, a queue may have many."""
    which, fence = _IN_STATE[wanted.state], ""
    if wanted.state == "open" and wanted.owner is not None:
        which = _OF_OWNER
    elif wanted.state == "open" and wanted.queue is not None:
        which, fence = _OF_QUEUE, "OFFSET 0"
    elif wanted.state == "open" and wanted.team is not None:
        which = _OF_TEAM
    return {"which": which, "fence": fence}


async def list_held_for(connection: Connection, workspace_id: int) -> tuple[list[str], list[str]]:
    """Return the owners and the teams that leads are held for."""
    row = await connection.fetchrow(SELECT_HELD_FOR, workspace_id)
    if row is None:
        raise LookupError("a statement without FROM returns one row")
    return row["owners"], row["teams"]


async def list_held(
    connection: Connection, workspace_id: int, owners: Sequence[str], teams: Sequence[str], limit: int
) -> list[tuple[str, str]]:
    """Return the leads held for these owners or teams, each with its assignment, the oldest first."""
    rows = await connection.fetch(SELECT_HELD, workspace_id, list(owners), list(teams), limit)
    return [(row["lead_id"], row["assignment_id"]) for row in rows]


async def count_of_owner(connection: Connection, workspace_id: int, owner: str) -> int:
    """Return how many open leads an owner has, or are held for them."""
    return int(await connection.fetchval(COUNT_OF_OWNER, workspace_id, owner))


async def count_stranded(connection: Connection, workspace_id: int) -> dict[str, int]:
    """Return how many open leads have an owner who is deleted, inactive, or away without a cover."""
    rows = await connection.fetch(COUNT_STRANDED, workspace_id, MAX_STRANDED)
    return {row["why"]: row["leads"] for row in rows}


def _arguments(workspace_id: int, wanted: AssignmentFilter, after: int) -> Sequence[Any]:
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


def _shown(row: Row) -> ListedAssignment:
    return ListedAssignment(**row_in_utc(row))
