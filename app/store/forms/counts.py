"""How much of what forms sent waits for somebody, and when tools last checked the addresses."""

from collections.abc import Mapping
from dataclasses import dataclass

from app.store.connection.pool import Connection
from app.store.crm.inbox import MAX_COUNTED

# The states are parameters, so that no index for one of them is taken, which has the rows of CRMs as well.
COUNT_STATES = """
SELECT CASE WHEN wanted.state = 'pending' THEN 'waiting'
            WHEN code = 'awaiting_fetch' THEN 'awaiting_fetch'
            WHEN code IN ('too_large', 'rate_limited', 'endpoint_inactive', 'endpoint_deleted') THEN 'parked'
            ELSE 'failed' END AS state, count(*) AS deliveries,
       extract(epoch FROM min(ended_at))::double precision AS oldest
  FROM unnest($3::text[]) AS wanted (state)
 CROSS JOIN LATERAL (
   SELECT code, ended_at FROM crm_inbox
    WHERE workspace_id = $1 AND state = wanted.state AND starts_with(system, 'form:') AND state <> 'done'
    ORDER BY state, id LIMIT $2) AS told
 GROUP BY 1
"""
"""What forms sent and is not done, by state, counted up to a limit, and since when the oldest waits."""

SELECT_HANDSHAKES = """
SELECT endpoint_id, extract(epoch FROM max(last_handshake_at))::double precision AS at FROM webhook_paths
 WHERE workspace_id = $1 AND last_handshake_at IS NOT NULL AND deleted IS NULL
 GROUP BY endpoint_id ORDER BY endpoint_id LIMIT 200
"""
"""When the tool behind each endpoint that there is last checked its address."""


@dataclass(frozen=True, slots=True)
class FormCounts:
    """How much waits, has failed, is parked or awaits a fetch, at most 10,000 each.

    `oldest_to_fetch` is since when the oldest of the latter waits, in seconds since 1970.
    """

    by_state: Mapping[str, int]
    oldest_to_fetch: float | None


async def count_states(connection: Connection, workspace_id: int) -> FormCounts:
    """Return what is not done."""
    rows = await connection.fetch(COUNT_STATES, workspace_id, MAX_COUNTED, ["pending", "failed"])
    oldest = {row["state"]: row["oldest"] for row in rows}
    return FormCounts({row["state"]: row["deliveries"] for row in rows}, oldest.get("awaiting_fetch"))


async def find_handshakes(connection: Connection, workspace_id: int) -> dict[str, float]:
    """Return when handshakes last came, in seconds since 1970, by endpoint."""
    rows = await connection.fetch(SELECT_HANDSHAKES, workspace_id)
    return {row["endpoint_id"]: row["at"] for row in rows}
