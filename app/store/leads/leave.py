"""Leads that leave moves: those of owners whose leave has begun, and those of owners who are back."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, NamedTuple

from app.store.clocks import DECIDING_NOW
from app.store.connection.pool import Connection

MAX_MOVED = 10_000
"""The leads that one job moves. What is left follows with the next one."""


class DueMove(NamedTuple):
    """An owner whose leads are due to move: to a cover, or back."""

    kind: Literal["cover", "return"]
    owner: str


_TIME = f"SELECT {DECIDING_NOW} AS now"
SELECT_DUE_COVERS = f"""
WITH clock AS MATERIALIZED ({_TIME})
SELECT DISTINCT absence.owner
  FROM clock CROSS JOIN (
    SELECT body ->> 'owner' AS owner, (body ->> 'from')::timestamptz AS start,
           (body ->> 'to')::timestamptz AS until,
           greatest((body ->> 'from')::timestamptz, (body ->> 'entered_at')::timestamptz) AS begins_at
      FROM directory
     WHERE workspace_id = $1 AND resource_type = 'absences' AND body ->> 'open_leads' = 'move') AS absence
 CROSS JOIN LATERAL (
    SELECT id FROM assignments
     WHERE workspace_id = $1 AND open AND owner_id = absence.owner AND decided_at <= absence.begins_at
     LIMIT 1) AS due
 WHERE absence.start <= clock.now AND clock.now < absence.until
 ORDER BY 1
"""
"""The owners whose leave has begun and who still have leads from before."""

# Owners on leave are few, and so are the leads that others cover.
SELECT_DUE_RETURNS = f"""
WITH clock AS MATERIALIZED ({_TIME}), covered AS MATERIALIZED (
  SELECT DISTINCT origin_owner AS owner
    FROM assignments
   CROSS JOIN LATERAL (
     SELECT barred_owners FROM leads WHERE workspace_id = $1 AND leads.id = assignments.lead_id LIMIT 1
   ) AS lead
   WHERE workspace_id = $1 AND open AND origin_owner IS NOT NULL AND active_at IS NULL
     AND origin_owner <> ALL (barred_owners)
)
SELECT covered.owner
  FROM clock CROSS JOIN covered
 CROSS JOIN LATERAL (
   SELECT body FROM directory
    WHERE workspace_id = $1 AND resource_type = 'owners' AND directory.id = covered.owner LIMIT 1) AS record
 WHERE coalesce((body ->> 'active')::boolean, true)
   AND coalesce((body ->> 'paused_until')::timestamptz <= clock.now, true)
   AND NOT EXISTS (
     SELECT FROM directory AS absence
      WHERE workspace_id = $1 AND resource_type = 'absences' AND absence.body ->> 'owner' = covered.owner
        AND (absence.body ->> 'from')::timestamptz <= clock.now
        AND clock.now < (absence.body ->> 'to')::timestamptz)
 ORDER BY 1
"""
"""The owners who are present, and whose leads others still cover without having worked on them."""

SELECT_LEADS_TO_COVER = """
SELECT lead_id::text AS lead_id, id::text AS assignment_id FROM assignments
 WHERE workspace_id = $1 AND open AND owner_id = $2 AND decided_at <= $3
 ORDER BY decision_number LIMIT $4
"""
"""The open leads that an owner had when their leave began, the oldest first."""

SELECT_LEADS_TO_RETURN = """
SELECT lead_id::text AS lead_id, assignments.id::text AS assignment_id
  FROM assignments
 CROSS JOIN LATERAL (
   SELECT barred_owners FROM leads WHERE workspace_id = $1 AND leads.id = assignments.lead_id LIMIT 1) AS lead
 WHERE workspace_id = $1 AND open AND origin_owner = $2 AND active_at IS NULL
   AND origin_owner <> ALL (barred_owners)
 ORDER BY decision_number LIMIT $3
"""
"""The leads that came from an owner because of leave, and that nobody has worked on since."""


async def find_due_moves(connection: Connection, workspace_id: int) -> list[DueMove]:
    """Return the owners whose leads are due to move, those who are back first."""
    back = await connection.fetch(SELECT_DUE_RETURNS, workspace_id)
    gone = await connection.fetch(SELECT_DUE_COVERS, workspace_id)
    return [
        *(DueMove("return", row["owner"]) for row in back),
        *(DueMove("cover", row["owner"]) for row in gone),
    ]


async def list_leads_to_cover(
    connection: Connection, workspace_id: int, owner: str, begun: datetime
) -> Sequence[tuple[str, str]]:
    """Return the open leads that an owner had when their leave began, with their assignments."""
    rows = await connection.fetch(SELECT_LEADS_TO_COVER, workspace_id, owner, begun, MAX_MOVED)
    return [(row["lead_id"], row["assignment_id"]) for row in rows]


async def list_leads_to_return(
    connection: Connection, workspace_id: int, owner: str
) -> Sequence[tuple[str, str]]:
    """Return the leads that can go back to an owner, with their assignments."""
    rows = await connection.fetch(SELECT_LEADS_TO_RETURN, workspace_id, owner, MAX_MOVED)
    return [(row["lead_id"], row["assignment_id"]) for row in rows]
