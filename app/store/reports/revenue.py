"""What leads brought in, and what they cost."""

from collections.abc import Sequence
from datetime import date

from app.store.connection.pool import Connection, Row
from app.store.reports.cohorts import Cohort, CohortQuestion, group_by
from app.store.reports.credits import EVENTS
from app.store.reports.cuts import BUCKETS, NONE, Parts, Reading
from app.store.reports.reading import fetch_rows

_FLAGS = "bool_or(assigned) AS assigned, bool_or(qualified) AS qualified"


async def count_leads(connection: Connection, question: CohortQuestion) -> Sequence[Row]:
    """Return for each group its leads: old enough, too young; and all that had an owner or are qualified."""
    cohort = Cohort(question)
    statement = f"""
WITH {cohort.held}cohort AS (
  SELECT {cohort.keys}lead.lead_id, {cohort.mature} AS mature, lead.owner_id IS NOT NULL AS assigned,
         lead.qualified_at IS NOT NULL AS qualified, lead.changed_at
    FROM {cohort.leads} WHERE {cohort.where}
)
SELECT {cohort.parts.names}count(*) FILTER (WHERE mature) AS leads,
       count(*) FILTER (WHERE NOT mature) AS immature, count(*) FILTER (WHERE assigned) AS assigned,
       count(*) FILTER (WHERE qualified) AS qualified, max(changed_at) AS changed_at
  FROM {cohort.once("cohort", _FLAGS)}
{cohort.grouping}
"""
    return await fetch_rows(connection, statement, cohort.parts.values)


async def sum_sales(connection: Connection, question: CohortQuestion) -> Sequence[Row]:
    """Return for each group and currency what its leads brought in, and how many of them bought."""
    cohort = Cohort(question, event="sale")
    statement = f"""
WITH by_lead AS (
  SELECT {cohort.parts.names}currency, lead_id, sum(won) AS won, sum(won_deals) AS won_deals,
         sum(pipeline) AS pipeline, sum(pipeline_deals) AS pipeline_deals
    FROM (SELECT {cohort.keys}sale.currency, sale.lead_id, won, won_deals, pipeline, pipeline_deals
            FROM sale_facts AS sale
            JOIN lead_facts AS lead
              ON lead.workspace_id = sale.workspace_id AND lead.lead_id = sale.lead_id
           WHERE sale.workspace_id = $1 AND sale.lead_received_at >= $2 AND sale.lead_received_at < $3
             AND {cohort.where} AND {cohort.mature} AND {cohort.in_time("sale.at")}) AS fact
   GROUP BY {cohort.parts.names}currency, lead_id
)
{_SUMS.format(names=cohort.parts.names, more="")}
{group_by(cohort.parts.names, "currency")}
"""
    return await fetch_rows(connection, statement, cohort.parts.values)


_SUMS = """SELECT {names}currency, sum(won) AS revenue, sum(won_deals)::bigint AS deals,
       count(*) FILTER (WHERE won_deals > 0) AS buyers, sum(pipeline) AS pipeline,
       sum(pipeline_deals)::bigint AS opportunities{more}
  FROM by_lead"""


async def sum_sales_of_period(connection: Connection, reading: Reading, credit: str) -> Sequence[Row]:
    """Return for each group and currency what was sold, refunded or reversed in the period."""
    parts = Parts(reading, "at", EVENTS[credit], "sale")
    statement = f"""
WITH by_lead AS (
  SELECT {parts.names}currency, lead_id, sum(won) AS won, sum(won_deals) AS won_deals,
         sum(pipeline) AS pipeline, sum(pipeline_deals) AS pipeline_deals, max(told_at) AS changed_at
    FROM (SELECT {parts.keys}currency, lead_id, won, won_deals, pipeline, pipeline_deals, told_at
            FROM sale_facts AS sale
           WHERE {parts.where} AND excluded IS NULL) AS fact
   GROUP BY {parts.names}currency, lead_id
)
{_SUMS.format(names=parts.names, more=", max(changed_at) AS changed_at")}
{group_by(parts.names, "currency")}
"""
    return await fetch_rows(connection, statement, parts.values)


SPEND_GROUPS = frozenset(("campaign", *BUCKETS))
"""The dimensions by which spend is known."""


async def sum_spend(connection: Connection, reading: Reading, first: date, last: date) -> Sequence[Row]:
    """Return what was spent on the days from `first` until before `last`, by group and currency."""
    values: list[object] = [reading.workspace_id, first, last]
    keys = "".join(
        f'fact_campaign AS "{name}", '
        if name == "campaign"
        else f"to_char(day, '{BUCKETS[name]}') AS \"{name}\", "
        for name in reading.group_by
    )
    names = "".join(f'"{name}", ' for name in reading.group_by)
    conditions = ""
    for name, wanted in reading.filters.items():
        values.append([each for each in wanted if each != NONE])
        column = "fact_campaign" if name == "campaign" else f"to_char(day, '{BUCKETS[name]}')"
        conditions += f" AND {column} = ANY (${len(values)}::text[])"
    statement = f"""
SELECT {names}currency, sum(amount) AS spend, max(updated_at) AS changed_at
  FROM (SELECT {keys}currency, amount, updated_at FROM spend
         WHERE workspace_id = $1 AND day >= $2 AND day < $3{conditions}) AS spent
{group_by(names, "currency")}
"""
    return await fetch_rows(connection, statement, values)


SELECT_SPENT_CAMPAIGNS = """
SELECT DISTINCT campaign FROM spend
 WHERE workspace_id = $1 AND day >= $2 AND day < $3
   AND NOT EXISTS (
     SELECT FROM lead_facts
      WHERE lead_facts.workspace_id = $1 AND lead_facts.campaign = spend.fact_campaign)
 ORDER BY campaign LIMIT $4
"""
"""Campaigns on which money was spent, but which no lead names."""


async def list_spent_campaigns(
    connection: Connection, workspace_id: int, first: date, last: date, limit: int
) -> list[str]:
    """Return campaigns with spend in a period that no lead names."""
    rows = await connection.fetch(SELECT_SPENT_CAMPAIGNS, workspace_id, first, last, limit)
    return [row["campaign"] for row in rows]
