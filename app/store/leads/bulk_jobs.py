"""Bulk jobs: leads that are moved one after another, and what became of each.

The leads of a job are fixed when it is made. The result of each is written in the transaction that moves it,
so whatever ends a process, a job says exactly what was done.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

import orjson

from app.store.connection.pool import Connection, Row
from app.store.connection.rows import row_in_utc

LAST = "ffffffff-ffff-ffff-ffff-ffffffffffff"
"""An id after all others."""
JobKind = Literal["reassign", "deactivate", "leave_team", "cover", "return", "reconcile"]
JobState = Literal["running", "finished", "canceled"]


@dataclass(frozen=True, slots=True)
class BulkJob:
    """One job. `params` are what was asked for; they never change."""

    id: str
    kind: JobKind
    state: JobState
    params: Mapping[str, Any]
    total: int
    actor: str
    created_at: datetime
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class BulkItem:
    """One lead of a job, and the assignment that it had when the job was made. `result` None is to come.

    `terms` are what the job does with this lead alone.
    """

    position: int
    lead_id: str
    assignment_id: str
    result: str | None = None
    details: Mapping[str, Any] | None = None
    terms: Mapping[str, Any] | None = None


@dataclass(slots=True)
class BulkResultRow:
    """What became of one lead."""

    result: str
    details: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class OwnerTally:
    """How many leads a job moved from one owner to another, and the first of them."""

    owner: str
    previous_owner: str | None
    leads: int
    lead_id: str
    assignment_id: str


@dataclass(frozen=True, slots=True)
class JobTally:
    """How far a job is: its state, the leads that are left, and how many each owner got from another."""

    state: JobState
    left: int = 0
    owners: Sequence[OwnerTally] = field(default_factory=list)


INSERT_JOB = """
INSERT INTO bulk_jobs (workspace_id, id, kind, state, params, total, actor, created_at)
VALUES ($1, $2, $3, 'running', $4, $5, $6, $7)
"""
"""A new job."""

INSERT_ITEMS = """
INSERT INTO bulk_job_items (workspace_id, job_id, position, lead_id, assignment_id, terms)
SELECT $1, $2, item.position, item.lead_id, item.assignment_id, item.terms
  FROM unnest($3::uuid[], $4::uuid[], $5::json[]) WITH ORDINALITY
         AS item (lead_id, assignment_id, terms, position)
"""
"""The leads of a new job, in order."""

_JOB = "id::text AS id, kind, state, params, total, actor, created_at, ended_at"
_ITEM = "position, lead_id::text AS lead_id, assignment_id::text AS assignment_id, result, details, terms"

SELECT_JOB = f"SELECT {_JOB} FROM bulk_jobs WHERE workspace_id = $1 AND id = $2"
"""One job."""

# Ids of jobs grow with time, so the key has them in order.
SELECT_JOBS_BEFORE = f"""
SELECT {_JOB} FROM bulk_jobs
 WHERE workspace_id = $1 AND id < $2::uuid ORDER BY id DESC LIMIT $3
"""
"""A page of all jobs, the newest first."""

COUNT_LEFT = """
SELECT found.*
  FROM unnest($2::uuid[]) AS wanted (id)
 CROSS JOIN LATERAL (
   SELECT wanted.id::text AS id, count(*) AS items FROM bulk_job_items
    WHERE workspace_id = $1 AND job_id = wanted.id AND result IS NULL
 ) AS found
"""
"""How many leads of jobs are to come."""

SELECT_RUNNING_JOBS = f"""
SELECT {_JOB} FROM bulk_jobs WHERE workspace_id = $1 AND state = 'running' ORDER BY id LIMIT $2
"""
"""The jobs that are not done, the oldest first."""

SELECT_RUNNING_JOBS_OF_OWNER = f"""
SELECT {_JOB} FROM bulk_jobs
 WHERE workspace_id = $1 AND state = 'running' AND kind = $2 AND params ->> 'owner' = $3
"""
"""The jobs of one kind that are not done and take leads from one owner, or back to them."""

SELECT_STATES = """
SELECT found.*
  FROM unnest($2::uuid[]) AS wanted (id)
 CROSS JOIN LATERAL (
   SELECT id::text AS id, state FROM bulk_jobs WHERE workspace_id = $1 AND bulk_jobs.id = wanted.id LIMIT 1
 ) AS found
"""
"""The states of jobs."""

SELECT_REASONS = """
SELECT found.*
  FROM unnest($2::uuid[]) AS wanted (id)
 CROSS JOIN LATERAL (
   SELECT id::text AS id, params ->> 'reason' AS reason FROM bulk_jobs
    WHERE workspace_id = $1 AND bulk_jobs.id = wanted.id LIMIT 1
 ) AS found
"""
"""Why jobs were asked for."""

SELECT_NEXT_ITEMS = f"""
SELECT {_ITEM} FROM bulk_job_items
 WHERE workspace_id = $1 AND job_id = $2 AND result IS NULL ORDER BY position LIMIT $3
"""
"""The next leads of a job."""

SELECT_ITEMS_AFTER = f"""
SELECT {_ITEM} FROM bulk_job_items
 WHERE workspace_id = $1 AND job_id = $2 AND position > $3 ORDER BY position LIMIT $4
"""
"""A page of the leads of a job, with their results."""

SELECT_RESULT_COUNTS = """
SELECT result, count(*) AS items FROM bulk_job_items
 WHERE workspace_id = $1 AND job_id = $2 GROUP BY result
"""
"""How many leads of a job have which result."""

SELECT_TALLIES = """
SELECT details ->> 'owner' AS owner, details ->> 'previous_owner' AS previous_owner, count(*) AS leads,
       (array_agg(lead_id ORDER BY position))[1]::text AS lead_id,
       (array_agg(details ->> 'new_assignment_id' ORDER BY position))[1] AS assignment_id
  FROM bulk_job_items
 WHERE workspace_id = $1 AND job_id = $2 AND result = 'moved'
 GROUP BY 1, 2 ORDER BY 1, 2
"""
"""How many leads a job moved from one owner to another, and the first of them."""

# A result is never replaced: two workers that take the same lead write it once.
UPDATE_RESULT = """
UPDATE bulk_job_items SET result = $4, details = $5
 WHERE workspace_id = $1 AND job_id = $2 AND position = $3 AND result IS NULL
"""
"""What became of one lead of a job."""

CANCEL_JOBS_OF_OWNERS = """
UPDATE bulk_jobs SET state = 'canceled', ended_at = $4
 WHERE workspace_id = $1 AND state = 'running' AND kind = $2 AND params ->> 'owner' = ANY ($3)
"""
"""The jobs of one kind that take leads from these owners are canceled."""

END_JOB = """
UPDATE bulk_jobs SET state = $3, ended_at = $4 WHERE workspace_id = $1 AND id = $2 AND state = 'running'
"""
"""A job is finished, or canceled."""


async def insert_job(
    connection: Connection,
    workspace_id: int,
    job: BulkJob,
    leads: Sequence[tuple[str, str]],
    terms: Sequence[Mapping[str, Any]] | None = None,
) -> None:
    """Store a job with its leads, each with the assignment that it has now, and with its own terms."""
    params = orjson.dumps(job.params).decode()
    await connection.execute(
        INSERT_JOB, workspace_id, job.id, job.kind, params, job.total, job.actor, job.created_at
    )
    lead_ids, assignment_ids = [lead for lead, _ in leads], [assignment for _, assignment in leads]
    own = [None] * len(leads) if terms is None else [orjson.dumps(each).decode() for each in terms]
    await connection.execute(INSERT_ITEMS, workspace_id, job.id, lead_ids, assignment_ids, own)


async def find_job(connection: Connection, workspace_id: int, job_id: str) -> BulkJob | None:
    """Return one job, or None."""
    row = await connection.fetchrow(SELECT_JOB, workspace_id, job_id)
    return _job(row) if row is not None else None


async def list_jobs(
    connection: Connection, workspace_id: int, before: str | None, limit: int
) -> list[BulkJob]:
    """Return the jobs that were made before one, the newest first."""
    return [
        _job(row) for row in await connection.fetch(SELECT_JOBS_BEFORE, workspace_id, before or LAST, limit)
    ]


async def count_left(connection: Connection, workspace_id: int, job_ids: Sequence[str]) -> dict[str, int]:
    """Return how many leads of each job are to come."""
    rows = await connection.fetch(COUNT_LEFT, workspace_id, list(job_ids))
    return {row["id"]: row["items"] for row in rows}


async def list_running(connection: Connection, workspace_id: int, limit: int) -> list[BulkJob]:
    """Return the jobs that are not done, the oldest first."""
    return [_job(row) for row in await connection.fetch(SELECT_RUNNING_JOBS, workspace_id, limit)]


async def list_running_of_owner(
    connection: Connection, workspace_id: int, kind: JobKind, owner: str
) -> list[BulkJob]:
    """Return the jobs of this kind and this owner that are not done."""
    rows = await connection.fetch(SELECT_RUNNING_JOBS_OF_OWNER, workspace_id, kind, owner)
    return [_job(row) for row in rows]


async def find_states(
    connection: Connection, workspace_id: int, job_ids: Sequence[str]
) -> dict[str, JobState]:
    """Return the state of each job."""
    rows = await connection.fetch(SELECT_STATES, workspace_id, list(job_ids))
    return {row["id"]: row["state"] for row in rows}


async def find_reasons(
    connection: Connection, workspace_id: int, job_ids: Sequence[str]
) -> dict[str, str | None]:
    """Return why jobs were asked for, by job."""
    rows = await connection.fetch(SELECT_REASONS, workspace_id, list(job_ids))
    return {row["id"]: row["reason"] for row in rows}


async def find_tally(connection: Connection, workspace_id: int, job_id: str) -> JobTally | None:
    """Return how far a job is, or None when there is none."""
    states = await find_states(connection, workspace_id, [job_id])
    if job_id not in states:
        return None
    left = (await count_results(connection, workspace_id, job_id)).get(None, 0)
    rows = await connection.fetch(SELECT_TALLIES, workspace_id, job_id)
    return JobTally(states[job_id], left, [OwnerTally(**row) for row in rows])


async def next_items(connection: Connection, workspace_id: int, job_id: str, limit: int) -> list[BulkItem]:
    """Return the next leads of a job."""
    rows = await connection.fetch(SELECT_NEXT_ITEMS, workspace_id, job_id, limit)
    return [_item(row) for row in rows]


async def list_items(
    connection: Connection, workspace_id: int, job_id: str, after: int, limit: int
) -> list[BulkItem]:
    """Return the leads of a job after a position, in order, with their results."""
    rows = await connection.fetch(SELECT_ITEMS_AFTER, workspace_id, job_id, after, limit)
    return [_item(row) for row in rows]


async def count_results(connection: Connection, workspace_id: int, job_id: str) -> dict[str | None, int]:
    """Return how many leads of a job have each result; None is for those to come."""
    rows = await connection.fetch(SELECT_RESULT_COUNTS, workspace_id, job_id)
    return {row["result"]: row["items"] for row in rows}


async def write_results(
    connection: Connection, workspace_id: int, results: Mapping[tuple[str, int], BulkResultRow]
) -> None:
    """Write what became of leads of jobs."""
    rows = [
        (workspace_id, job_id, position, row.result, orjson.dumps(row.details).decode())
        for (job_id, position), row in results.items()
    ]
    await connection.executemany(UPDATE_RESULT, rows)


async def end_job(
    connection: Connection, workspace_id: int, job_id: str, state: JobState, at: datetime
) -> None:
    """End a job that is not done yet."""
    await connection.execute(END_JOB, workspace_id, job_id, state, at)


async def cancel_jobs_of_owners(
    connection: Connection, workspace_id: int, kind: JobKind, owners: Sequence[str], at: datetime
) -> None:
    """Cancel what is left of the jobs of this kind that take leads from these owners."""
    await connection.execute(CANCEL_JOBS_OF_OWNERS, workspace_id, kind, list(owners), at)


def _job(row: Row) -> BulkJob:
    return BulkJob(**{**row_in_utc(row), "params": orjson.loads(row["params"])})


def _item(row: Row) -> BulkItem:
    read = {name: orjson.loads(row[name]) if row[name] else None for name in ("details", "terms")}
    return BulkItem(**{**row, **read})
