"""What was dated by a clock that had jumped ahead, brought back to the time of decisions."""

from dataclasses import dataclass
from datetime import datetime

from app.engine.life.queues import RANK_UNITS
from app.store.clocks import MAX_AHEAD
from app.store.connection.pool import Connection
from app.store.reports.fact_cursor import INSERT_STALE_OF_CHANGED

# Each statement gets the workspace, the time of decisions, and the time beyond which a moment was made by a
# clock that had jumped ahead. Statements about waits of machines compare with the time of the server.
_RECOUNTS = """recounts AS (
  INSERT INTO clock_recounts (workspace_id, owner_id) SELECT DISTINCT $1, coalesce(owner_id, '') FROM changed
  ON CONFLICT (workspace_id, owner_id) DO UPDATE SET after = NULL)"""
_COUNTED = "SELECT count(*) FROM changed"
UPDATE_POSTPONED_CLOCKS = f"""
WITH snoozed AS MATERIALIZED (
  SELECT assignment_id, until_at, max(received_at) - $2::timestamptz AS ahead FROM events
   WHERE workspace_id = $1 AND received_at > $3::timestamptz AND type = 'snoozed' AND effect = 'snoozed'
   GROUP BY assignment_id, until_at),
changed AS (
  UPDATE sla_clocks AS clock SET due_at = due_at - ahead, next_at = next_at - ahead,
         terms = (terms::jsonb || jsonb_build_object('resumed_at', until_at - ahead))::json
    FROM snoozed
   WHERE clock.workspace_id = $1 AND clock.assignment_id = snoozed.assignment_id AND kind = 'touch'
     AND state = 'pending' AND (terms ->> 'resumed_at')::timestamptz = until_at
  RETURNING owner_id, lead_id),
stale AS ({INSERT_STALE_OF_CHANGED}),
{_RECOUNTS}
{_COUNTED}
"""
"""Clocks of leads that were snoozed in the future run again as long after now as they were to rest."""

UPDATE_PENDING_CLOCKS = f"""
WITH changed AS (
  UPDATE sla_clocks SET started_at = $2::timestamptz, first_due_at = first_due_at - (started_at - $2),
         due_at = due_at - CASE WHEN terms ->> 'resumed_at' IS NULL THEN started_at - $2 ELSE '0' END,
         next_at = next_at - CASE WHEN terms ->> 'resumed_at' IS NULL THEN started_at - $2 ELSE '0' END
   WHERE workspace_id = $1 AND state = 'pending' AND started_at > $3::timestamptz
  RETURNING owner_id, lead_id),
stale AS ({INSERT_STALE_OF_CHANGED}),
{_RECOUNTS}
{_COUNTED}
"""
"""Clocks that started in the future start now. A worker then computes them with the working time."""

UPDATE_NEXT_TRIES = f"""
WITH changed AS (
  UPDATE sla_clocks SET next_at = greatest(due_at, $2::timestamptz)
   WHERE workspace_id = $1 AND state = 'pending' AND kind IN ('max_wait', 'lease', 'handoff', 'recheck')
     AND next_at > greatest(due_at, $3::timestamptz) + interval '10 minutes'
  RETURNING lead_id),
stale AS ({INSERT_STALE_OF_CHANGED})
{_COUNTED}
"""
"""What was tried in the future, and nobody could take, is tried again."""

SELECT_QUEUES_AHEAD = """
SELECT DISTINCT queue FROM assignments
 WHERE workspace_id = $1 AND open AND queue IS NOT NULL AND queue_since > $2
"""
"""Queues that leads entered in the future."""

UPDATE_PLACES = f"""
WITH changed AS (
  UPDATE assignments
     SET queue_since = $2::timestamptz,
         queue_rank = (priority::numeric * {RANK_UNITS}
           - $5::numeric * trunc(extract(epoch FROM $2) * 1000000))::double precision
           / {RANK_UNITS}::double precision
   WHERE workspace_id = $1 AND open AND queue = $4 AND queue_since > $3::timestamptz
  RETURNING lead_id),
stale AS ({INSERT_STALE_OF_CHANGED})
{_COUNTED}
"""
"""Leads that entered a queue in the future enter it now, with the rank that this gives; the order stays."""

UPDATE_PROGRESS = f"""
WITH changed AS (
  UPDATE assignments
     SET idle_from = CASE
           WHEN active_at > $3 THEN greatest($2::timestamptz, idle_from - (active_at - $2))
           WHEN active_at IS NULL AND idle_from > $3 THEN $2
           ELSE idle_from END,
         accepted_at = CASE WHEN accepted_at > $3 THEN $2 ELSE accepted_at END,
         touched_at = CASE WHEN touched_at > $3 THEN $2 ELSE touched_at END,
         active_at = CASE WHEN active_at > $3 THEN $2 ELSE active_at END
   WHERE workspace_id = $1 AND open AND idle_from IS NOT NULL
     AND (active_at IS NULL AND idle_from > $3 OR active_at > $3 OR accepted_at > $3 OR touched_at > $3)
  RETURNING lead_id),
stale AS ({INSERT_STALE_OF_CHANGED})
{_COUNTED}
"""
"""What was worked on in the future was worked on now, and is idle as long after now as it was to be."""

UPDATE_WAITING_ACTIONS = f"""
WITH changed AS (
  UPDATE actions SET available_at = available_at - (created_at - $2::timestamptz)
   WHERE workspace_id = $1 AND state = 'waiting' AND created_at > $3::timestamptz AND available_at > $2
  RETURNING id)
{_COUNTED}
"""
"""Actions of decisions in the future wait as long as they were to wait, from now on."""

# A lease lasts for twelve hours at most, and a retry waits for a day.
UPDATE_LEASED_ACTIONS = f"""
WITH changed AS (
  UPDATE actions SET leased_until = CASE WHEN state = 'leased' THEN $2::timestamptz ELSE leased_until END,
         available_at = least(available_at, $2)
   WHERE workspace_id = $1
     AND (state = 'leased' AND leased_until > $3::timestamptz + interval '12 hours'
          OR state = 'available' AND available_at > $3 + interval '1 day')
  RETURNING id)
{_COUNTED}
"""
"""Leases that were taken in the future end, and what was given back there can be leased."""

UPDATE_IDEMPOTENCY_KEYS = f"""
WITH changed AS (
  UPDATE idempotency_keys SET at = $2 WHERE workspace_id = $1 AND at > $3 RETURNING key)
{_COUNTED}
"""
"""Keys that were used in the future hold from now on, so that they end."""

UPDATE_CRM_RECORDS = (
    "UPDATE crm_records SET asked_at = $2 WHERE workspace_id = $1 AND asked_at > $3",
    "UPDATE crm_records SET seen_at = $2 WHERE workspace_id = $1 AND seen_at > $3",
)
"""Records of CRMs were seen, and asked for, now."""

UPDATE_WAITS_OF_MACHINES = (
    "UPDATE targets SET open_until = clock_timestamp() WHERE workspace_id = $1 AND open_until > $2",
    """UPDATE target_messages
          SET next_at = least(next_at, clock_timestamp()), first_at = least(first_at, clock_timestamp())
        WHERE workspace_id = $1 AND state IN ('waiting', 'ready') AND (next_at > $2 OR first_at > $2)""",
    """UPDATE target_messages SET leased_until = clock_timestamp()
        WHERE workspace_id = $1 AND state = 'leased' AND leased_until > $2""",
    """UPDATE crm_inbox SET next_at = clock_timestamp()
        WHERE workspace_id = $1 AND state = 'pending' AND next_at > $2""",
    "UPDATE crm_turns SET until = clock_timestamp() WHERE workspace_id = $1 AND until > $2",
)
"""What waits for long by the time of the server is tried now: trying too early harms nobody."""

SELECT_HELD_AHEAD = """
SELECT lead_id::text AS lead_id, id::text AS assignment_id FROM assignments
 WHERE workspace_id = $1 AND open AND held_until > $2 AND decided_at > $2
 ORDER BY decision_number LIMIT $3
"""
"""Leads that were held in the future, the oldest first."""

SELECT_PAUSES_AHEAD = """
SELECT owner.id, (owner.body ->> 'paused_until')::timestamptz - (paused.at - $2::timestamptz) AS until
  FROM directory AS owner
 CROSS JOIN LATERAL (
   SELECT at FROM changes
    WHERE workspace_id = $1 AND resource_type = 'owners' AND resource_id = owner.id
      AND after ->> 'paused_until' = owner.body ->> 'paused_until'
      AND before ->> 'paused_until' IS DISTINCT FROM owner.body ->> 'paused_until'
    ORDER BY version DESC LIMIT 1) AS paused
 WHERE owner.workspace_id = $1 AND owner.resource_type = 'owners'
   AND (owner.body ->> 'paused_until')::timestamptz > $3::timestamptz
   AND paused.at > $3 AND (owner.body ->> 'paused_until')::timestamptz > paused.at
"""
"""Owners who were paused in the future, and until when the pause lasts if it begins now.

Other edits since then do not matter.
"""

SELECT_ABSENCES_AHEAD = """
SELECT id FROM directory
 WHERE workspace_id = $1 AND resource_type = 'absences' AND (body ->> 'entered_at')::timestamptz > $2
"""
"""Absences that were entered in the future. They count from when they were entered."""


@dataclass(frozen=True, slots=True)
class TimeRepair:
    """How much was brought back.

    clocks:   clocks of SLAs and queues.
    places:   places of leads in queues.
    progress: assignments that were worked on, or are not idle yet.
    actions:  actions that wait or were leased.
    keys:     idempotency keys.
    held:     held leads, which are routed again.
    pauses:   pauses of owners.
    absences: absences that were entered.
    """

    clocks: int
    progress: int
    actions: int
    keys: int
    places: int = 0
    held: int = 0
    pauses: int = 0
    absences: int = 0


_GROUPS = (
    (UPDATE_POSTPONED_CLOCKS, UPDATE_PENDING_CLOCKS, UPDATE_NEXT_TRIES),
    (UPDATE_PROGRESS,),
    (UPDATE_WAITING_ACTIONS, UPDATE_LEASED_ACTIONS),
    (UPDATE_IDEMPOTENCY_KEYS,),
)
"""The statements behind the first figures of a repair. A clock may count twice."""


async def bring_back(connection: Connection, workspace_id: int, now: datetime) -> TimeRepair:
    """Bring back what is dated in the future, except places in queues and what the directory holds."""
    times = (workspace_id, now, now + MAX_AHEAD)
    counts = [sum([await connection.fetchval(statement, *times) for statement in group]) for group in _GROUPS]
    for statement in UPDATE_CRM_RECORDS:
        await connection.execute(statement, *times)
    server_ahead = await connection.fetchval("SELECT clock_timestamp()") + MAX_AHEAD
    for statement in UPDATE_WAITS_OF_MACHINES:
        await connection.execute(statement, workspace_id, server_ahead)
    return TimeRepair(*counts)


async def list_queues_ahead(connection: Connection, workspace_id: int, now: datetime) -> list[str]:
    """Return the queues that leads entered in the future."""
    rows = await connection.fetch(SELECT_QUEUES_AHEAD, workspace_id, now + MAX_AHEAD)
    return [row["queue"] for row in rows]


async def bring_back_places(
    connection: Connection, workspace_id: int, now: datetime, queue: str, aging: int
) -> int:
    """Let leads that entered a queue in the future enter it now. Return how many there were."""
    count: int = await connection.fetchval(UPDATE_PLACES, workspace_id, now, now + MAX_AHEAD, queue, aging)
    return count


async def list_absences_ahead(connection: Connection, workspace_id: int, now: datetime) -> list[str]:
    """Return the absences that were entered in the future."""
    rows = await connection.fetch(SELECT_ABSENCES_AHEAD, workspace_id, now + MAX_AHEAD)
    return [row["id"] for row in rows]


async def list_held_ahead(
    connection: Connection, workspace_id: int, now: datetime, limit: int
) -> list[tuple[str, str]]:
    """Return the leads that were held in the future, each with its assignment."""
    rows = await connection.fetch(SELECT_HELD_AHEAD, workspace_id, now + MAX_AHEAD, limit)
    return [(row["lead_id"], row["assignment_id"]) for row in rows]


async def find_pauses_ahead(connection: Connection, workspace_id: int, now: datetime) -> dict[str, datetime]:
    """Return the owners who were paused in the future, and until when their pause lasts from now on."""
    rows = await connection.fetch(SELECT_PAUSES_AHEAD, workspace_id, now, now + MAX_AHEAD)
    return {row["id"]: row["until"] for row in rows}
