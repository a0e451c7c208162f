"""Customers who were saved, renewed, bought more or left, and the revenue of that."""

from collections.abc import Sequence

from app.store.connection.pool import Connection, Row
from app.store.reports.cohorts import Cohort, CohortQuestion, group_by
from app.store.reports.credits import EVENTS
from app.store.reports.cuts import Parts, Reading
from app.store.reports.reading import fetch_rows

TYPES = ("saved", "renewed", "expanded", "churned")
"""The events of retention."""
_TYPES = ", ".join(f"'{type_}'" for type_ in TYPES)
# What a customer who left does not pay any more is negative, in whichever way it was reported.
_AMOUNT = "CASE WHEN event.type = 'churned' THEN -abs(event.amount) ELSE event.amount END"
_AMOUNTS = ", ".join(
    f"coalesce(sum(amount) FILTER (WHERE type = '{type_}'), 0) AS {type_}_revenue" for type_ in TYPES
)


async def count_outcomes(connection: Connection, question: CohortQuestion) -> Sequence[Row]:
    """Return for each group its leads, and those with each event."""
    cohort = Cohort(question)
    holders, join = _holders(cohort.held_by)
    in_time = {
        type_: cohort.in_time(cohort.credited(f"lead.{type_}_at", f"first.{type_}_")) for type_ in TYPES
    }
    flags = "".join(f"{flag} AS {type_}, " for type_, flag in in_time.items())
    once = ", ".join(f"bool_or({type_}) AS {type_}" for type_ in (*TYPES, "left_later"))
    counts = "".join(f"count(*) FILTER (WHERE mature AND {type_}) AS {type_}, " for type_ in TYPES)
    statement = f"""
WITH {cohort.held}{holders}cohort AS (
  SELECT {cohort.keys}lead.lead_id, {flags}{cohort.mature} AS mature, lead.changed_at,
         coalesce(lead.churned_at > lead.saved_at, false) AS left_later
    FROM {cohort.leads}{join}
   WHERE {cohort.where}
)
SELECT {cohort.parts.names}count(*) FILTER (WHERE mature) AS leads,
       count(*) FILTER (WHERE NOT mature) AS immature, {counts}
       count(*) FILTER (WHERE mature AND (saved OR churned)) AS at_risk,
       count(*) FILTER (WHERE mature AND saved AND NOT (churned AND left_later)) AS kept,
       max(changed_at) AS changed_at
  FROM {cohort.once("cohort", once)}
{cohort.grouping}
"""
    return await fetch_rows(connection, statement, cohort.parts.values)


def _holders(held_by: Sequence[str]) -> tuple[str, str]:
    """The CTE of who had the lead at the first event of each type, and its join; empty if nobody asks."""
    if not held_by:
        return "", ""
    columns = "".join(
        f", max({name}_id) FILTER (WHERE type = '{type_}') AS {type_}_{name}"
        for type_ in TYPES
        for name in held_by
    )
    return (
        f"""first AS (
  SELECT lead_id{columns}
    FROM event_facts
   WHERE workspace_id = $1 AND type IN ({_TYPES}) AND first
     AND lead_received_at >= $2 AND lead_received_at < $3
   GROUP BY lead_id
), """,
        "\n    LEFT JOIN first ON first.lead_id = lead.lead_id",
    )


async def sum_amounts(connection: Connection, question: CohortQuestion) -> Sequence[Row]:
    """Return for each group and currency the amounts of the events of its leads."""
    cohort = Cohort(question, event="event")
    statement = f"""
SELECT {cohort.parts.names}currency, {_AMOUNTS}
  FROM (SELECT {cohort.keys}coalesce(event.currency, '') AS currency, event.type, {_AMOUNT} AS amount
          FROM event_facts AS event
          JOIN lead_facts AS lead ON lead.workspace_id = event.workspace_id AND lead.lead_id = event.lead_id
         WHERE event.workspace_id = $1 AND event.type IN ({_TYPES}) AND event.amount IS NOT NULL
           AND event.lead_received_at >= $2 AND event.lead_received_at < $3
           AND {cohort.where} AND {cohort.mature} AND {cohort.in_time("event.at")}) AS fact
{group_by(cohort.parts.names, "currency")}
"""
    return await fetch_rows(connection, statement, cohort.parts.values)


async def count_events(connection: Connection, reading: Reading, credit: str) -> Sequence[Row]:
    """Return for each group and currency what happened in the period. Events without amount count in all."""
    parts = Parts(reading, "at", EVENTS[credit], "event")
    counts = ", ".join(f"count(*) FILTER (WHERE type = '{type_}') AS {type_}" for type_ in TYPES)
    statement = f"""
SELECT {parts.names}currency, {counts}, {_AMOUNTS}, max(told_at) AS changed_at
  FROM (SELECT {parts.keys}event.currency, event.type, {_AMOUNT} AS amount, event.told_at
          FROM event_facts AS event
         WHERE {parts.where} AND event.type IN ({_TYPES}) AND event.excluded IS NULL) AS fact
{group_by(parts.names, "currency")}
"""
    return await fetch_rows(connection, statement, parts.values)
