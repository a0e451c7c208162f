"""What teams hold, what reaches them and what leaves them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from app.store.connection.pool import Connection


@dataclass(frozen=True, slots=True)
class TeamFlow:
    """The leads of a team: those that are open, with and without an owner, and those of a period."""

    open_leads: int = 0
    waiting: int = 0
    arrivals: int = 0
    closings: int = 0


# A lead that stays in the team when it is decided again neither arrives nor leaves. The last row before
# another one is looked up inside a LIMIT, by the index of the lead.
SELECT_TEAM_FLOWS = """
WITH held AS (
  SELECT team_id, count(owner_id) AS open_leads, count(*) - count(owner_id) AS waiting
    FROM assignments
   WHERE workspace_id = $1 AND open AND team_id = ANY ($2::text[])
   GROUP BY team_id
), came AS (
  SELECT fact.team_id, count(*) AS arrivals
    FROM assignment_facts AS fact
    LEFT JOIN LATERAL (
      SELECT team_id, ended_at FROM assignment_facts AS before
       WHERE before.workspace_id = $1 AND before.lead_id = fact.lead_id
         AND before.decision_number < fact.decision_number AND before.arrival IS DISTINCT FROM 'duplicate'
       ORDER BY before.decision_number DESC LIMIT 1) AS before ON true
   WHERE fact.workspace_id = $1 AND fact.decided_at >= $3 AND fact.decided_at < $4
     AND fact.team_id = ANY ($2::text[]) AND fact.outcome IN ('assigned', 'queued')
     AND fact.arrival IS DISTINCT FROM 'duplicate' AND fact.cause <> 'import'
     AND NOT coalesce(before.team_id = fact.team_id
                      AND (before.ended_at IS NULL OR before.ended_at >= fact.decided_at), false)
   GROUP BY fact.team_id
), went AS (
  SELECT fact.team_id, count(*) AS closings
    FROM assignment_facts AS fact
    LEFT JOIN LATERAL (
      SELECT team_id, decided_at FROM assignment_facts AS later
       WHERE later.workspace_id = $1 AND later.lead_id = fact.lead_id
         AND later.decision_number > fact.decision_number AND later.arrival IS DISTINCT FROM 'duplicate'
       ORDER BY later.decision_number LIMIT 1) AS later ON true
   WHERE fact.workspace_id = $1 AND fact.ended_at >= $3 AND fact.ended_at < $4
     AND fact.team_id = ANY ($2::text[])
     AND NOT coalesce(later.team_id = fact.team_id AND later.decided_at <= fact.ended_at, false)
   GROUP BY fact.team_id
)
SELECT team_id, coalesce(open_leads, 0) AS open_leads, coalesce(waiting, 0) AS waiting,
       coalesce(arrivals, 0) AS arrivals, coalesce(closings, 0) AS closings
  FROM unnest($2::text[]) AS team (team_id)
  LEFT JOIN held USING (team_id)
  LEFT JOIN came USING (team_id)
  LEFT JOIN went USING (team_id)
"""
"""For each team the leads that are open now, and those that reached or left it in a period."""


async def find_team_flows(
    connection: Connection, workspace_id: int, teams: Sequence[str], start: datetime, end: datetime
) -> dict[str, TeamFlow]:
    """Return the leads of each of these teams; those of the period from `start` until before `end`."""
    rows = await connection.fetch(SELECT_TEAM_FLOWS, workspace_id, list(teams), start, end)
    return {
        row["team_id"]: TeamFlow(row["open_leads"], row["waiting"], row["arrivals"], row["closings"])
        for row in rows
    }
