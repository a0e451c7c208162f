"""Workspaces. Creating and deleting them is for the role that owns the tables."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from app.rates import StoredRate
from app.store.connection.pool import Connection, Pool, look_up_all


@dataclass(frozen=True, slots=True)
class Workspace:
    """One customer of the service. `timezone` is the IANA name of its time zone."""

    id: int
    name: str
    created_at: datetime
    timezone: str


INSERT_WORKSPACE = (
    "INSERT INTO workspaces (name, timezone) VALUES ($1, $2) RETURNING id, name, created_at, timezone"
)
"""A new workspace."""

INSERT_WORKSPACE_LOCK = "INSERT INTO workspace_locks (workspace_id) VALUES ($1)"
"""The row that is locked by every writer of the workspace."""

SET_WORKSPACE = "SELECT set_config('lead_assignment.workspace', $1, true)"
"""Name the workspace of this transaction: row-level security binds the owner of the tables too."""

SELECT_WORKSPACES = "SELECT id, name, created_at, timezone FROM workspaces ORDER BY name"
"""Every workspace, by name."""

SELECT_WORKSPACE_BY_NAME = "SELECT id, name, created_at, timezone FROM workspaces WHERE name = $1"
"""One workspace."""

SELECT_NAMES = "SELECT id, name FROM workspaces ORDER BY name LIMIT $1"
"""The ids and the names of the first workspaces, by name."""

SELECT_IDS = "SELECT id, name FROM workspaces WHERE name = ANY ($1) ORDER BY name"
"""The ids of some workspaces."""

SELECT_LEFT = "SELECT id FROM workspaces WHERE id = ANY ($1)"
"""Those of some workspaces that exist."""

SELECT_NAME = "SELECT name FROM workspaces WHERE id = $1"
"""The name of one workspace."""

SELECT_TIME_ZONE = "SELECT timezone FROM workspaces WHERE id = $1"
"""The time zone of one workspace."""

UPDATE_RATE = "UPDATE workspaces SET rate = $2, burst = $3 WHERE id = $1"
"""Set the rate of one workspace; NULL is the default."""

UPDATE_QUOTA = "UPDATE workspaces SET quota_leads = $2, quota_days = $3 WHERE id = $1"
"""Set the quota of leads of one workspace; NULL is none."""

UPDATE_TIME_ZONE = "UPDATE workspaces SET timezone = $2 WHERE id = $1"
"""Set the time zone of one workspace."""

EXCLUDE_WRITERS = "SELECT pg_advisory_xact_lock($1)"
"""Wait until no writer of the workspace is left; new ones wait for this transaction."""

LOCK_WORKSPACE = "SELECT FROM workspace_locks WHERE workspace_id = $1 FOR UPDATE"
"""The same for processes of an earlier version."""

DELETE_WORKSPACE = "DELETE FROM workspaces WHERE id = $1"
"""The workspace itself; its API keys go with it."""

TABLES = (
    "lead_facts", "assignment_facts", "promise_facts", "event_facts", "sale_facts", "stale_facts",
    "fact_cursors", "share_facts", "share_splits",
    "crm_records", "crm_field_versions", "crm_confirmed_writes", "crm_users", "crm_findings", "crm_watch",
    "endpoint_secrets", "endpoint_hours", "crm_turns", "crm_inbox", "crm_deliveries",
    "form_ids", "form_records", "form_tokens", "test_leads", "arrivals",
    "target_messages", "target_secrets", "target_cursors", "targets",
    "sla_clocks", "actions", "bulk_job_items", "bulk_jobs", "suppressions", "contacts", "preference_changes",
    "lead_merges",
    "clock_recounts", "worker_runs",
    "events", "ledger_entries", "idempotency_keys", "account_keys", "account_names", "account_name_backfills",
    "identities", "assignments", "leads",
    "failed_leads", "count_changes", "journal", "clocks", "changes", "plans", "table_versions",
    "attribute_names", "directory",
    "erasures", "hash_keys", "suppression_keys", "barred_records", "retention_runs", "owner_erasures",
    "enrichment_answers", "enrichment_breakers", "enrichment_keys", "enrichment_secrets",
    "spend", "console_sessions", "console_links", "workspace_locks",
)  # fmt: skip
"""Every table of a workspace. Tables that refer to others come first."""


async def create_workspace(connection: Connection, name: str, timezone: str = "UTC") -> Workspace:
    """Create a workspace and its lock row.

    Raises asyncpg.UniqueViolationError when the name is taken, CheckViolationError when it is empty or
    longer than 63 bytes.
    """
    async with connection.transaction():
        row = await connection.fetchrow(INSERT_WORKSPACE, name, timezone)
        if row is None:
            raise LookupError("INSERT with RETURNING returned no row")
        await connection.execute(SET_WORKSPACE, str(row["id"]))
        await connection.execute(INSERT_WORKSPACE_LOCK, row["id"])
    return Workspace(**row)


async def delete_workspace(connection: Connection, workspace_id: int) -> None:
    """Delete a workspace, everything it holds, and its API keys, in one transaction."""
    async with connection.transaction():
        await connection.execute(SET_WORKSPACE, str(workspace_id))
        await connection.execute(EXCLUDE_WRITERS, workspace_id)
        await connection.execute(LOCK_WORKSPACE, workspace_id)
        for table in TABLES:
            await connection.execute(f"DELETE FROM {table} WHERE workspace_id = $1", workspace_id)
        await connection.execute(DELETE_WORKSPACE, workspace_id)


async def list_workspaces(connection: Pool | Connection) -> list[Workspace]:
    """Return every workspace, by name."""
    return [Workspace(**row) for row in await connection.fetch(SELECT_WORKSPACES)]


async def find_workspace(pool: Pool | Connection, name: str) -> Workspace | None:
    """Return the workspace with this name, or None."""
    row = await pool.fetchrow(SELECT_WORKSPACE_BY_NAME, name)
    return Workspace(**row) if row else None


async def list_names(pool: Pool, seconds: float, limit: int) -> dict[int, str]:
    """Return the names of workspaces by id, of at most so many.

    Raises one of CONNECTION_ERRORS when there is no answer within `seconds`.
    """
    rows = await look_up_all(pool, seconds, SELECT_NAMES, limit)
    return {row["id"]: row["name"] for row in rows}


async def find_ids(pool: Pool, seconds: float, names: Sequence[str]) -> dict[int, str]:
    """Return the workspaces with these names, by id, as far as they exist. Raises the same."""
    rows = await look_up_all(pool, seconds, SELECT_IDS, list(names))
    return {row["id"]: row["name"] for row in rows}


async def find_existing(pool: Pool, seconds: float, ids: Sequence[int]) -> set[int]:
    """Return those of these workspaces that exist. Raises the same."""
    return {row["id"] for row in await look_up_all(pool, seconds, SELECT_LEFT, list(ids))}


async def find_name(connection: Connection, workspace_id: int) -> str:
    """Return the name of a workspace; nothing for one that is being deleted."""
    return str(await connection.fetchval(SELECT_NAME, workspace_id) or "")


async def find_time_zone(connection: Connection, workspace_id: int) -> str:
    """Return the IANA name of the workspace's time zone; UTC for one that is being deleted."""
    return str(await connection.fetchval(SELECT_TIME_ZONE, workspace_id) or "UTC")


async def set_time_zone(connection: Connection, workspace_id: int, timezone: str) -> None:
    """Set the workspace's time zone. Owners keep the one they have."""
    await connection.execute(UPDATE_TIME_ZONE, workspace_id, timezone)


async def set_rate(connection: Connection, workspace_id: int, rate: StoredRate) -> None:
    """Set how often the keys of the workspace may call together."""
    await connection.execute(UPDATE_RATE, workspace_id, *rate)


async def set_quota(connection: Connection, workspace_id: int, leads: int | None, days: int | None) -> None:
    """Set how many leads the workspace may send in so many days; None for no quota."""
    await connection.execute(UPDATE_QUOTA, workspace_id, leads, days)
