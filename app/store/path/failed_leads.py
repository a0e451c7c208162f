"""Leads that could not be decided, kept as they arrived until the cause is repaired."""

from datetime import datetime

from app.store.connection.pool import Connection

INSERT_FAILED_LEAD = """
INSERT INTO failed_leads (workspace_id, id, at, code, request) VALUES ($1, $2, $3, $4, $5)
"""
"""A lead that could not be decided."""


async def insert_failed_lead(
    connection: Connection, workspace_id: int, id_: str, at: datetime, code: str, request: bytes
) -> None:
    """Keep a lead. `code` says where it failed; `request` is its JSON after intake."""
    await connection.execute(INSERT_FAILED_LEAD, workspace_id, id_, at, code, request)
