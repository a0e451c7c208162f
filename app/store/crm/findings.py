"""What an operator should know about CRMs: each finding once per endpoint and record, with a count."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from app.store.connection.pool import Connection
from app.store.connection.rows import row_in_utc
from app.store.crm.records import FindingRow


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding: since when, when last, and how often."""

    code: str
    endpoint_id: str
    object: str
    record_id: str
    since: datetime
    last_at: datetime
    count: int
    lead_id: str | None


UPSERT_FINDINGS = """
INSERT INTO crm_findings (workspace_id, code, endpoint_id, object, record_id, since, last_at, count, lead_id)
SELECT $1, code, endpoint_id, object, record_id, min(at), max(at), count(*), (array_agg(lead_id))[1]
  FROM json_to_recordset($2) AS finding (
    code text, endpoint_id text, object text, record_id text, at timestamptz, lead_id uuid)
 GROUP BY code, endpoint_id, object, record_id
ON CONFLICT (workspace_id, code, endpoint_id, object, record_id) DO UPDATE
  SET last_at = excluded.last_at, count = crm_findings.count + excluded.count,
      lead_id = coalesce(excluded.lead_id, crm_findings.lead_id)
"""
"""New findings, or one more time of an old one."""

SELECT_FINDINGS = """
SELECT code, endpoint_id, object, record_id, since, last_at, count, lead_id::text AS lead_id
  FROM crm_findings
 WHERE workspace_id = $1 AND (code, endpoint_id, object, record_id) > ($2, $3, $4, $5)
   AND ($6::text IS NULL OR endpoint_id = $6)
 ORDER BY code, endpoint_id, object, record_id LIMIT $7
"""
"""A page of findings, by code, endpoint and record; of one endpoint if one is named."""


async def keep_findings(connection: Connection, workspace_id: int, rows: Sequence[FindingRow]) -> None:
    """Write findings; one that is known is counted."""
    await connection.execute(UPSERT_FINDINGS, workspace_id, orjson.dumps(rows).decode())


async def list_findings(
    connection: Connection,
    workspace_id: int,
    after: tuple[str, str, str, str],
    endpoint_id: str | None,
    limit: int,
) -> list[Finding]:
    """Return the findings after one, in order."""
    rows: list[Any] = await connection.fetch(SELECT_FINDINGS, workspace_id, *after, endpoint_id, limit)
    return [Finding(**row_in_utc(row)) for row in rows]
