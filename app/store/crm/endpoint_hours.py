"""How much an endpoint receives, hour by hour of the workspace's time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.store.clocks import NOW
from app.store.connection.pool import Connection

UPSERT_HOURS = f"""
INSERT INTO endpoint_hours AS hours
  (workspace_id, endpoint_id, hour, last_at, deliveries, events, duplicates, refused, unrecognized)
SELECT $1, counted.endpoint_id, date_trunc('hour', clock.now),
       CASE WHEN counted.deliveries > 0 THEN clock.now END,
       counted.deliveries, counted.events, counted.duplicates, counted.refused,
       counted.unrecognized
  FROM (SELECT {NOW} AS now) AS clock
 CROSS JOIN unnest($2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[],
                   $7::bigint[])
         AS counted (endpoint_id, deliveries, events, duplicates, refused, unrecognized)
 ORDER BY counted.endpoint_id
ON CONFLICT (workspace_id, endpoint_id, hour) DO UPDATE
  SET last_at = greatest(hours.last_at, excluded.last_at),
      deliveries = hours.deliveries + excluded.deliveries,
      events = hours.events + excluded.events,
      duplicates = hours.duplicates + excluded.duplicates,
      refused = hours.refused + excluded.refused,
      unrecognized = hours.unrecognized + excluded.unrecognized
"""
"""Add counts to the hour that it is now."""

SELECT_HOURS = f"""
SELECT hours.endpoint_id, hours.hour, hours.last_at, hours.deliveries, hours.events, hours.duplicates,
       hours.refused, hours.unrecognized
  FROM (SELECT {NOW} AS now) AS clock
 CROSS JOIN unnest($2::text[]) AS wanted (id)
 CROSS JOIN LATERAL (
   SELECT * FROM endpoint_hours
    WHERE workspace_id = $1 AND endpoint_id = wanted.id AND hour > clock.now - $3::interval
    ORDER BY hour LIMIT 1000) AS hours
 ORDER BY hours.endpoint_id, hours.hour
"""
"""The hours of some endpoints, the oldest first."""

DELETE_HOURS = "DELETE FROM endpoint_hours WHERE workspace_id = $1 AND endpoint_id = $2"
"""The hours of an endpoint that is deleted."""

DELETE_OLD_HOURS = f"""
DELETE FROM endpoint_hours
 WHERE workspace_id = $1 AND ctid = ANY (ARRAY(
   SELECT ctid FROM endpoint_hours
    WHERE workspace_id = $1 AND hour < {NOW} - $2::interval LIMIT $3))
"""
"""Hours that nobody looks at any more."""

KEPT = timedelta(days=28)
"""How far back the usual rate of an endpoint is looked for."""


@dataclass(slots=True)
class Counts:
    """What came to an endpoint. `unrecognized` are deliveries of which nothing could be read."""

    deliveries: int = 0
    events: int = 0
    duplicates: int = 0
    refused: int = 0
    unrecognized: int = 0


@dataclass(frozen=True, slots=True)
class Hour:
    """What came to an endpoint in one hour. `last_at` is the time of its last delivery."""

    endpoint_id: str
    hour: datetime
    last_at: datetime | None
    deliveries: int
    events: int
    duplicates: int
    refused: int
    unrecognized: int


async def add_counts(connection: Connection, workspace_id: int, counts: Mapping[str, Counts]) -> None:
    """Add what came to endpoints, by id, to this hour."""
    values = counts.values()
    await connection.execute(
        UPSERT_HOURS,
        workspace_id,
        list(counts),
        [each.deliveries for each in values],
        [each.events for each in values],
        [each.duplicates for each in values],
        [each.refused for each in values],
        [each.unrecognized for each in values],
    )


async def list_hours(
    connection: Connection, workspace_id: int, endpoint_ids: Sequence[str]
) -> dict[str, list[Hour]]:
    """Return the hours of these endpoints in the last 28 days, by endpoint, the oldest first."""
    found: dict[str, list[Hour]] = {id_: [] for id_ in endpoint_ids}
    for row in await connection.fetch(SELECT_HOURS, workspace_id, list(endpoint_ids), KEPT):
        found[row["endpoint_id"]].append(Hour(**row))
    return found


async def delete_hours(connection: Connection, workspace_id: int, endpoint_id: str) -> None:
    """Delete the hours of an endpoint."""
    await connection.execute(DELETE_HOURS, workspace_id, endpoint_id)


async def delete_old_hours(connection: Connection, workspace_id: int, limit: int) -> None:
    """Delete a slice of hours older than 28 days."""
    await connection.execute(DELETE_OLD_HOURS, workspace_id, KEPT, limit)
