"""What became of leads that owners were given: accepted, rejected, or not answered in time."""

from collections.abc import Sequence
from datetime import datetime

from app.store.connection.pool import Connection, Row
from app.store.reports.cuts import Parts, Reading
from app.store.reports.reading import MAX_PARTS, fetch_rows

GIVEN = "owner_id IS NOT NULL AND arrival IS DISTINCT FROM 'duplicate' AND cause <> 'import'"
"""The assignments that gave a lead to an owner."""
OFFERED = f"{GIVEN} AND cause <> 'claim'"
"""Those of them that are offers: for a claim, its owner asked."""
RESULT = """CASE WHEN accepted_at IS NOT NULL OR touched_at <= coalesce(ended_at, touched_at) THEN 'accepted'
            WHEN end_cause = 'rejected' THEN 'rejected'
            WHEN end_cause = 'taken_away' OR EXISTS (
              SELECT FROM promise_facts AS promise
               WHERE promise.workspace_id = $1 AND promise.assignment_id = offer.assignment_id
                 AND promise.kind IN ('accept', 'touch') AND promise.due_at <= {now}
                 AND coalesce(promise.void_at > promise.due_at, true)) THEN 'timed_out'
            WHEN open THEN 'pending' ELSE 'withdrawn' END"""
"""What became of an `offer` until `now`. A touch accepts."""
_RESULTS = ("accepted", "rejected", "timed_out", "pending", "withdrawn")
_REASON = {"reason": "{t}reject_reason"}
_OF_LEADS = """
  SELECT {total} AS is_total, {names}max(changed_at) AS changed_at,
         CASE WHEN bool_or(result = 'accepted') THEN 'accepted'
              WHEN bool_or(result = 'pending') THEN 'pending'
              ELSE coalesce((array_agg(result ORDER BY decision_number DESC)
                              FILTER (WHERE result IN ('rejected', 'timed_out')))[1], 'withdrawn')
         END AS result
    FROM offers GROUP BY {sets}"""
"""What became of a lead that was offered to several owners, in each group and in all."""


async def count_offers(
    connection: Connection, reading: Reading, now: datetime, *, of_leads: bool
) -> Sequence[Row]:
    """Return what became of offers, or of the leads that were offered, for each group and for all.

    A claim is no offer: its owner asked for it.
    """
    parts = Parts(reading, "decided_at", table="offer")
    counts = "".join(f", count(*) FILTER (WHERE result = '{each}') AS {each}" for each in _RESULTS)
    total, grouping, source = parts.total, parts.grouping, "offers"
    if of_leads:
        names = parts.names
        sets = f"GROUPING SETS (({names}lead_id), (lead_id))" if names else "lead_id"
        total, grouping = "is_total", f"GROUP BY {names}is_total"
        source = f"({_OF_LEADS.format(total=parts.total, names=names, sets=sets)}) AS lead"
    statement = f"""
WITH offers AS (
  SELECT {parts.keys}lead_id, decision_number, changed_at,
         {RESULT.format(now=parts.add(now, "timestamptz"))} AS result
    FROM assignment_facts AS offer WHERE {parts.where} AND {OFFERED})
SELECT {total} AS is_total, {parts.names}count(*) AS offered{counts}, max(changed_at) AS changed_at
  FROM {source}
 {grouping}
"""
    return await fetch_rows(connection, statement, parts.values)


async def count_rejections(connection: Connection, reading: Reading, *, by_event: bool) -> Sequence[Row]:
    """Return what owners were given and what they rejected, for each group.

    The groups must tell one reason from another. `by_event` reads what was rejected in the time, instead of
    what was given in it.
    """
    parts = Parts(reading, "ended_at" if by_event else "decided_at", _REASON)
    only = " AND end_cause = 'rejected'" if by_event else ""
    statement = f"""
SELECT {parts.names}count(*) AS given, count(*) FILTER (WHERE rejected) AS rejected,
       count(*) FILTER (WHERE rejected AND refunded) AS refunded,
       count(*) FILTER (WHERE rejected AND touched) AS after_touch,
       count(*) FILTER (WHERE rejected AND dispute IS NOT NULL) AS disputed,
       count(*) FILTER (WHERE rejected AND dispute = 'overturned') AS overturned,
       count(*) FILTER (WHERE refunded AND NOT rejected) AS other_refunds, max(changed_at) AS changed_at
  FROM (SELECT {parts.keys}coalesce(end_cause = 'rejected', false) AS rejected, refunded, dispute,
               touched_at IS NOT NULL AS touched, changed_at
          FROM assignment_facts WHERE {parts.where} AND {GIVEN}{only}) AS fact
 GROUP BY {parts.names.rstrip(", ")}
"""
    return await fetch_rows(connection, statement, parts.values, MAX_PARTS)
