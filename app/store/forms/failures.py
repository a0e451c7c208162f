"""Failures of forms with what their rows hold."""

from collections.abc import Sequence

from app.store.connection.pool import Connection
from app.store.crm import failures
from app.store.crm.failures import Failure

SELECT_EVENT = "SELECT event FROM crm_inbox WHERE workspace_id = $1 AND id = $2::uuid"
"""What a row of the inbox holds."""

SELECT_WAITING = """
SELECT DISTINCT ON (inbox.record_id) inbox.id::text AS id, inbox.record_id, inbox.event
  FROM unnest($3::text[]) AS wanted (record_id)
 CROSS JOIN LATERAL (
   SELECT id, record_id, event FROM crm_inbox
    WHERE workspace_id = $1 AND record_id = wanted.record_id AND object = 'form'
      AND system = 'form:' || $2 AND kind = 'fetch' AND coalesce(state, '') = 'failed'
      AND event IS NOT NULL) AS inbox
 ORDER BY inbox.record_id, inbox.id
"""
"""What waits for the leads of some records."""

COMPLETE = """
UPDATE crm_inbox SET event = $3, state = 'pending', code = NULL, ended_at = NULL, next_at = clock_timestamp()
 WHERE workspace_id = $1 AND id = $2::uuid AND state = 'failed'
"""
"""Process a row of the inbox with what it holds now."""


async def find(
    connection: Connection, workspace_id: int, id_: str
) -> tuple[Failure, bytes | None, bytes | None] | None:
    """Return a failure, the body of its delivery and what was made of it, as far as they are kept."""
    found = await failures.find_failure(connection, workspace_id, id_, of_forms=True)
    if found is None:
        return None
    return (*found, await connection.fetchval(SELECT_EVENT, workspace_id, id_))


async def list_waiting(
    connection: Connection, workspace_id: int, endpoint_id: str, records: Sequence[str]
) -> dict[str, tuple[str, bytes]]:
    """Return the failures that wait for the leads of these records, with what was made of them."""
    rows = await connection.fetch(SELECT_WAITING, workspace_id, endpoint_id, list(records))
    return {row["record_id"]: (row["id"], row["event"]) for row in rows}


async def complete(connection: Connection, workspace_id: int, id_: str, event: bytes) -> None:
    """Process a failure with what was made of it now."""
    await connection.execute(COMPLETE, workspace_id, id_, event)
