"""Plans by version. A stored version never changes; the journal says which one is active."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from app.metrics.label_names import LabelNames
from app.store.connection.pool import Connection, Pool, transaction


@dataclass(frozen=True, slots=True)
class Version:
    """A stored version without its text. `activated_at` is when it last became the active one."""

    version: int
    author: str
    comment: str | None
    created_at: datetime
    activated_at: datetime | None


SELECT_PLAN_TEXT = "SELECT document, source_text FROM plans WHERE workspace_id = $1 AND version = $2"
"""The document of a version and the text it was read from."""

SELECT_VERSION = """
SELECT version, author, comment, created_at, activated_at FROM plans
 WHERE workspace_id = $1 AND version = $2
"""
"""One version without its text."""

SELECT_VERSIONS_AFTER = """
SELECT version, author, comment, created_at, activated_at FROM plans
 WHERE workspace_id = $1 AND version > $2
 ORDER BY version LIMIT $3
"""
"""A page of versions, in order."""

SELECT_VERSIONS_BEFORE = """
SELECT version, author, comment, created_at, activated_at FROM plans
 WHERE workspace_id = $1 AND version < $2
 ORDER BY version DESC LIMIT $3
"""
"""A page of versions, the newest first."""

SELECT_NEWEST_VERSION = "SELECT version FROM plans WHERE workspace_id = $1 ORDER BY version DESC LIMIT 1"
"""The number of the newest version."""

INSERT_VERSION = """
INSERT INTO plans (workspace_id, version, document, source_text, author, comment, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7)
"""
"""A new version."""

MARK_ACTIVATED = "UPDATE plans SET activated_at = $3 WHERE workspace_id = $1 AND version = $2"
"""Record when a version became active."""

SELECT_LABEL_NAMES = "SELECT label_names FROM plans WHERE workspace_id = $1 AND version = $2"
"""The names that are labels of metrics in one version."""

SET_LABEL_NAMES = "UPDATE plans SET label_names = $3 WHERE workspace_id = $1 AND version = $2"
"""Choose the names that are labels of metrics in one version."""

# The newest row of the journal tells which version is active.
SELECT_PLAN_METRICS = """
WITH active AS MATERIALIZED (
  SELECT plan_version FROM journal WHERE workspace_id = $1 ORDER BY number DESC LIMIT 1)
SELECT wanted.version, wanted.version = coalesce((SELECT plan_version FROM active), 0) AS active,
       extract(epoch FROM plan.activated_at)::double precision AS published, plan.label_names,
       ARRAY(
         SELECT team.id
           FROM json_array_elements_text(plan.label_names -> 'teams') AS named (name)
          CROSS JOIN LATERAL (
            SELECT id FROM directory
             WHERE workspace_id = $1 AND resource_type = 'teams' AND id = named.name LIMIT 1) AS team
       ) AS teams
  FROM (SELECT plan_version AS version FROM active UNION SELECT unnest($2::integer[])) AS wanted
 CROSS JOIN LATERAL (
   SELECT activated_at, label_names FROM plans
    WHERE workspace_id = $1 AND version = wanted.version LIMIT 1) AS plan
"""
"""What metrics show of the active version and of some others: when they were published, and their names."""


@dataclass(frozen=True, slots=True)
class PlanMetrics:
    """What metrics show of a version: when it became active, in seconds since 1970, and the names for labels.

    `teams` are the teams of these names that exist.
    """

    version: int
    active: bool
    published: float | None
    names: LabelNames
    teams: frozenset[str]


async def read_plan_metrics(
    connection: Connection, workspace_id: int, versions: Collection[int]
) -> list[PlanMetrics]:
    """Return what metrics show of the active version, and of these."""
    rows = await connection.fetch(SELECT_PLAN_METRICS, workspace_id, list(versions))
    return [
        PlanMetrics(
            row["version"],
            row["active"],
            row["published"],
            _names(row["label_names"]),
            frozenset(row["teams"]),
        )
        for row in rows
    ]


async def find_label_names(connection: Connection, workspace_id: int, version: int) -> LabelNames | None:
    """Return the names that are labels of metrics in a version; None before it was published."""
    stored = await connection.fetchval(SELECT_LABEL_NAMES, workspace_id, version)
    return _names(stored) if stored is not None else None


async def set_label_names(connection: Connection, workspace_id: int, version: int, names: LabelNames) -> None:
    """Choose the names that are labels of metrics in a version."""
    await connection.execute(SET_LABEL_NAMES, workspace_id, version, orjson.dumps(names.to_json()).decode())


def _names(stored: str | None) -> LabelNames:
    return LabelNames.from_json(orjson.loads(stored) if stored is not None else None)


async def read_document(pool: Pool, workspace_id: int, version: int) -> dict[str, Any]:
    """Return the document of one version.

    Raises LookupError when there is none.
    """
    async with transaction(pool, workspace_id, read_only=True) as connection:
        found = await find_text(connection, workspace_id, version)
    if found is None:
        raise LookupError(f"no plan version {version}")
    return found[0]


async def find_text(
    connection: Connection, workspace_id: int, version: int
) -> tuple[dict[str, Any], str] | None:
    """Return the document of a version and the text it was read from, or None."""
    row = await connection.fetchrow(SELECT_PLAN_TEXT, workspace_id, version)
    return (orjson.loads(row["document"]), row["source_text"]) if row else None


async def find_version(connection: Connection, workspace_id: int, version: int) -> Version | None:
    """Return one version, or None."""
    row = await connection.fetchrow(SELECT_VERSION, workspace_id, version)
    return Version(**row) if row else None


async def list_versions(connection: Connection, workspace_id: int, after: int, limit: int) -> list[Version]:
    """Return the versions after `after`, in order."""
    rows = await connection.fetch(SELECT_VERSIONS_AFTER, workspace_id, after, limit)
    return [Version(**row) for row in rows]


async def list_newest(connection: Connection, workspace_id: int, before: int, limit: int) -> list[Version]:
    """Return the versions before `before`, the newest first."""
    rows = await connection.fetch(SELECT_VERSIONS_BEFORE, workspace_id, before, limit)
    return [Version(**row) for row in rows]


async def newest_version(pool: Pool, workspace_id: int) -> int:
    """Return the number of the newest version, 0 when there is none."""
    async with transaction(pool, workspace_id, read_only=True) as connection:
        return await _newest(connection, workspace_id)


async def _newest(connection: Connection, workspace_id: int) -> int:
    return await connection.fetchval(SELECT_NEWEST_VERSION, workspace_id) or 0


async def insert_version(
    connection: Connection,
    workspace_id: int,
    document: str,
    source_text: str,
    author: str,
    comment: str | None,
    at: datetime,
) -> Version:
    """Store the next version, the document as JSON. The caller holds the workspace lock."""
    number = await _newest(connection, workspace_id) + 1
    await connection.execute(INSERT_VERSION, workspace_id, number, document, source_text, author, comment, at)
    return Version(number, author, comment, at, None)


async def mark_activated(connection: Connection, workspace_id: int, version: int, at: datetime) -> None:
    """Record that the version became the active one."""
    await connection.execute(MARK_ACTIVATED, workspace_id, version, at)
