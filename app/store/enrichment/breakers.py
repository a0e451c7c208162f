"""Providers that fail: how often in a row, and until when they are not called.

A provider has a row from its first failure to its next success.
"""

from dataclasses import dataclass
from datetime import datetime

from app.store.connection.pool import Connection
from app.store.connection.rows import row_in_utc


@dataclass(frozen=True, slots=True)
class Breaker:
    """A provider that failed last. It is not called before `open_until`; None while it may be called.

    `denied` says that it did not accept our key.
    """

    provider: str
    failures: int
    code: str
    denied: bool
    failed_at: datetime
    open_until: datetime | None

    def is_open(self, now: datetime) -> bool:
        """Whether it is not called at this time."""
        return self.open_until is not None and now < self.open_until

    def wants_probe(self, now: datetime) -> bool:
        """Whether one call is to find out if it works again."""
        return self.open_until is not None and now >= self.open_until


SELECT_BREAKERS = """
SELECT provider, failures, code, denied, failed_at, open_until FROM enrichment_breakers
 WHERE workspace_id = $1 ORDER BY provider
"""
"""The providers of a workspace that failed last."""

NOTE_FAILURE = """
INSERT INTO enrichment_breakers AS before
  (workspace_id, provider, failures, code, denied, failed_at, open_until)
VALUES ($1, $2, 1, $3, $4, $5, CASE WHEN 1 >= $6::integer THEN $7::timestamptz END)
ON CONFLICT (workspace_id, provider) DO UPDATE
  SET failures = before.failures + 1, code = excluded.code, denied = excluded.denied,
      failed_at = excluded.failed_at, probe_until = NULL,
      open_until = CASE
        WHEN before.open_until IS NOT NULL OR before.failures + 1 >= $6::integer
        THEN greatest(before.open_until, $7::timestamptz) END
"""
"""One more failure. From `$6` in a row on, and after a probe, the provider is not called until `$7`."""

CLAIM_PROBE = """
UPDATE enrichment_breakers SET probe_until = $4
 WHERE workspace_id = $1 AND provider = $2 AND open_until <= $3 AND (probe_until IS NULL OR probe_until <= $3)
RETURNING provider
"""
"""One call may find out whether the provider works again: of all processes, who asks first."""

DELETE_BREAKER = "DELETE FROM enrichment_breakers WHERE workspace_id = $1 AND provider = $2"
"""The provider works."""


async def list_breakers(connection: Connection, workspace_id: int) -> dict[str, Breaker]:
    """Return the providers that failed last, by name."""
    rows = await connection.fetch(SELECT_BREAKERS, workspace_id)
    return {row["provider"]: Breaker(**row_in_utc(row)) for row in rows}


async def note_failure(
    connection: Connection,
    workspace_id: int,
    provider: str,
    code: str,
    now: datetime,
    *,
    limit: int,
    open_until: datetime,
    denied: bool = False,
) -> None:
    """Count a failure. From `limit` in a row on, the provider is not called until `open_until`."""
    await connection.execute(NOTE_FAILURE, workspace_id, provider, code, denied, now, limit, open_until)


async def claim_probe(
    connection: Connection, workspace_id: int, provider: str, now: datetime, until: datetime
) -> bool:
    """Take the one call that is allowed now. If it gives no result, the next is at `until`."""
    return await connection.fetchval(CLAIM_PROBE, workspace_id, provider, now, until) is not None


async def close_breaker(connection: Connection, workspace_id: int, provider: str) -> None:
    """The provider works."""
    await connection.execute(DELETE_BREAKER, workspace_id, provider)
