"""Events that could not be processed: listed, shown, and processed again."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from app.store.connection.pool import Connection
from app.store.connection.rows import row_in_utc

_COLUMNS = """
inbox.id::text AS id, inbox.endpoint_id, inbox.object, inbox.record_id, inbox.kind, inbox.code, inbox.tries,
inbox.received_at, inbox.ended_at
"""

SELECT_FAILURES = f"""
SELECT {_COLUMNS} FROM crm_inbox AS inbox
 WHERE workspace_id = $1 AND state = 'failed' AND id > $2::uuid AND NOT starts_with(system, 'form:')
 ORDER BY inbox.id LIMIT $3
"""
"""A page of failures of CRMs, the oldest first."""

# The state is a parameter, so that the index of all failures is not taken, which has those of CRMs as well.
SELECT_FAILURES_OF_FORMS = f"""
SELECT {_COLUMNS} FROM crm_inbox AS inbox
 WHERE workspace_id = $1 AND state = $4 AND id > $2::uuid AND starts_with(system, 'form:')
   AND state <> 'done'
 ORDER BY inbox.state, inbox.id LIMIT $3
"""
"""A page of failures of forms, the oldest first."""

SELECT_FAILURES_OF_ENDPOINT = f"""
SELECT {_COLUMNS} FROM crm_inbox AS inbox
 WHERE workspace_id = $1 AND state = 'failed' AND endpoint_id = $5 AND id > $2::uuid
   AND starts_with(system, 'form:') = $4
 ORDER BY inbox.id LIMIT $3
"""
"""A page of the failures of one endpoint, the oldest first."""

SELECT_FAILURE = f"""
SELECT {_COLUMNS}, (SELECT body FROM crm_deliveries
                     WHERE workspace_id = $1 AND id = inbox.delivery_id LIMIT 1) AS body
  FROM crm_inbox AS inbox
 WHERE workspace_id = $1 AND id = $2::uuid AND state = 'failed' AND starts_with(system, 'form:') = $3
"""
"""One failure, with the body of its delivery."""

RETRY_FAILURE = """
UPDATE crm_inbox SET state = 'pending', ended_at = NULL, next_at = clock_timestamp()
 WHERE workspace_id = $1 AND state = 'failed' AND id = $2::uuid
"""
"""Process a failure again."""

SELECT_IDS_OF_ENDPOINT = """
SELECT id::text AS id FROM crm_inbox AS inbox
 WHERE workspace_id = $1 AND state = 'failed' AND endpoint_id = $2
 ORDER BY inbox.id LIMIT $3
"""
"""The failures of an endpoint."""

SELECT_DELIVERY = """
SELECT headers, body FROM crm_deliveries WHERE workspace_id = $1 AND id = $2::uuid AND body IS NOT NULL
"""
"""A delivery as it came."""

FIRST = "00000000-0000-0000-0000-000000000000"


@dataclass(frozen=True, slots=True)
class Failure:
    """An event that could not be processed. `object` is empty when the whole delivery could not be read."""

    id: str
    endpoint_id: str
    object: str
    record_id: str
    kind: str
    code: str | None
    tries: int
    received_at: datetime
    ended_at: datetime | None


async def list_failures(
    connection: Connection,
    workspace_id: int,
    endpoint_id: str | None,
    after: str | None,
    limit: int,
    *,
    of_forms: bool = False,
) -> list[Failure]:
    """Return the failures of CRMs or of forms after `after`, of one endpoint if named, the oldest first."""
    if endpoint_id is None:
        page = (workspace_id, after or FIRST, limit)
        rows = (
            await connection.fetch(SELECT_FAILURES_OF_FORMS, *page, "failed")
            if of_forms
            else await connection.fetch(SELECT_FAILURES, *page)
        )
    else:
        rows = await connection.fetch(
            SELECT_FAILURES_OF_ENDPOINT, workspace_id, after or FIRST, limit, of_forms, endpoint_id
        )
    return [Failure(**row_in_utc(row)) for row in rows]


async def find_failure(
    connection: Connection, workspace_id: int, id_: str, *, of_forms: bool = False
) -> tuple[Failure, bytes | None] | None:
    """Return a failure and the body of its delivery, as far as that is still kept; None if there is none."""
    row = await connection.fetchrow(SELECT_FAILURE, workspace_id, id_, of_forms)
    if row is None:
        return None
    fields = row_in_utc(row)
    body = fields.pop("body")
    return Failure(**fields), body


async def retry(connection: Connection, workspace_id: int, ids: Sequence[str]) -> None:
    """Process failures again. What is no failure any more stays as it is."""
    await connection.executemany(RETRY_FAILURE, [(workspace_id, id_) for id_ in ids])


async def list_ids_of_endpoint(
    connection: Connection, workspace_id: int, endpoint_id: str, limit: int
) -> list[str]:
    """Return the ids of the failures of an endpoint, the oldest first."""
    rows = await connection.fetch(SELECT_IDS_OF_ENDPOINT, workspace_id, endpoint_id, limit)
    return [row["id"] for row in rows]


async def find_delivery(
    connection: Connection, workspace_id: int, delivery_id: str
) -> tuple[str, bytes] | None:
    """Return the kept headers and the body of a delivery, or None when the body is gone."""
    row = await connection.fetchrow(SELECT_DELIVERY, workspace_id, delivery_id)
    return (row["headers"], row["body"]) if row else None
