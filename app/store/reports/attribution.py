"""How many leads say where they came from."""

from collections.abc import Sequence

from app.store.connection.pool import Connection, Row
from app.store.reports.cohorts import Cohort, CohortQuestion
from app.store.reports.reading import fetch_rows

_FLAGS = ", ".join(
    f"bool_or({flag}) AS {flag}"
    for flag in ("has_source", "has_campaign", "has_channel", "tags_conflict", "is_unassigned", "is_silent")
)


async def count_attributed(connection: Connection, question: CohortQuestion) -> Sequence[Row]:
    """Return for each group how many of its leads have a source, a campaign, a channel, all, or conflicts."""
    cohort = Cohort(question)
    statement = f"""
WITH {cohort.held}cohort AS (
  SELECT {cohort.keys}lead.lead_id, lead.source IS NOT NULL AS has_source,
         lead.campaign IS NOT NULL AS has_campaign,
         coalesce(lead.channel <> 'Unassigned', false) AS has_channel,
         coalesce(lead.channel = 'Unassigned', false) AS is_unassigned, lead.channel IS NULL AS is_silent,
         lead.tags_conflict, true AS mature, lead.changed_at
    FROM {cohort.leads} WHERE {cohort.where}
)
SELECT {cohort.parts.names}count(*) AS leads, count(*) FILTER (WHERE has_source) AS with_source,
       count(*) FILTER (WHERE has_campaign) AS with_campaign,
       count(*) FILTER (WHERE has_channel) AS with_channel,
       count(*) FILTER (WHERE has_source AND has_campaign AND has_channel) AS complete,
       count(*) FILTER (WHERE is_unassigned) AS unassigned, count(*) FILTER (WHERE is_silent) AS silent,
       count(*) FILTER (WHERE tags_conflict) AS conflicting, max(changed_at) AS changed_at
  FROM {cohort.once("cohort", _FLAGS)}
{cohort.grouping}
"""
    return await fetch_rows(connection, statement, cohort.parts.values)
