"""Messages to targets: whose turn it is, which are being sent, and what became of them.

Every change of whose turn it is happens under the lock of the target. At each target a lead has at most one
message that is `ready` or `leased`, and the others wait. Times are of the system clock.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from app.store.connection.pool import Connection
from app.store.connection.rows import row_in_utc


@dataclass(frozen=True, slots=True)
class NewMessage:
    """A message that a target is to get. `id` is that of the action or the decision."""

    target_id: str
    id: str
    type: str
    lead_id: str
    assignment_id: str | None
    source: str


@dataclass(frozen=True, slots=True)
class StoredMessage:
    """A message as stored. `sequence` is its place among all messages, `attempts` counts what was sent."""

    target_id: str
    id: str
    sequence: int
    type: str
    lead_id: str
    assignment_id: str | None
    source: str
    state: str
    created_at: datetime
    attempts: int
    first_at: datetime | None
    next_at: datetime
    status: int | None
    code: str | None
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class LeasedMessage(StoredMessage):
    """A message that is being sent. `previous_failed` says that the one before it never arrived."""

    lease_token: str
    previous_failed: bool


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of a leased message: `state` is `ready` when it is tried again at `next_at`."""

    message: LeasedMessage
    state: str
    next_at: datetime
    status: int | None
    code: str | None


COLUMNS = """target_id, id, sequence, type, lead_id::text AS lead_id, assignment_id::text AS assignment_id,
       source, state, created_at, attempts, first_at, next_at, status, code, ended_at"""

INSERT_MESSAGES = """
INSERT INTO target_messages (workspace_id, target_id, id, type, lead_id, assignment_id, source, state,
  created_at, next_at)
SELECT $1, target_id, id, type, lead_id, assignment_id, source, 'waiting', clock_timestamp(),
       clock_timestamp()
  FROM unnest($2::text[], $3::text[], $4::text[], $5::uuid[], $6::uuid[], $7::text[])
       WITH ORDINALITY AS message (target_id, id, type, lead_id, assignment_id, source, ordinal)
 ORDER BY ordinal
ON CONFLICT DO NOTHING
"""
"""New messages. They wait until `GIVE_TURNS`."""

GIVE_TURNS = """
UPDATE target_messages AS message SET state = turn.state
  FROM (
    SELECT left_over.place,
           CASE WHEN row_number() OVER (PARTITION BY pair.target_id, pair.lead_id
                                         ORDER BY left_over.state = 'leased' DESC, left_over.sequence) = 1
                THEN 'ready' ELSE 'waiting' END AS state,
           left_over.state AS before
      FROM (SELECT DISTINCT * FROM unnest($2::text[], $3::uuid[]) AS pair (target_id, lead_id)) AS pair
     CROSS JOIN LATERAL (
       SELECT ctid AS place, sequence, state FROM target_messages
        WHERE workspace_id = $1 AND lead_id = pair.lead_id AND target_id = pair.target_id
          AND state IN ('waiting', 'ready', 'leased')
        ORDER BY sequence OFFSET 0) AS left_over) AS turn
 WHERE message.workspace_id = $1 AND message.ctid = turn.place AND turn.before <> 'leased'
   AND turn.before <> turn.state
"""
"""The first message of each of these leads at each of these targets is ready, unless one is being sent."""

FREE_LAPSED = """
UPDATE target_messages SET state = 'ready', lease_token = NULL, leased_until = NULL
 WHERE workspace_id = $1 AND target_id = $2 AND state = 'leased' AND leased_until <= $3
RETURNING lead_id::text AS lead_id
"""
"""Those who were sending these messages are gone. They have to be sent again."""

COUNT_LEASED = (
    "SELECT count(*) FROM target_messages WHERE workspace_id = $1 AND target_id = $2 AND state = 'leased'"
)
"""How many messages are being sent to a target."""

LEASE = f"""
UPDATE target_messages AS message
   SET state = 'leased', lease_token = $5, leased_until = $6, attempts = message.attempts + 1,
       first_at = coalesce(first_at, $3)
  FROM (
    SELECT due.place,
           coalesce((SELECT earlier.state = 'dead' FROM target_messages AS earlier
                      WHERE earlier.workspace_id = $1 AND earlier.lead_id = due.lead_id
                        AND earlier.target_id = $2 AND earlier.sequence < due.sequence
                      ORDER BY earlier.sequence DESC LIMIT 1), false) AS previous_failed
      FROM (
        SELECT ctid AS place, lead_id, sequence FROM target_messages
         WHERE workspace_id = $1 AND target_id = $2 AND state = 'ready' AND next_at <= $3
         ORDER BY next_at LIMIT $4 FOR UPDATE) AS due) AS chosen
 WHERE message.workspace_id = $1 AND message.ctid = chosen.place
RETURNING {COLUMNS}, lease_token::text AS lease_token, chosen.previous_failed
"""
"""Take messages that are due, to send them."""

SETTLE = """
UPDATE target_messages
   SET state = $4, next_at = $5, status = $6, code = $7, lease_token = NULL, leased_until = NULL,
       ended_at = CASE WHEN $4 = 'ready' THEN NULL ELSE clock_timestamp() END
 WHERE workspace_id = $1 AND target_id = $2 AND id = $3 AND lease_token = $8
"""
"""What became of a message, unless its lease has ended and somebody else sends it."""

SELECT_DUE_TARGETS = """
SELECT target.id
  FROM targets AS target
 CROSS JOIN LATERAL (
   SELECT FROM (
     (SELECT id FROM target_messages AS message
       WHERE message.workspace_id = $1 AND message.target_id = target.id AND message.state = 'ready'
         AND message.next_at <= clock_timestamp()
       ORDER BY message.next_at LIMIT 1)
     UNION ALL
     (SELECT id FROM target_messages AS message
       WHERE message.workspace_id = $1 AND message.target_id = target.id AND message.state = 'leased'
         AND message.leased_until <= clock_timestamp()
       LIMIT 1)) AS any_of LIMIT 1) AS due
 WHERE target.workspace_id = $1 AND target.active
   AND (target.open_until IS NULL OR target.open_until <= clock_timestamp())
"""
"""The targets that something can be sent to now."""


async def insert_messages(connection: Connection, workspace_id: int, messages: Sequence[NewMessage]) -> None:
    """Add messages in this order, for targets that are locked. Those that are there already stay."""
    if messages:
        columns = zip(
            *(
                (each.target_id, each.id, each.type, each.lead_id, each.assignment_id, each.source)
                for each in messages
            ),
            strict=True,
        )
        await connection.execute(INSERT_MESSAGES, workspace_id, *map(list, columns))
        await give_turns(connection, workspace_id, [(each.target_id, each.lead_id) for each in messages])


async def give_turns(connection: Connection, workspace_id: int, pairs: Iterable[tuple[str, str]]) -> None:
    """Let the first message of each lead at each target be ready; the targets are locked."""
    asked = sorted(set(pairs))
    if asked:
        await connection.execute(
            GIVE_TURNS, workspace_id, [target for target, _ in asked], [lead for _, lead in asked]
        )


async def free_lapsed(connection: Connection, workspace_id: int, target_id: str, now: datetime) -> None:
    """Let messages be sent again whose sender is gone."""
    rows = await connection.fetch(FREE_LAPSED, workspace_id, target_id, now)
    await give_turns(connection, workspace_id, [(target_id, row["lead_id"]) for row in rows])


async def count_leased(connection: Connection, workspace_id: int, target_id: str) -> int:
    """Return how many messages are being sent to a target, by all processes."""
    return int(await connection.fetchval(COUNT_LEASED, workspace_id, target_id))


async def lease(
    connection: Connection,
    workspace_id: int,
    target_id: str,
    now: datetime,
    limit: int,
    token: str,
    until: datetime,
) -> list[LeasedMessage]:
    """Take messages that are due at a target that is locked."""
    rows = await connection.fetch(LEASE, workspace_id, target_id, now, limit, token, until)
    return [LeasedMessage(**row_in_utc(row)) for row in rows]


async def settle(connection: Connection, workspace_id: int, settled: Sequence[Settled]) -> None:
    """Write what became of messages, and whose turn it is now; their target is locked."""
    rows = [
        (
            workspace_id,
            each.message.target_id,
            each.message.id,
            each.state,
            each.next_at,
            each.status,
            each.code,
            each.message.lease_token,
        )
        for each in settled
    ]
    if rows:
        await connection.executemany(SETTLE, rows)
        pairs = [(each.message.target_id, each.message.lead_id) for each in settled]
        await give_turns(connection, workspace_id, pairs)


async def list_due_targets(connection: Connection, workspace_id: int) -> list[str]:
    """Return the targets that something can be sent to now."""
    return [row["id"] for row in await connection.fetch(SELECT_DUE_TARGETS, workspace_id)]
