"""When a pass fails: whose fault it is, what the log may say of it, and where a guilty lead is kept."""

import json
import traceback
from dataclasses import replace
from pathlib import PurePath
from typing import Any

import asyncpg
import structlog

from app.dispatch.jobs.base import Assign, Job
from app.errors import DatabaseUnavailable, Problem
from app.ids import uuid7
from app.store.connection.pool import Limits, Pool, is_connection_error, transaction
from app.store.path import failed_leads
from app.store.path.snapshot import read_snapshot, write_entry

CONTENTION_ERRORS = (
    asyncpg.LockNotAvailableError,
    asyncpg.QueryCanceledError,
    asyncpg.TransactionRollbackError,
)
"""Somebody else is in the way: nothing is wrong with any job, and it may come again later."""
SERVER_ERRORS = (
    asyncpg.InsufficientResourcesError,
    asyncpg.OperatorInterventionError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.PostgresSystemError,
)
"""The database answers, but cannot do its work: full, shutting down, a standby."""
MAX_FRAMES = 12
log = structlog.get_logger()


def is_database_error(error: BaseException) -> bool:
    """Whether the database, and no job, is at fault."""
    return is_connection_error(error) or isinstance(error, SERVER_ERRORS)


def error_summary(error: BaseException) -> dict[str, Any]:
    """Which error, and where. Its message is left out, for it could hold what was sent."""
    frames = traceback.extract_tb(error.__traceback__)[-MAX_FRAMES:]
    return {
        "error": type(error).__name__,
        "sqlstate": getattr(error, "sqlstate", None),
        "frames": [f"{PurePath(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames],
    }


async def keep_failed(pool: Pool, workspace_id: int, limits: Limits, job: Job) -> Problem:
    """What to tell the caller of the one job that broke its pass. A lead is kept, and counted as failed."""
    if not isinstance(job, Assign):
        return Problem()
    try:
        await _keep(pool, workspace_id, limits, job)
    except Exception as error:
        log.error("failed lead not kept", workspace_id=workspace_id, **error_summary(error))
        return (
            DatabaseUnavailable()
            if is_database_error(error) or isinstance(error, CONTENTION_ERRORS)
            else Problem()
        )
    return Problem("the lead could not be decided; it is kept for repair", code="lead_not_decided")


async def _keep(pool: Pool, workspace_id: int, limits: Limits, job: Assign) -> None:
    """Its own pass: the lead as it arrived, and one more received."""
    async with transaction(pool, workspace_id, gate=True, limits=limits) as connection:
        found, snapshot = await read_snapshot(connection, workspace_id)
        before = snapshot.entry
        now = max(found.time, before.at)
        await failed_leads.keep(connection, workspace_id, uuid7(), now, "decision", _request(job))
        await write_entry(
            connection, workspace_id, snapshot, replace(before, at=now, received=before.received + 1)
        )


def _request(job: Assign) -> bytes:
    request = {"lead": job.arrival.values, "trigger": job.trigger, "exclude": sorted(job.exclude)}
    # Not orjson: what it cannot write may be the very fault.
    return json.dumps(request, default=str).encode()
