"""Encrypting everything again with the newest key, for the role that owns the tables."""

from collections.abc import Callable

from app.store.connection.pool import Connection
from app.store.workspaces import SET_WORKSPACE, list_workspaces

ENCRYPTED = (
    ("webhook_paths", "path"), ("endpoint_secrets", "secret"), ("form_tokens", "token"),
    ("target_secrets", "sealed"), ("enrichment_secrets", "secret"),
)  # fmt: skip
"""Every column with encrypted values."""


async def renew_secrets(connection: Connection, renew: Callable[[bytes], bytes]) -> int:
    """Replace every encrypted value by what `renew` makes of it, workspace by workspace. Return how many.

    Raises what `renew` raises; the workspaces before that one stay renewed.
    """
    renewed = 0
    for workspace in await list_workspaces(connection):
        async with connection.transaction():
            await connection.execute(SET_WORKSPACE, str(workspace.id))
            for table, column in ENCRYPTED:
                rows = await connection.fetch(
                    f"SELECT {column} AS old FROM {table} WHERE workspace_id = $1 FOR UPDATE", workspace.id
                )
                changes = [(workspace.id, row["old"], renew(row["old"])) for row in rows]
                await connection.executemany(
                    f"UPDATE {table} SET {column} = $3 WHERE workspace_id = $1 AND {column} = $2", changes
                )
                renewed += len(changes)
    return renewed
