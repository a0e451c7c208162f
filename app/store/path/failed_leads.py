"""Leads that no pass could decide: kept as they arrived, until somebody repairs the cause."""

from datetime import datetime

from app.store.connection.pool import Connection

KEEP = "INSERT INTO failed_leads (workspace_id, id, at, code, request) VALUES ($1, $2, $3, $4, $5)"


async def keep(
    connection: Connection, workspace_id: int, id_: str, at: datetime, code: str, request: bytes
) -> None:
    """Keep one; `code` says where it failed, `request` is the JSON it came as, after intake."""
    await connection.execute(KEEP, workspace_id, id_, at, code, request)
