"""Which leads went on to a meeting, an opportunity and a purchase, and how long that took."""

from collections.abc import Sequence

from app.store.connection.pool import Connection, Row
from app.store.reports.cohorts import Cohort, CohortQuestion, group_by
from app.store.reports.credits import EVENTS
from app.store.reports.cuts import Parts, Reading
from app.store.reports.reading import fetch_rows

STEPS = ("meeting", "opportunity", "purchase")
"""The steps after a lead was received, in order."""

# A deal that was reversed in time is no purchase, and neither is money that only goes back.
_BOUGHT = """
  SELECT lead_id, min(at) FILTER (WHERE won_deals > 0) AS at{holders}
    FROM sale_facts
   WHERE workspace_id = $1 AND lead_received_at >= $2 AND lead_received_at < $3 AND {in_time}
   GROUP BY lead_id
  HAVING sum(won_deals) > 0"""
_BUYING_HOLDER = """,
         (array_agg({name}_id ORDER BY at, told_at) FILTER (WHERE won_deals > 0))[1] AS {name}"""
_FIRST_HOLDERS = """
  SELECT lead_id{holders}
    FROM event_facts
   WHERE workspace_id = $1 AND type IN ('meeting', 'opportunity') AND first
     AND lead_received_at >= $2 AND lead_received_at < $3
   GROUP BY lead_id"""
_FIRST_HOLDER = ", max({name}_id) FILTER (WHERE type = '{step}') AS {step}_{name}"


def _count_conversions(cohort: Cohort) -> str:
    """The leads of each group that came to each step, or at least there, and how long it took.

    Without OFFSET, the times would be computed again for each of the counts.
    """
    first, join = "", ""
    if cohort.held_by:
        holders = "".join(
            _FIRST_HOLDER.format(name=name, step=step)
            for step in ("meeting", "opportunity")
            for name in cohort.held_by
        )
        first = f", first AS ({_FIRST_HOLDERS.format(holders=holders)}\n)"
        join = "\n    LEFT JOIN first ON first.lead_id = lead.lead_id"
    times = {
        "meeting": cohort.credited("lead.meeting_at", "first.meeting_"),
        "opportunity": cohort.credited("lead.opportunity_at", "first.opportunity_"),
        "purchase": cohort.credited("bought.at", "bought."),
    }
    seconds = "".join(
        f"""
         CASE WHEN {cohort.in_time(at)}
              THEN greatest(date_part('epoch', {at} - lead.received_at), 0) END AS {step},"""
        for step, at in times.items()
    )
    counts = "".join(
        f"""
       count({step}) FILTER (WHERE mature) AS {step},
       count(coalesce({", ".join(STEPS[position:])})) FILTER (WHERE mature) AS {step}_or_later,
       percentile_disc(0.5) WITHIN GROUP (ORDER BY {step}) FILTER (WHERE mature) AS {step}_median,
       percentile_disc(0.9) WITHIN GROUP (ORDER BY {step}) FILTER (WHERE mature) AS {step}_p90,"""
        for position, step in enumerate(STEPS)
    )
    bought = _BOUGHT.format(
        holders="".join(_BUYING_HOLDER.format(name=name) for name in cohort.held_by),
        in_time=cohort.in_time("at", "lead_received_at"),
    )
    rows = cohort.once("cohort", ", ".join(f"min({step}) AS {step}" for step in STEPS))
    return f"""
WITH {cohort.held}bought AS ({bought}
){first}, cohort AS (
  SELECT {cohort.keys}lead.lead_id,{seconds}
         {cohort.mature} AS mature, lead.changed_at
    FROM {cohort.leads}
    LEFT JOIN bought ON bought.lead_id = lead.lead_id{join}
   WHERE {cohort.where}
  OFFSET 0
)
SELECT {cohort.parts.names}count(*) FILTER (WHERE mature) AS leads,
       count(*) FILTER (WHERE NOT mature) AS immature,{counts}
       max(changed_at) AS changed_at
  FROM {rows}
{cohort.grouping}
"""


async def count_conversions(connection: Connection, question: CohortQuestion) -> Sequence[Row]:
    """Return for each group how far its leads came. Without groups there is one row."""
    cohort = Cohort(question)
    statement = _count_conversions(cohort)
    return await fetch_rows(connection, statement, cohort.parts.values)


async def count_steps(connection: Connection, reading: Reading, credit: str) -> Sequence[Row]:
    """Return for each group what happened in the period: meetings, deals that were opened and won."""
    meetings = Parts(reading, "at", EVENTS[credit], "event")
    statement = f"""
SELECT {meetings.names}count(*) AS meetings, count(DISTINCT lead_id) AS meeting_leads, 0 AS opportunities,
       0 AS opportunity_leads, 0 AS purchases, 0 AS purchase_leads, max(told_at) AS changed_at
  FROM (SELECT {meetings.keys}lead_id, told_at FROM event_facts AS event
         WHERE {meetings.where} AND type = 'meeting' AND excluded IS NULL) AS fact
{group_by(meetings.names)}
"""
    rows = await fetch_rows(connection, statement, meetings.values)
    sales = Parts(reading, "at", EVENTS[credit], "sale")
    statement = f"""
SELECT {sales.names}0 AS meetings, 0 AS meeting_leads, coalesce(sum(pipeline_deals), 0) AS opportunities,
       count(DISTINCT lead_id) FILTER (WHERE pipeline_deals > 0) AS opportunity_leads,
       coalesce(sum(won_deals), 0) AS purchases,
       count(DISTINCT lead_id) FILTER (WHERE won_deals > 0) AS purchase_leads, max(told_at) AS changed_at
  FROM (SELECT {sales.keys}lead_id, pipeline_deals, won_deals, told_at FROM sale_facts AS sale
         WHERE {sales.where} AND excluded IS NULL) AS fact
{group_by(sales.names)}
"""
    return [*rows, *await fetch_rows(connection, statement, sales.values)]
