"""Test leads of form tools: what they would have become. They are kept for seven days."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.store.clocks import NOW
from app.store.connection.pool import Connection
from app.store.connection.rows import row_in_utc

INSERT_TEST_LEAD = f"""
INSERT INTO test_leads (workspace_id, id, endpoint_id, at, lead, decision) VALUES ($1, $2, $3, {NOW}, $4, $5)
ON CONFLICT (workspace_id, id) DO NOTHING
"""
"""A test lead, and the decision that it would have got."""

SELECT_TEST_LEADS = """
SELECT id::text AS id, endpoint_id, at, lead, decision FROM test_leads
 WHERE workspace_id = $1 AND id > $2::uuid ORDER BY id LIMIT $3
"""
"""A page of test leads, the oldest first."""

DELETE_OLD_TEST_LEADS = f"""
DELETE FROM test_leads WHERE workspace_id = $1 AND ctid = ANY (ARRAY(
  SELECT ctid FROM test_leads WHERE workspace_id = $1 AND at <= {NOW} - $2::interval ORDER BY at LIMIT $3))
RETURNING id
"""
"""Test leads that have been kept for long enough."""

KEPT = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class TestLead:
    """A test lead: its fields and its decision, as JSON."""

    __test__ = False

    id: str
    endpoint_id: str
    at: datetime
    lead: bytes
    decision: bytes


async def insert(
    connection: Connection, workspace_id: int, id_: str, endpoint_id: str, lead: bytes, decision: bytes
) -> None:
    """Keep a test lead."""
    await connection.execute(INSERT_TEST_LEAD, workspace_id, id_, endpoint_id, lead, decision)


async def list_page(connection: Connection, workspace_id: int, after: str, limit: int) -> Sequence[TestLead]:
    """Return the test leads after `after`, the oldest first."""
    rows = await connection.fetch(SELECT_TEST_LEADS, workspace_id, after, limit)
    return [TestLead(**row_in_utc(row)) for row in rows]


async def delete_old(connection: Connection, workspace_id: int, limit: int) -> int:
    """Delete a slice of the test leads that are older than seven days. Return how many."""
    return len(await connection.fetch(DELETE_OLD_TEST_LEADS, workspace_id, KEPT, limit))
