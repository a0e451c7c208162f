"""Conversions of leads that came by turn, by owner and stratum; and outcomes of leads by score."""

from dataclasses import dataclass
from datetime import timedelta

from app.store.connection.pool import Connection
from app.store.diagnosis.group_counts import Span

OUTCOMES = ("purchase", "opportunity", "meeting", "qualified")
"""What a lead can come to, as the types of events."""
# A purchase that was reversed since is none.
_STANDS = """($6::text <> 'purchase' OR coalesce((
       SELECT sum(won_deals) FROM sale_facts AS sale
        WHERE sale.workspace_id = $1 AND sale.lead_id = {lead}), 0) > 0)"""


@dataclass(frozen=True, slots=True)
class OwnerCount:
    """Leads of one owner in one stratum, and how many of them converted with this owner."""

    team: str
    owner: str
    stratum: str
    leads: int
    hits: int


@dataclass(frozen=True, slots=True)
class ScoreCount:
    """Leads with one score in one half of all leads."""

    score: float
    half: int
    won: int
    lost: int
    touched: int


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Leads that the figures of the score leave out."""

    immature: int
    unscored: int


COUNT_OWNER_CONVERSIONS = f"""
WITH given AS (
  SELECT assignment_id, lead_id, decided_at, team_id, owner_id,
         concat_ws(' / ',
           coalesce('band ' || band, CASE WHEN score BETWEEN 0 AND 1 THEN 'score ' || floor(score * 5)
                                          ELSE 'points ' || floor(score / 20) END, '-'),
           coalesce(source, '-'), coalesce(lead_type, '-'),
           date_trunc('week', decided_at AT TIME ZONE $5::text)::date) AS stratum
    FROM assignment_facts AS fact
   WHERE workspace_id = $1 AND decided_at >= $2 AND decided_at < $3
     AND decided_at <= $4::timestamptz - $7::interval
     AND excluded IS NULL AND owner_id IS NOT NULL AND team_id IS NOT NULL
     AND EXISTS (SELECT FROM ledger_entries AS turn
                  WHERE turn.workspace_id = $1 AND turn.assignment_id = fact.assignment_id
                    AND turn.cause = 'turn' AND cardinality(turn.owners) > 1))
SELECT team_id AS team, owner_id AS owner, stratum, count(*) AS leads,
       count(*) FILTER (WHERE EXISTS (
         SELECT FROM event_facts AS event
          WHERE event.workspace_id = $1 AND event.lead_id = given.lead_id AND event.type = $6
            AND event.owner_id = given.owner_id AND event.at >= given.decided_at
            AND event.at <= given.decided_at + $7::interval)
         AND {_STANDS.format(lead="given.lead_id")}) AS hits
  FROM given
 GROUP BY team_id, owner_id, stratum
"""
"""Leads that came by turn to one of several members; a hit converted while this owner had it."""

_OUTCOME_AT = """CASE $6::text WHEN 'purchase' THEN purchase_at WHEN 'opportunity' THEN opportunity_at
         WHEN 'meeting' THEN meeting_at ELSE qualified_at END"""
_SCORED = f"""
WITH scored AS (
  SELECT score, get_byte(uuid_send(lead_id), 15) % 2 AS half,
         received_at <= $4::timestamptz - $7::interval AS mature,
         coalesce({_OUTCOME_AT} <= received_at + $7::interval, false)
           AND {_STANDS.format(lead="lead.lead_id")} AS won,
         first_touch_at IS NOT NULL AS touched
    FROM lead_facts AS lead
   WHERE workspace_id = $1 AND received_at >= $2 AND received_at < $3 AND received_at <= $4
     AND excluded IS NULL AND NOT imported AND $5::text IS NOT NULL)"""

COUNT_SCORES = f"""{_SCORED}
SELECT score, half, count(*) FILTER (WHERE won) AS won, count(*) FILTER (WHERE NOT won) AS lost,
       count(*) FILTER (WHERE touched) AS touched
  FROM scored WHERE mature AND score IS NOT NULL AND score <> 'NaN'
 GROUP BY score, half
"""
"""Leads old enough by score as of their decision. The halves are drawn by id, so they stay the same."""

COUNT_LEFT_OUT = f"""{_SCORED}
SELECT count(*) FILTER (WHERE NOT mature AND score IS NOT NULL) AS immature,
       count(*) FILTER (WHERE score IS NULL) AS unscored
  FROM scored
"""
"""Leads that are too young, and leads without a score."""


async def count_owner_conversions(
    connection: Connection, workspace_id: int, span: Span, outcome: str, within: timedelta
) -> list[OwnerCount]:
    """Return the conversions of leads that came by turn."""
    rows = await connection.fetch(
        COUNT_OWNER_CONVERSIONS, workspace_id, span.start, span.end, span.now, span.zone, outcome, within
    )
    return [OwnerCount(**row) for row in rows]


async def count_scores(
    connection: Connection, workspace_id: int, span: Span, outcome: str, within: timedelta
) -> tuple[list[ScoreCount], LeftOut]:
    """Return the outcomes of leads by score, and how many leads that leaves out."""
    asked = (workspace_id, span.start, span.end, span.now, span.zone, outcome, within)
    rows = await connection.fetch(COUNT_SCORES, *asked)
    (left,) = await connection.fetch(COUNT_LEFT_OUT, *asked)
    return [ScoreCount(**row) for row in rows], LeftOut(**left)
