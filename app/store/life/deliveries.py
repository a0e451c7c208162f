"""The work queue of the outbox: leases of actions, and what became of them.

A lease takes no workspace lock and waits for nobody: it skips rows that are locked. The action whose turn it
is in its lead is always part of a lease, and its row lock decides between two callers. Every other
change of several actions locks them in the order of their ids.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson

from app.store.clocks import DECIDING_NOW
from app.store.connection.pool import Connection, Row

_COLUMNS = """id, sequence, number, type, body, lead_id::text AS lead_id,
       assignment_id::text AS assignment_id, created_at, available_at, state, deliveries,
       lease_token::text AS lease_token, leased_until, push, cause"""

_UNDELIVERED = "('waiting', 'available', 'leased')"


@dataclass(slots=True)
class StoredAction:
    """An action as stored. `number` is its place in the log, None while it waits.

    `sequence` is the order in which actions were decided. `deliveries` counts the leases in which its turn
    had come. `push` says that it is sent to targets instead of being leased. `cause` is why it was taken
    back: nobody gets it from then on.
    """

    id: str
    sequence: int
    number: int | None
    type: str
    params: dict[str, Any]
    due_at: str | None
    lead_id: str
    assignment_id: str
    created_at: datetime
    available_at: datetime
    state: str
    deliveries: int
    lease_token: str | None
    leased_until: datetime | None
    push: bool = False
    cause: str | None = None


@dataclass(frozen=True, slots=True)
class OutboxNow:
    """The time of the workspace, and after how many deliveries an action is dead."""

    now: datetime
    max_deliveries: int


SELECT_OUTBOX_NOW = f"""
SELECT {DECIDING_NOW} AS now,
       coalesce((SELECT (body ->> 'max_deliveries')::integer FROM directory
                  WHERE workspace_id = $1 AND resource_type = 'settings' AND id = 'actions'), $2::integer)
         AS max_deliveries
"""
"""The time of the workspace, and its setting or else this one."""

_DELIVERABLE = """(({0}.state = 'available' AND {0}.available_at <= $2)
       OR ({0}.state = 'leased' AND {0}.leased_until <= $2 AND {0}.deliveries < $3 AND {0}.cause IS NULL))"""

# A row that another lease has locked is skipped, but its followers may not be: what remains of a lead counts
# only from its first undelivered action on, without a gap.
LEASE_ACTIONS = f"""
WITH candidate AS MATERIALIZED (
  SELECT action.ctid AS place, action.lead_id, action.sequence
    FROM actions AS action
   WHERE action.workspace_id = $1 AND action.state IN ('available', 'leased')
     AND {_DELIVERABLE.format("action")}
     AND (
       SELECT other.id FROM actions AS other
        WHERE other.workspace_id = $1 AND other.lead_id = action.lead_id AND other.state IN {_UNDELIVERED}
          AND ((other.state = 'leased' AND other.leased_until > $2)
               OR (other.sequence < action.sequence AND NOT {_DELIVERABLE.format("other")}))
        ORDER BY other.sequence LIMIT 1) IS NULL
   ORDER BY action.number LIMIT $4
   FOR UPDATE OF action SKIP LOCKED
), placed AS (
  SELECT place, lead_id, sequence, row_number() OVER (PARTITION BY lead_id ORDER BY sequence) AS turn
    FROM candidate
), chosen AS MATERIALIZED (
  SELECT place, turn FROM placed
   WHERE turn - 1 = (
     SELECT count(*) FROM (
       SELECT FROM actions AS earlier
        WHERE earlier.workspace_id = $1 AND earlier.lead_id = placed.lead_id
          AND earlier.sequence < placed.sequence AND earlier.state IN {_UNDELIVERED}
        ORDER BY earlier.sequence OFFSET 0) AS before)
)
UPDATE actions
   SET state = 'leased', lease_token = $5, leased_until = $6, leased_by = $7,
       deliveries = deliveries + CASE WHEN chosen.turn = 1 THEN 1 ELSE 0 END
  FROM chosen
 WHERE actions.workspace_id = $1 AND actions.ctid = chosen.place
RETURNING {_COLUMNS}
"""
"""Lease actions in the order of their numbers, and those of each lead in the order they were decided."""

LOCK_ACTIONS = f"""
SELECT found.*
  FROM unnest($2::text[]) WITH ORDINALITY AS wanted (id, place)
 CROSS JOIN LATERAL (
   SELECT {_COLUMNS} FROM actions
    WHERE workspace_id = $1 AND actions.id = wanted.id
    LIMIT 1 FOR UPDATE) AS found
 ORDER BY wanted.place
"""
"""Actions by id, locked in this order."""

SELECT_ACTIONS = LOCK_ACTIONS.replace(" FOR UPDATE", "")
"""Actions by id."""

SELECT_FOLLOWERS = """
SELECT follower.id
  FROM unnest($2::text[]) AS wanted (id)
 CROSS JOIN LATERAL (
   SELECT lead_id, sequence, lease_token FROM actions
    WHERE workspace_id = $1 AND actions.id = wanted.id
    LIMIT 1) AS first
 CROSS JOIN LATERAL (
   SELECT id FROM actions
    WHERE workspace_id = $1 AND lead_id = first.lead_id AND sequence > first.sequence AND state = 'leased'
      AND lease_token = first.lease_token
    ORDER BY sequence) AS follower
"""
"""The later actions of the same lead in the same lease."""

SELECT_OF_LEADS = f"""
SELECT other.id
  FROM unnest($2::text[]) AS wanted (id)
 CROSS JOIN LATERAL (
   SELECT lead_id FROM actions WHERE workspace_id = $1 AND actions.id = wanted.id LIMIT 1) AS first
 CROSS JOIN LATERAL (
   SELECT id FROM actions
    WHERE workspace_id = $1 AND lead_id = first.lead_id AND state IN {_UNDELIVERED}
    ORDER BY sequence) AS other
"""
"""The undelivered actions of the leads of these actions."""

SELECT_REPLACED = """
SELECT wanted.id
  FROM unnest($2::text[]) AS wanted (id)
 CROSS JOIN LATERAL (
   SELECT lead_id, type, sequence FROM actions WHERE workspace_id = $1 AND actions.id = wanted.id LIMIT 1
   ) AS first
 CROSS JOIN LATERAL (
   SELECT FROM actions
    WHERE workspace_id = $1 AND lead_id = first.lead_id AND sequence > first.sequence
      AND type = first.type AND state IN ('waiting', 'available', 'leased', 'pushed', 'acknowledged')
    ORDER BY sequence LIMIT 1) AS later
"""
"""Which of these actions have a later one of the same type and lead that is delivered or will be."""

UPDATE_ACTION = """
UPDATE actions
   SET state = $3, available_at = $4, deliveries = $5, lease_token = $6, leased_until = $7, ended_at = $8
 WHERE workspace_id = $1 AND id = $2
"""
"""What became of an action."""

# Rows that are locked stay where they are, so their place finds them, whatever the planner believes of ids.
_END = """
UPDATE actions SET state = {state}, ended_at = $2, lease_token = NULL, leased_until = NULL
  FROM ending
 WHERE actions.workspace_id = $1 AND actions.ctid = ending.place
"""

BURY_LAPSED = """
WITH ending AS MATERIALIZED (
  SELECT ctid AS place FROM actions
   WHERE workspace_id = $1 AND state = 'leased' AND leased_until <= $2
     AND (deliveries >= $3 OR cause IS NOT NULL)
   ORDER BY leased_until LIMIT $4
   FOR UPDATE SKIP LOCKED
)""" + _END.format(state="CASE WHEN cause IS NULL THEN 'dead' ELSE 'withdrawn' END")
"""Actions whose last lease ended without an acknowledgment are dead; those taken back are withdrawn."""

# Numbers are given in the order of time, within a minute: what is oldest has the smallest numbers.
SELECT_ANY_EXPIRED = """
SELECT EXISTS (
  SELECT FROM (
    (SELECT created_at FROM actions WHERE workspace_id = $1 AND state IN ('available', 'leased')
      ORDER BY number LIMIT 1)
    UNION ALL
    (SELECT created_at FROM actions WHERE workspace_id = $1 AND state = 'dead' ORDER BY number LIMIT 1)
    ) AS oldest
   WHERE created_at <= $2)
"""
"""Whether the oldest action was decided before a time."""

EXPIRE = """
WITH ending AS MATERIALIZED (
  SELECT action.place
    FROM (
      (SELECT id FROM actions WHERE workspace_id = $1 AND state IN ('available', 'leased')
        ORDER BY number LIMIT $4)
      UNION ALL
      (SELECT id FROM actions WHERE workspace_id = $1 AND state = 'dead' ORDER BY number LIMIT $4)) AS oldest
   CROSS JOIN LATERAL (
     SELECT ctid AS place FROM actions
      WHERE workspace_id = $1 AND actions.id = oldest.id AND created_at <= $3
        AND state IN ('available', 'leased', 'dead') AND NOT (state = 'leased' AND leased_until > $2)
      LIMIT 1 FOR UPDATE SKIP LOCKED) AS action
)""" + _END.format(state="'expired'")
"""Actions that nobody executed in time expire."""

SELECT_LOG = f"""
SELECT {_COLUMNS} FROM actions
 WHERE workspace_id = $1 AND number > $2 ORDER BY number LIMIT $3
"""
"""A page of the log."""

SELECT_LOG_OF_STATE = f"""
SELECT {_COLUMNS} FROM actions
 WHERE workspace_id = $1 AND state = $4 AND state IN ('dead', 'expired') AND number > $2
 ORDER BY number LIMIT $3
"""
"""A page of the actions in one of the states that need somebody's attention."""

COUNT_ACTIONS = """
SELECT (SELECT count(*) FROM (
          SELECT FROM actions WHERE workspace_id = $1 AND state IN ('available', 'leased')
           ORDER BY number LIMIT $2) AS counted) AS undelivered,
       (SELECT count(*) FROM (
          SELECT FROM actions WHERE workspace_id = $1 AND state = 'dead'
           ORDER BY number LIMIT $2) AS counted) AS dead,
       (SELECT count(*) FROM (
          SELECT FROM actions WHERE workspace_id = $1 AND state = 'expired'
           ORDER BY number LIMIT $2) AS counted) AS expired,
       (SELECT extract(epoch FROM available_at)::double precision FROM actions
         WHERE workspace_id = $1 AND state IN ('available', 'leased')
         ORDER BY number LIMIT 1) AS oldest
"""
"""How many actions of each state are in the outbox, at most so many, and since when the oldest is there."""


async def read_outbox_now(connection: Connection, workspace_id: int, max_deliveries: int) -> OutboxNow:
    """Return the time, and the setting of the workspace or else `max_deliveries`."""
    row = await connection.fetchrow(SELECT_OUTBOX_NOW, workspace_id, max_deliveries)
    if row is None:
        raise LookupError("a statement without FROM returns one row")
    return OutboxNow(row["now"].astimezone(UTC), row["max_deliveries"])


async def lease(
    connection: Connection,
    workspace_id: int,
    at: OutboxNow,
    limit: int,
    token: str,
    until: datetime,
    holder: str,
) -> list[StoredAction]:
    """Lease actions until a time. Return them in the order of their numbers."""
    rows = await connection.fetch(
        LEASE_ACTIONS, workspace_id, at.now, at.max_deliveries, limit, token, until, holder
    )
    return sorted(map(_action, rows), key=lambda action: action.number or 0)


async def lock_actions(
    connection: Connection, workspace_id: int, ids: Iterable[str]
) -> dict[str, StoredAction]:
    """Lock actions, and return those that exist by id."""
    rows = await connection.fetch(LOCK_ACTIONS, workspace_id, sorted(set(ids)))
    return {row["id"]: _action(row) for row in rows}


async def list_actions_by_id(
    connection: Connection, workspace_id: int, ids: Sequence[str]
) -> list[StoredAction]:
    """Return actions by id."""
    return [_action(row) for row in await connection.fetch(SELECT_ACTIONS, workspace_id, list(ids))]


async def list_followers(connection: Connection, workspace_id: int, ids: Sequence[str]) -> list[str]:
    """Return the later actions of the same leads in the same leases."""
    return [row["id"] for row in await connection.fetch(SELECT_FOLLOWERS, workspace_id, list(ids))]


async def list_undelivered_of_leads(
    connection: Connection, workspace_id: int, ids: Sequence[str]
) -> list[str]:
    """Return the undelivered actions of the leads that these actions are about."""
    return [row["id"] for row in await connection.fetch(SELECT_OF_LEADS, workspace_id, list(ids))]


async def list_replaced(connection: Connection, workspace_id: int, ids: Sequence[str]) -> set[str]:
    """Return which of these actions have a later one of the same type and lead."""
    return {row["id"] for row in await connection.fetch(SELECT_REPLACED, workspace_id, list(ids))}


async def update_actions(
    connection: Connection, workspace_id: int, changed: Iterable[StoredAction], at: datetime
) -> None:
    """Write what became of actions that are locked."""
    rows = [
        (
            workspace_id,
            action.id,
            action.state,
            action.available_at,
            action.deliveries,
            action.lease_token,
            action.leased_until,
            at if action.state in ("acknowledged", "dead", "withdrawn") else None,
        )
        for action in changed
    ]
    if rows:
        await connection.executemany(UPDATE_ACTION, rows)


async def bury_lapsed(connection: Connection, workspace_id: int, at: OutboxNow, limit: int) -> int:
    """Mark actions dead whose last lease has ended. Return how many."""
    return _count(await connection.execute(BURY_LAPSED, workspace_id, at.now, at.max_deliveries, limit))


async def expire(
    connection: Connection, workspace_id: int, at: OutboxNow, before: datetime, limit: int
) -> int:
    """Mark actions expired that were decided before a time. Return how many."""
    if not await connection.fetchval(SELECT_ANY_EXPIRED, workspace_id, before):
        return 0
    return _count(await connection.execute(EXPIRE, workspace_id, at.now, before, limit))


async def list_actions(
    connection: Connection, workspace_id: int, after: int, limit: int, state: str | None
) -> list[StoredAction]:
    """Return the log after a number, of all actions or of those in one state."""
    if state is None:
        rows = await connection.fetch(SELECT_LOG, workspace_id, after, limit)
    else:
        rows = await connection.fetch(SELECT_LOG_OF_STATE, workspace_id, after, limit, state)
    return [_action(row) for row in rows]


async def count_actions(
    connection: Connection, workspace_id: int, limit: int
) -> tuple[dict[str, int], float | None]:
    """Return the number of actions that are undelivered, dead and expired, each counted up to a limit.

    With it comes since when the oldest undelivered one can be taken, in seconds since 1970.
    """
    row = await connection.fetchrow(COUNT_ACTIONS, workspace_id, limit)
    counts = dict(row) if row else {}
    return counts, counts.pop("oldest", None)


def _count(status: str) -> int:
    return int(status.rsplit(" ", 1)[1])


def _action(row: Row) -> StoredAction:
    columns: dict[str, Any] = {
        name: value.astimezone(UTC) if isinstance(value, datetime) else value for name, value in row.items()
    }
    body = orjson.loads(columns.pop("body"))
    return StoredAction(**columns, **body)
