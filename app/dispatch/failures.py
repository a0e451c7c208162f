"""When a pass fails: whose fault it is, what the log may say of it, and where a guilty lead is kept."""

import json
import traceback
from dataclasses import replace
from pathlib import PurePath
from typing import Any

import asyncpg
import structlog

from app.dispatch.jobs.base import Assign, Job
from app.errors import Problem, StoreAway
from app.ids import uuid7
from app.store.connection.pool import Limits, Pool, is_away, transaction
from app.store.path import failed_leads
from app.store.path.snapshot import from_the_start, write_pass

BUSY = (
    asyncpg.LockNotAvailableError,
    asyncpg.QueryCanceledError,
    asyncpg.TransactionRollbackError,
)
"""Somebody else is in the way: nothing is wrong with any job, and it may come again later."""
UNABLE = (
    asyncpg.InsufficientResourcesError,
    asyncpg.OperatorInterventionError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.PostgresSystemError,
)
"""The database answers, but cannot do its work: full, shutting down, a standby."""
FRAMES_LOGGED = 12
log = structlog.get_logger()


def is_unable(error: BaseException) -> bool:
    """Whether the database, and no job, is at fault."""
    return is_away(error) or isinstance(error, UNABLE)


def told_of(error: BaseException) -> dict[str, Any]:
    """Which error, and where. Its message is left out, for it could hold what was sent."""
    frames = traceback.extract_tb(error.__traceback__)[-FRAMES_LOGGED:]
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
        log.error("failed lead not kept", workspace_id=workspace_id, **told_of(error))
        return StoreAway() if is_unable(error) or isinstance(error, BUSY) else Problem()
    return Problem("the lead could not be decided; it is kept for repair", code="failed_intake")


async def _keep(pool: Pool, workspace_id: int, limits: Limits, job: Assign) -> None:
    """Its own pass: the lead as it arrived, and one more received."""
    async with transaction(pool, workspace_id, gate=True, limits=limits) as connection:
        found, remembered = await from_the_start(connection, workspace_id)
        before = remembered.entry
        now = max(found.time, before.at)
        await failed_leads.keep(connection, workspace_id, uuid7(), now, "decision", _request(job))
        await write_pass(
            connection, workspace_id, remembered, replace(before, at=now, received=before.received + 1)
        )


def _request(job: Assign) -> bytes:
    request = {"lead": job.arrival.values, "trigger": job.trigger, "exclude": sorted(job.exclude)}
    # Not orjson: what it cannot write may be the very fault.
    return json.dumps(request, default=str).encode()
