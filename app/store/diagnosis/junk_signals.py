"""What became of the leads that each part of junk helped to stop."""

from dataclasses import dataclass
from datetime import datetime

from app.store.connection.pool import Connection
from app.store.reports.quality import IS_SPAM, PROGRESSED, SAID_GOOD


@dataclass(frozen=True, slots=True)
class SignalCount:
    """New leads that carried a part and were blocked or put into a review, and what is known of them."""

    signal: str
    stopped: int
    spam: int
    good: int


COUNT_SIGNALS = f"""
SELECT signal, count(*) AS stopped, count(*) FILTER (WHERE {IS_SPAM}) AS spam,
       count(*) FILTER (WHERE {SAID_GOOD} OR {PROGRESSED}) AS good
  FROM lead_facts CROSS JOIN LATERAL unnest(junk_parts) AS part (signal)
 WHERE workspace_id = $1 AND received_at >= $2 AND received_at < $3 AND junk IN ('blocked', 'review')
   AND NOT imported AND excluded IS DISTINCT FROM 'merged'
 GROUP BY signal ORDER BY signal
"""
"""The leads of a time that were stopped, by each part of junk."""


async def count_signals(
    connection: Connection, workspace_id: int, start: datetime, end: datetime
) -> list[SignalCount]:
    """Return the leads of a time that were stopped, by each part of junk."""
    rows = await connection.fetch(COUNT_SIGNALS, workspace_id, start, end)
    return [SignalCount(**row) for row in rows]
