"""What leads share that came lately: the visitor's address, the person, the company's domain.

Values are hashes, kept for a day at most.
"""

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

from app.store.connection.pool import Connection

MAX_COUNTED = 10_000
"""More leads than this are not counted. No plan has a higher limit."""
KEPT = timedelta(days=1)
"""The longest time that a plan looks back."""


class Subject(NamedTuple):
    """What leads share: `ip`, `identity` or `domain`, and its value."""

    name: str
    value: str

    def hashed(self, workspace_id: int) -> str:
        """The hash of the value. Those of two workspaces differ."""
        return _hashed(workspace_id, self.name, self.value)


@lru_cache(maxsize=1024)  # what is counted is written by the same group
def _hashed(workspace_id: int, name: str, value: str) -> str:
    text = f"{workspace_id}\x1f{name}\x1f{value}"
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


@dataclass(frozen=True, slots=True)
class ArrivalRow:
    """One lead came with this subject."""

    subject: Subject
    at: datetime
    assignment_id: str


# The order is that of the index to use.
COUNT_ARRIVALS = f"""
SELECT wanted.subject, wanted.value, counted.leads
  FROM unnest($2::text[], $3::text[]) AS wanted (subject, value)
 CROSS JOIN LATERAL (
   SELECT count(*) AS leads FROM (
     SELECT FROM arrivals
      WHERE workspace_id = $1 AND arrivals.subject = wanted.subject
        AND arrivals.value = decode(wanted.value, 'hex') AND at > $4
      ORDER BY at LIMIT {MAX_COUNTED}) AS found) AS counted
"""
"""How many leads came with each subject since a time."""

INSERT_ARRIVALS = """
INSERT INTO arrivals (workspace_id, subject, value, at, assignment_id, hour)
SELECT $1, subject, decode(value, 'hex'), at, assignment_id, hour
  FROM json_to_recordset({rows}) AS arrival (subject text, value text, at timestamptz, assignment_id uuid,
    hour integer)
"""
"""The subjects of new leads; `rows` is the name of the parameter that holds them as JSON."""

# By the hour, because an index of times would be taken for counting, too, while the table is empty.
DELETE_OLD_ARRIVALS = """
DELETE FROM arrivals WHERE workspace_id = $1 AND hour < $2 AND ctid = ANY (ARRAY(
  SELECT ctid FROM arrivals WHERE workspace_id = $1 AND hour < $2 ORDER BY hour LIMIT $3))
RETURNING subject
"""
"""Arrivals that no plan looks back to any more."""


async def count_arrivals(
    connection: Connection, workspace_id: int, subjects: Collection[Subject], since: datetime
) -> dict[Subject, int]:
    """Return how many leads came with each subject after `since`."""
    by_hash = {(each.name, each.hashed(workspace_id)): each for each in subjects}
    names, values = ([each[part] for each in by_hash] for part in range(2))
    rows = await connection.fetch(COUNT_ARRIVALS, workspace_id, names, values, since)
    return {by_hash[row["subject"], row["value"]]: row["leads"] for row in rows}


def hashed_rows(workspace_id: int, rows: Sequence[ArrivalRow]) -> list[dict[str, Any]]:
    """Return the rows to insert, with hashes in place of values."""
    return [
        {
            "subject": row.subject.name,
            "value": row.subject.hashed(workspace_id),
            "at": row.at,
            "assignment_id": row.assignment_id,
            "hour": _hour(row.at),
        }
        for row in rows
    ]


async def delete_old_arrivals(connection: Connection, workspace_id: int, now: datetime, limit: int) -> int:
    """Delete a slice of the arrivals that are older than a day. Return how many."""
    hour = _hour(now - KEPT)
    return len(await connection.fetch(DELETE_OLD_ARRIVALS, workspace_id, hour, limit))


def _hour(at: datetime) -> int:
    return int(at.timestamp()) // 3600
