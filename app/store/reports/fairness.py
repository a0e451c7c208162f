"""The shares of members in a period, their balances before it, and the leads they got outside the turn."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from app.store.connection.pool import Connection, Row
from app.store.reports.cuts import BUCKETS, COLUMNS, Parts, Reading
from app.store.reports.reading import MAX_PARTS, fetch_rows

OF_THE_LEDGER = ("team", *BUCKETS)
"""The dimensions that a row of a ledger has by itself. The others are those of its decision."""
_COLUMNS: Mapping[str, str] = {
    **{name: column.format(t="fact.") for name, column in COLUMNS.items()},
    "team": "share.team_id",
}
_DECISION = """
  LEFT JOIN assignment_facts AS fact
    ON fact.workspace_id = share.workspace_id AND fact.assignment_id = share.assignment_id"""

# Most rows of a ledger share their split with many others. So rows are counted, and amounts multiplied.
_PARTS = """, part AS (
  SELECT counted.*, part.*
    FROM counted
    JOIN share_splits AS split ON split.workspace_id = $1 AND split.id = counted.split_id
   CROSS JOIN LATERAL unnest(split.owners, split.columns, split.amounts)
     AS part (owner_id, "column", amount)
)"""

SELECT_OPENING_BALANCES = f"""
WITH counted AS (
  SELECT team_id, split_id, count(*) AS rows FROM share_facts
   WHERE workspace_id = $1 AND at < $2 GROUP BY team_id, split_id
){_PARTS}
SELECT team_id, owner_id,
       sum(CASE WHEN "column" = 'received' THEN -amount ELSE amount END * rows)::numeric AS balance
  FROM part
 GROUP BY team_id, owner_id
"""
"""The balance of each member before a moment."""

SELECT_MEMBERS = """
SELECT team.id AS team_id, member.record ->> 'owner' AS owner_id
  FROM directory AS team
 CROSS JOIN LATERAL jsonb_array_elements(team.body -> 'members') WITH ORDINALITY AS member (record, position)
 WHERE team.workspace_id = $1 AND team.resource_type = 'teams'
 ORDER BY team.id, member.position
"""
"""The present members of all teams, in order."""


def _reading(reading: Reading, groups: Sequence[str], *, teams: bool) -> Reading:
    """What is read of all owners: their shares add up only together."""
    filters = {
        name: wanted
        for name, wanted in reading.filters.items()
        if name != "owner" and (teams or name != "team")
    }
    return Reading(reading.workspace_id, reading.start, reading.end, reading.zone, groups, filters)


async def sum_shares(connection: Connection, reading: Reading, groups: Sequence[str]) -> Sequence[Row]:
    """Return amounts by group, team, owner and column, and when the newest row of the ledger was written."""
    parts = Parts(_reading(reading, groups, teams=True), "at", _COLUMNS, "share")
    names = {*groups, *reading.filters} - {"owner"}
    decision = "" if names <= set(OF_THE_LEDGER) else _DECISION
    statement = f"""
WITH counted AS (
  SELECT {parts.keys}share.team_id, share.split_id, count(*) AS rows, max(share.at) AS at
    FROM share_facts AS share{decision}
   WHERE {parts.where}
   GROUP BY {parts.names}share.team_id, share.split_id
){_PARTS}
SELECT {parts.names}team_id, owner_id, "column", sum(amount * rows)::numeric AS amount, max(at) AS changed_at
  FROM part
 GROUP BY {parts.names}team_id, owner_id, "column"
"""
    return await fetch_rows(connection, statement, parts.values, MAX_PARTS)


async def sum_balances(connection: Connection, workspace_id: int, before: datetime) -> Sequence[Row]:
    """Return the balance of each member before a moment."""
    rows: Sequence[Row] = await connection.fetch(SELECT_OPENING_BALANCES, workspace_id, before)
    return rows


async def count_other_leads(connection: Connection, reading: Reading, groups: Sequence[str]) -> Sequence[Row]:
    """Return how many leads owners got without a turn, by group, team, owner and reason.

    A lead of the turn has a row in the ledger at the very moment of its decision.
    """
    parts = Parts(_reading(reading, groups, teams=False), "decided_at", {}, "fact")
    statement = f"""
SELECT {parts.names}team_id, owner_id, code, strategy, count(*) AS leads, max(changed_at) AS changed_at
  FROM (
    SELECT {parts.keys}fact.team_id, fact.owner_id, fact.code, fact.strategy, fact.changed_at
      FROM assignment_facts AS fact
      LEFT JOIN share_facts AS share
        ON share.workspace_id = fact.workspace_id AND share.assignment_id = fact.assignment_id
       AND share.at >= $2 AND share.at < $3
     WHERE {parts.where} AND share.assignment_id IS NULL AND fact.owner_id IS NOT NULL
       AND fact.counts_toward_load) AS lead
 GROUP BY {parts.names}team_id, owner_id, code, strategy
"""
    return await fetch_rows(connection, statement, parts.values, MAX_PARTS)


async def list_members(connection: Connection, workspace_id: int) -> list[tuple[str, str]]:
    """Return each team and owner who is a member now, in order."""
    rows = await connection.fetch(SELECT_MEMBERS, workspace_id)
    return [(row["team_id"], row["owner_id"]) for row in rows]
