"""The providers of the active plan that fail, for metrics and the diagnosis."""

from dataclasses import dataclass
from datetime import datetime

from app.store.connection.pool import Connection
from app.store.connection.rows import row_in_utc


@dataclass(frozen=True, slots=True)
class FailingProvider:
    """A provider that failed last, by its name in the plan. `open` says that it is not called for a while."""

    provider: str
    open: bool
    denied: bool
    code: str
    failures: int
    failed_at: datetime


# The plan is read only while a provider fails.
SELECT_FAILING = """
SELECT provider, open_until IS NOT NULL AS open, denied, code, failures, failed_at
  FROM enrichment_breakers AS breaker
 WHERE workspace_id = $1 AND EXISTS (
   SELECT FROM plans
    CROSS JOIN LATERAL json_array_elements(plans.document #> '{enrichment,providers}') AS entry
    WHERE plans.workspace_id = $1 AND plans.version = $2
      AND breaker.provider = coalesce(entry.value ->> 'name', entry.value ->> 'provider'))
 ORDER BY provider
"""
"""The providers of a version of the plan that failed last."""


async def list_failing(connection: Connection, workspace_id: int, plan_version: int) -> list[FailingProvider]:
    """Return the providers of a version of the plan that failed last."""
    rows = await connection.fetch(SELECT_FAILING, workspace_id, plan_version)
    return [FailingProvider(**row_in_utc(row)) for row in rows]
