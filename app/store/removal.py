"""Taking away a whole workspace. Only the role that owns the tables may."""

from app.store.connection.pool import Connection

TABLES = (
    "events", "ledger_entries", "idempotency", "account_keys", "identities", "assignments", "leads",
    "failed_leads", "journal", "clocks", "changes", "plans", "directory", "workspace_locks",
)  # fmt: skip
"""Every table of a workspace, those that refer to others first."""


async def remove(connection: Connection, workspace_id: int) -> None:
    """Take away a workspace with all it holds and its keys, in one transaction behind its gate."""
    async with connection.transaction():
        # The owner of the tables is bound by row-level security as everyone else.
        await connection.execute(
            "SELECT set_config('lead_assignment.workspace', $1, true)", str(workspace_id)
        )
        await connection.execute(
            "SELECT FROM workspace_locks WHERE workspace_id = $1 FOR UPDATE", workspace_id
        )
        for table in TABLES:
            await connection.execute(f"DELETE FROM {table} WHERE workspace_id = $1", workspace_id)  # noqa: S608
        await connection.execute("DELETE FROM workspaces WHERE id = $1", workspace_id)
