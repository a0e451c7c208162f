"""When a commit group fails: what is at fault, what the log may say, and how the failed lead is kept."""

import json
import traceback
from dataclasses import replace
from pathlib import PurePath
from typing import Any

import asyncpg
import structlog

from app.dispatch.jobs.base import Job
from app.engine.model.effort import DecisionTooCostly
from app.errors import DatabaseUnavailable, LeadNotDecided, Overloaded, Problem, WorkspaceDeleted
from app.ids import uuid7
from app.store.connection.pool import Limits, Pool, is_connection_error, transaction
from app.store.connection.shares import ShareTaken
from app.store.connection.unusable import UNUSABLE_ERRORS, unusable_code
from app.store.path import failed_leads
from app.store.path.snapshot import read_snapshot, settle_time, write_entry

CONTENTION_ERRORS = (
    asyncpg.LockNotAvailableError,
    asyncpg.QueryCanceledError,
    asyncpg.TransactionRollbackError,
    ShareTaken,
)
"""Other work of the workspace is in the way. Nothing is wrong with the jobs; they may be tried later."""
SERVER_ERRORS: tuple[type[Exception], ...] = (
    asyncpg.InsufficientResourcesError,
    asyncpg.OperatorInterventionError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.PostgresSystemError,
    asyncpg.InvalidCachedStatementError,
    *UNUSABLE_ERRORS,
)
"""The database answers but cannot work: it is full, shutting down, a standby, or of another schema."""
TOO_COSTLY = "The active plan takes more steps for this lead than any lead may take. Simplify the plan."
MAX_FRAMES = 12
log = structlog.get_logger()


def is_database_error(error: BaseException) -> bool:
    """Whether the database, not a job, is at fault."""
    return is_connection_error(error) or isinstance(error, SERVER_ERRORS)


def why_unavailable(error: BaseException) -> Problem:
    """The problem for a request that the database did not serve."""
    if isinstance(error, ShareTaken):
        return Overloaded("Other requests of the workspace hold its connections to the database.")
    return DatabaseUnavailable()


def note_unusable(pool: Pool, error: BaseException) -> bool:
    """Whether the database cannot do the work however often it is asked. If so, the operator is told."""
    code = unusable_code(error)
    if code is None:
        return False
    pool.troubles.note(code, error=type(error).__name__, sqlstate=getattr(error, "sqlstate", None))
    return True


def error_summary(error: BaseException) -> dict[str, Any]:
    """The kind of an error, and where it was raised. Its message may hold personal data and is left out."""
    frames = traceback.extract_tb(error.__traceback__)[-MAX_FRAMES:]
    return {
        "error": type(error).__name__,
        "sqlstate": getattr(error, "sqlstate", None),
        "frames": [f"{PurePath(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames],
    }


def reason_of(error: BaseException) -> str:
    """Why a lead could not be decided."""
    return "too_costly" if isinstance(error, DecisionTooCostly) else "decision"


async def keep_failed(
    pool: Pool, workspace_id: int, limits: Limits, job: Job, error: BaseException
) -> Problem:
    """The problem for a job that failed on its own. A new lead is kept for repair, and counted as failed."""
    lead, reason = job.failed_lead(), reason_of(error)
    detail = TOO_COSTLY if reason == "too_costly" else ""
    if lead is None:
        return Problem(detail)
    try:
        await _keep(pool, workspace_id, limits, lead, reason)
    except WorkspaceDeleted as deleted:
        return deleted
    except Exception as error:
        log.error("failed lead not kept", workspace_id=workspace_id, **error_summary(error))
        unavailable = is_database_error(error) or isinstance(error, CONTENTION_ERRORS)
        return why_unavailable(error) if unavailable else Problem()
    return LeadNotDecided(detail)


async def _keep(pool: Pool, workspace_id: int, limits: Limits, lead: dict[str, Any], reason: str) -> None:
    """In a transaction of its own: store the lead, and count one more received."""
    # Not orjson: the lead may be one that it cannot write.
    request = json.dumps(lead, default=str).encode()
    async with transaction(pool, workspace_id, lock=True, limits=limits) as connection:
        found, snapshot = await read_snapshot(connection, workspace_id)
        before = snapshot.entry
        now = settle_time(found, snapshot)
        await failed_leads.insert_failed_lead(connection, workspace_id, uuid7(), now, reason, request)
        await write_entry(
            connection, workspace_id, snapshot, replace(before, at=now, received=before.received + 1)
        )
