"""Failures of forms with what their rows hold."""

from app.store.connection.pool import Connection
from app.store.crm import failures
from app.store.crm.failures import Failure

SELECT_EVENT = "SELECT event FROM crm_inbox WHERE workspace_id = $1 AND id = $2::uuid"
"""What a row of the inbox holds."""

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


async def complete(connection: Connection, workspace_id: int, id_: str, event: bytes) -> None:
    """Process a failure with what was made of it now."""
    await connection.execute(COMPLETE, workspace_id, id_, event)
