"""How people take what they are sent: who unsubscribes or complains after a follow-up."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from app.store.connection.pool import Connection, Row
from app.store.reports.cuts import Parts, Reading
from app.store.reports.leads import SAMPLE
from app.store.reports.reading import fetch_rows

# Of an event that is known by its day alone, the time is the midnight of the day in UTC.
_DAY = "date_trunc('day', {0}, 'UTC')"
_AFTER = f"""({{0}} >= followed_up_at OR ({{0}} = {_DAY.format("{0}")}
                 AND {{0}} = {_DAY.format("followed_up_at")}))"""


async def count_answers(
    connection: Connection,
    reading: Reading,
    columns: Mapping[str, str],
    until: timedelta | None,
    now: datetime,
) -> Sequence[Row]:
    """Return how many leads unsubscribed and complained after their first follow-up, for groups and all.

    With `until`, within so long after it, and of leads whose follow-up is old enough.
    """
    parts = Parts(reading, "received_at", columns)
    end, young = "'infinity'", "false"
    if until is not None:
        end = f"followed_up_at + {parts.add(until, 'interval')}"
        young = f"{end} > {parts.add(now, 'timestamptz')}"
    old = "followed_up_at IS NOT NULL AND NOT young"
    # Most people do neither: the first condition spares them the others.
    left = {
        name: f"({name}_at IS NOT NULL"
        f" AND coalesce({_AFTER.format(f'{name}_at')} AND {name}_at <= {end}, false))"
        for name in ("unsubscribed", "complained")
    }
    statement = f"""
SELECT {parts.total} AS is_total, {parts.names}count(*) AS leads,
       count(*) FILTER (WHERE {old}) AS followed_up,
       count(*) FILTER (WHERE {old} AND by_person) AS by_person,
       count(*) FILTER (WHERE {old} AND unsubscribed) AS unsubscribed,
       count(*) FILTER (WHERE {old} AND complained) AS complained,
       count(*) FILTER (WHERE {old} AND (unsubscribed OR complained)) AS either_one,
       count(*) FILTER (WHERE {old} AND NOT by_person) AS automated,
       count(*) FILTER (WHERE {old} AND NOT by_person AND unsubscribed) AS automated_unsubscribed,
       count(*) FILTER (WHERE {old} AND NOT by_person AND complained) AS automated_complained,
       count(*) FILTER (WHERE followed_up_at IS NOT NULL AND young) AS immature,
       count(*) FILTER (WHERE unsubscribed_at IS NOT NULL AND NOT unsubscribed AND NOT young)
         AS unsubscribed_otherwise,
       count(*) FILTER (WHERE complained_at IS NOT NULL AND NOT complained AND NOT young)
         AS complained_otherwise,
       max(changed_at) AS changed_at
  FROM (SELECT *, coalesce({young}, false) AS young, {left["unsubscribed"]} AS unsubscribed,
               {left["complained"]} AS complained
          FROM (SELECT {parts.keys}unsubscribed_at, complained_at, changed_at,
                       first_touch_at IS NOT NULL AS by_person,
                       least(follow_up_at, first_touch_at, automated_at) AS followed_up_at
                  FROM lead_facts WHERE {parts.where} AND {SAMPLE}) AS lead) AS fact
 {parts.grouping}
"""
    return await fetch_rows(connection, statement, parts.values)


async def count_closed(
    connection: Connection,
    reading: Reading,
    columns: Mapping[str, str],
    until: timedelta | None,
    now: datetime,
) -> Sequence[Row]:
    """Return how many of these leads closed a channel (`kind`), or a topic, after their first follow-up.

    Events that were stored without their channels have none.
    """
    parts = Parts(reading, "received_at", columns)
    end, old = "'infinity'::timestamptz", "true"
    if until is not None:
        end = f"followed_up_at + {parts.add(until, 'interval')}"
        old = f"{end} <= {parts.add(now, 'timestamptz')}"
    statement = f"""
SELECT closed.kind, closed.name,
       count(DISTINCT lead_id) FILTER (WHERE type = 'unsubscribed') AS unsubscribed,
       count(DISTINCT lead_id) FILTER (WHERE type = 'complained') AS complained
  FROM (SELECT lead_id, least(follow_up_at, first_touch_at, automated_at) AS followed_up_at
          FROM lead_facts
         WHERE {parts.where} AND {SAMPLE}
           AND (unsubscribed_at IS NOT NULL OR complained_at IS NOT NULL)) AS lead
 CROSS JOIN LATERAL (
   SELECT type, at, closes, topic FROM event_facts
    WHERE workspace_id = $1 AND event_facts.lead_id = lead.lead_id
      AND type IN ('unsubscribed', 'complained')) AS event
 CROSS JOIN LATERAL (
   SELECT 'channel' AS kind, unnest(closes) AS name
   UNION ALL SELECT 'topic', topic WHERE topic IS NOT NULL) AS closed
 WHERE followed_up_at IS NOT NULL AND {old} AND {_AFTER.format("at")} AND at <= {end}
 GROUP BY closed.kind, closed.name ORDER BY closed.kind, closed.name
"""
    return await fetch_rows(connection, statement, parts.values)
