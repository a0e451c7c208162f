"""Messages to targets as people see them: lists, dead ones that are sent again, expiry, and counts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from app.store.connection.pool import Connection
from app.store.connection.rows import row_in_utc
from app.store.life.target_messages import COLUMNS, StoredMessage, give_turns

SELECT_MESSAGES = f"""
SELECT {COLUMNS} FROM target_messages
 WHERE workspace_id = $1 AND target_id = $2 AND state = ANY ($3) AND sequence > $4
 ORDER BY sequence LIMIT $5
"""
"""A page of the messages to a target, of some states."""

LOCK_MESSAGES = f"""
SELECT found.*
  FROM unnest($3::text[]) AS wanted (id)
 CROSS JOIN LATERAL (
   SELECT {COLUMNS} FROM target_messages
    WHERE workspace_id = $1 AND target_id = $2 AND target_messages.id = wanted.id
    LIMIT 1 FOR UPDATE) AS found
"""
"""Messages to a target by id."""

# A later action that is with a reader of the outbox counts as well: the way of a type can be changed.
SELECT_REPLACED = """
SELECT wanted.id
  FROM unnest($3::text[]) AS wanted (id)
 CROSS JOIN LATERAL (
   SELECT lead_id, type, sequence, created_at FROM target_messages
    WHERE workspace_id = $1 AND target_id = $2 AND target_messages.id = wanted.id LIMIT 1) AS first
 CROSS JOIN LATERAL (
   SELECT FROM (
     (SELECT id FROM target_messages AS later
       WHERE later.workspace_id = $1 AND later.lead_id = first.lead_id AND later.target_id = $2
         AND later.sequence > first.sequence AND later.type = first.type
         AND later.state IN ('waiting', 'ready', 'leased', 'delivered')
       ORDER BY later.sequence LIMIT 1)
     UNION ALL
     (SELECT action.id FROM actions AS action
       WHERE action.workspace_id = $1 AND action.lead_id = first.lead_id AND action.type = first.type
         AND NOT action.push AND action.state IN ('waiting', 'available', 'leased', 'acknowledged')
         AND action.sequence > (SELECT own.sequence FROM actions AS own
                                 WHERE own.workspace_id = $1 AND own.id = wanted.id LIMIT 1)
       ORDER BY action.sequence LIMIT 1)) AS any_of LIMIT 1) AS later
"""
"""Which of these messages have a later one of the same type and lead that was delivered or will be."""

REVIVE = """
UPDATE target_messages
   SET state = 'waiting', attempts = greatest(attempts, $4), next_at = clock_timestamp(), ended_at = NULL
 WHERE workspace_id = $1 AND target_id = $2 AND id = $3
"""
"""A dead message waits to be sent again."""

EXPIRE = """
UPDATE target_messages SET state = 'expired', ended_at = clock_timestamp()
  FROM (
    SELECT found.place FROM (
      SELECT target_id, id FROM target_messages
       WHERE workspace_id = $1 AND state IN ('waiting', 'ready', 'dead')
         AND created_at <= clock_timestamp() - $2::interval
       ORDER BY created_at LIMIT $3) AS old
     CROSS JOIN LATERAL (
       SELECT ctid AS place FROM target_messages
        WHERE workspace_id = $1 AND target_id = old.target_id AND target_messages.id = old.id
          AND state IN ('waiting', 'ready', 'dead')
        LIMIT 1 FOR UPDATE) AS found) AS ending
 WHERE target_messages.workspace_id = $1 AND target_messages.ctid = ending.place
RETURNING target_id, lead_id::text AS lead_id
"""
"""Messages that nobody took in time expire."""

SELECT_ANY_OLD = """
SELECT id FROM target_messages
 WHERE workspace_id = $1 AND state IN ('waiting', 'ready', 'dead')
   AND created_at <= clock_timestamp() - $2::interval
 ORDER BY created_at LIMIT 1
"""
"""A message that has to expire, if there is any."""

SELECT_TARGETS_OF_LEAD = """
SELECT DISTINCT target_id FROM target_messages
 WHERE workspace_id = $1 AND lead_id = $2 AND (attempts > 0 OR state = 'leased') ORDER BY target_id
"""
"""The targets that have got, or may have got, something about a lead."""

COUNT_MESSAGES = """
SELECT target.id, target.open_until IS NOT NULL AS open,
       (SELECT count(*) FROM (
          SELECT FROM target_messages WHERE workspace_id = $1 AND target_id = target.id
             AND state IN ('waiting', 'ready', 'leased') LIMIT $2) AS counted) AS undelivered,
       (SELECT count(*) FROM (
          SELECT FROM target_messages WHERE workspace_id = $1 AND target_id = target.id
             AND state = 'dead' LIMIT $2) AS counted) AS dead,
       (SELECT count(*) FROM (
          SELECT FROM target_messages WHERE workspace_id = $1 AND target_id = target.id
             AND state = 'expired' LIMIT $2) AS counted) AS expired,
       (SELECT extract(epoch FROM min(first.created_at))::double precision
          FROM unnest(ARRAY['waiting', 'ready', 'leased']) AS wanted (state)
         CROSS JOIN LATERAL (
           SELECT created_at FROM target_messages
            WHERE workspace_id = $1 AND target_id = target.id AND state = wanted.state
            ORDER BY sequence LIMIT 1) AS first) AS oldest
  FROM (SELECT id, open_until FROM targets WHERE workspace_id = $1 ORDER BY id LIMIT $3) AS target
"""
"""How many messages each target has by state, of each at most so many, and when the oldest was made."""


@dataclass(frozen=True, slots=True)
class TargetCounts:
    """The messages to a target by state, whether its breaker is open, and when the oldest message was made.

    That is in seconds since 1970, None when nothing is undelivered.
    """

    id: str
    open: bool
    undelivered: int
    dead: int
    expired: int
    oldest: float | None


async def list_messages(
    connection: Connection, workspace_id: int, target_id: str, states: Sequence[str], after: int, limit: int
) -> list[StoredMessage]:
    """Return messages to a target in their order, of some states."""
    rows = await connection.fetch(SELECT_MESSAGES, workspace_id, target_id, list(states), after, limit)
    return [StoredMessage(**row_in_utc(row)) for row in rows]


async def lock_messages(
    connection: Connection, workspace_id: int, target_id: str, ids: Sequence[str]
) -> dict[str, StoredMessage]:
    """Lock messages to a target that is locked, and return those that exist by id."""
    rows = await connection.fetch(LOCK_MESSAGES, workspace_id, target_id, sorted(set(ids)))
    return {row["id"]: StoredMessage(**row_in_utc(row)) for row in rows}


async def list_replaced(
    connection: Connection, workspace_id: int, target_id: str, ids: Sequence[str]
) -> set[str]:
    """Return which of these messages have a later one of the same type and lead."""
    rows = await connection.fetch(SELECT_REPLACED, workspace_id, target_id, list(ids))
    return {row["id"] for row in rows}


async def revive(
    connection: Connection, workspace_id: int, messages: Sequence[StoredMessage], attempts: int
) -> None:
    """Let dead messages be sent again, as if they had been sent at least so often; their target is locked."""
    rows = [(workspace_id, each.target_id, each.id, attempts) for each in messages]
    if rows:
        await connection.executemany(REVIVE, rows)
        await give_turns(connection, workspace_id, [(each.target_id, each.lead_id) for each in messages])


async def any_older(connection: Connection, workspace_id: int, age: timedelta) -> bool:
    """Return whether any message that was not delivered is older than this."""
    return await connection.fetchval(SELECT_ANY_OLD, workspace_id, age) is not None


async def expire(connection: Connection, workspace_id: int, age: timedelta, limit: int) -> int:
    """Let messages expire that are older than this; all targets are locked. Return how many."""
    rows = await connection.fetch(EXPIRE, workspace_id, age, limit)
    await give_turns(connection, workspace_id, [(row["target_id"], row["lead_id"]) for row in rows])
    return len(rows)


async def list_targets_of_lead(connection: Connection, workspace_id: int, lead_id: str) -> list[str]:
    """Return the targets that have got, or may have got, something about a lead."""
    return [row["target_id"] for row in await connection.fetch(SELECT_TARGETS_OF_LEAD, workspace_id, lead_id)]


async def count_messages(
    connection: Connection, workspace_id: int, limit: int, targets: int
) -> list[TargetCounts]:
    """Return the number of messages of each target by state, each counted up to a limit."""
    rows = await connection.fetch(COUNT_MESSAGES, workspace_id, limit, targets)
    return [TargetCounts(**row) for row in rows]
