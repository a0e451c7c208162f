"""Leads that could not be decided, kept as they arrived until the cause is repaired."""

from dataclasses import dataclass
from datetime import datetime

from app.store.connection.pool import Connection

INSERT_FAILED_LEAD = """
INSERT INTO failed_leads (workspace_id, id, at, code, request) VALUES ($1, $2, $3, $4, $5)
"""
"""A lead that could not be decided."""

SELECT_FAILED_LEADS = """
SELECT id, at, code, request FROM failed_leads WHERE workspace_id = $1 ORDER BY at DESC, id DESC LIMIT $2
"""
"""The leads that could not be decided, the newest first."""


@dataclass(frozen=True, slots=True)
class FailedLead:
    """A lead that could not be decided. `code` says why; `request` is its JSON after intake."""

    id: str
    at: datetime
    code: str
    request: bytes


async def list_failed_leads(connection: Connection, workspace_id: int, limit: int) -> list[FailedLead]:
    """The leads of a workspace that could not be decided, the newest first."""
    rows = await connection.fetch(SELECT_FAILED_LEADS, workspace_id, limit)
    return [FailedLead(str(row["id"]), row["at"], row["code"], row["request"]) for row in rows]


async def insert_failed_lead(
    connection: Connection, workspace_id: int, id_: str, at: datetime, code: str, request: bytes
) -> None:
    """Keep a lead. `code` says where it failed; `request` is its JSON after intake."""
    await connection.execute(INSERT_FAILED_LEAD, workspace_id, id_, at, code, request)
