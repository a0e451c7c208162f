"""Deleting what is older than a workspace keeps it, slice by slice, in the role of erasure and retention."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from app.store.connection.pool import Connection
from app.store.connection.rows import row_in_utc

# Slices are rare and of different sizes, so each is planned by what the tables hold then.
TAKE_ROLE = """
SELECT set_config('role', 'lead_assignment_privacy', true),
       set_config('plan_cache_mode', 'force_custom_plan', true)
"""
"""Take the role of retention until the end of the transaction."""

# Two workers in one workspace: the second one finds the row locked, and has nothing to do.
LOCK_RUN = """
SELECT started_at, after::text AS after, finished_at FROM retention_runs
 WHERE workspace_id = $1 FOR UPDATE SKIP LOCKED
"""
"""How far the deletion of old leads is, for one worker at a time."""

INSERT_RUN = "INSERT INTO retention_runs (workspace_id) VALUES ($1) ON CONFLICT DO NOTHING"
"""The row of a workspace, made once."""

UPDATE_RUN = """
UPDATE retention_runs SET started_at = $2, after = $3, finished_at = $4 WHERE workspace_id = $1
"""
"""How far the deletion is now."""

COUNT_DELETED = """
UPDATE retention_runs
   SET leads = leads + $2, failed_leads = failed_leads + $3, decisions = decisions + $4
 WHERE workspace_id = $1
"""
"""So many more leads and decisions are gone."""

SELECT_RUN = """
SELECT started_at, finished_at, leads, failed_leads, decisions FROM retention_runs WHERE workspace_id = $1
"""
"""The last run, and how much was deleted in all."""

_CASE = """
 CROSS JOIN LATERAL (
   SELECT coalesce(bool_or(open), false) AS open, count(*) AS decisions,
          max(greatest(decided_at, coalesce(ended_at, decided_at))) AS at
     FROM assignments WHERE workspace_id = $1 AND lead_id = page.id) AS case_
 CROSS JOIN LATERAL (
   SELECT count(*) AS events, max(received_at) AS at
     FROM events WHERE workspace_id = $1 AND events.lead_id = page.id) AS told"""
_CASE_COLUMNS = """page.id::text AS id, page.received_at, case_.open, case_.decisions, told.events,
       greatest(page.received_at, case_.at, told.at) AS ended_at,
       EXISTS (SELECT FROM leads WHERE workspace_id = $1 AND leads.id = page.merged_into) AS merged"""

SELECT_PAGE = f"""
SELECT {_CASE_COLUMNS}
  FROM (SELECT id, received_at, merged_into FROM leads
         WHERE workspace_id = $1 AND id > $2 ORDER BY id LIMIT $3) AS page{_CASE}
 ORDER BY page.id
"""
"""A page of leads, each with the end of its case. Ids rise with the time of the lead."""

SELECT_CASES = f"""
SELECT {_CASE_COLUMNS}
  FROM (SELECT id, received_at, merged_into FROM leads WHERE workspace_id = $1 AND id = ANY ($2)
       ) AS page{_CASE}
 ORDER BY page.id
"""
"""The same for some leads."""

_LEADS = "workspace_id = $1 AND lead_id = ANY ($2::uuid[])"
_ASSIGNMENTS = f"SELECT id FROM assignments WHERE {_LEADS}"
DELETE_SOME_EVENTS = f"""
DELETE FROM events WHERE workspace_id = $1 AND ctid = ANY (ARRAY(
  SELECT ctid FROM events WHERE {_LEADS} LIMIT $3))
"""
"""A part of the events of leads that have very many."""

# The row with the highest number stays: readers of the log go on after it.
DELETE_LEADS = (
    f"DELETE FROM events WHERE {_LEADS}",
    f"DELETE FROM sla_clocks WHERE workspace_id = $1 AND assignment_id IN ({_ASSIGNMENTS})",
    f"""UPDATE actions SET body = '{{"params": {{}}, "due_at": null}}', state = 'withdrawn'
         WHERE {_LEADS}""",
    f"""DELETE FROM actions WHERE {_LEADS}
           AND (number IS NULL OR number < (SELECT max(number) FROM actions WHERE workspace_id = $1))""",
    f"DELETE FROM target_messages WHERE {_LEADS}",
    f"DELETE FROM bulk_job_items WHERE {_LEADS}",
    f"DELETE FROM idempotency_keys WHERE {_LEADS}",
    f"""DELETE FROM crm_field_versions WHERE workspace_id = $1 AND (system, object, id) IN (
          SELECT system, object, id FROM crm_records WHERE {_LEADS})""",
    f"DELETE FROM crm_findings WHERE {_LEADS}",
    f"DELETE FROM crm_records WHERE {_LEADS}",
    f"DELETE FROM preference_changes WHERE {_LEADS}",
    f"DELETE FROM lead_merges WHERE {_LEADS}",
    "DELETE FROM lead_merges WHERE workspace_id = $1 AND survivor_id = ANY ($2::uuid[])",
    f"DELETE FROM contacts WHERE {_LEADS}",
    f"DELETE FROM identities WHERE {_LEADS}",
    f"DELETE FROM assignments WHERE {_LEADS}",
    "DELETE FROM leads WHERE workspace_id = $1 AND id = ANY ($2::uuid[])",
)
"""Leads and all that belongs to them. What refers to something comes before it."""

FORGET_EVENT_IDS = """
UPDATE events SET event_id = NULL, body_hash = NULL, response = NULL
 WHERE workspace_id = $1 AND ctid = ANY (ARRAY(
   SELECT ctid FROM events
    WHERE workspace_id = $1 AND (event_id IS NOT NULL OR response IS NOT NULL) AND received_at < $2
    ORDER BY received_at LIMIT $3))
"""
"""Ids by which a repeated event is known, and its answers."""

DELETE_ACTIONS = """
DELETE FROM actions
 WHERE workspace_id = $1 AND ctid = ANY (ARRAY(
   SELECT ctid FROM actions
    WHERE workspace_id = $1 AND ended_at < $2 AND state IN ('acknowledged', 'withdrawn', 'expired')
      AND (number IS NULL OR number < (SELECT max(number) FROM actions WHERE workspace_id = $1))
    ORDER BY ended_at LIMIT $3))
"""
"""Actions that were executed, or never will be."""

DELETE_MESSAGES = """
DELETE FROM target_messages
 WHERE workspace_id = $1 AND ctid = ANY (ARRAY(
   SELECT ctid FROM target_messages
    WHERE workspace_id = $1 AND ended_at < $2 AND state IN ('delivered', 'withdrawn', 'expired')
    ORDER BY ended_at LIMIT $3))
"""
"""Messages that targets have got, or never will."""

DELETE_KEYS = """
DELETE FROM idempotency_keys
 WHERE workspace_id = $1 AND ctid = ANY (ARRAY(
   SELECT ctid FROM idempotency_keys WHERE workspace_id = $1 AND at < $2 ORDER BY at LIMIT $3))
"""
"""Idempotency keys that no longer stand for an answer."""

DELETE_JOB_ITEMS = """
DELETE FROM bulk_job_items
 WHERE workspace_id = $1 AND ctid = ANY (ARRAY(
   SELECT item.ctid
     FROM (SELECT id FROM bulk_jobs WHERE workspace_id = $1 AND ended_at < $2
            ORDER BY ended_at LIMIT $3) AS job
     JOIN bulk_job_items AS item ON item.workspace_id = $1 AND item.job_id = job.id
    LIMIT $3))
"""
"""Results of bulk jobs that ended long ago."""

DELETE_JOBS = """
DELETE FROM bulk_jobs
 WHERE workspace_id = $1 AND ctid = ANY (ARRAY(
   SELECT ctid FROM bulk_jobs WHERE workspace_id = $1 AND ended_at < $2 ORDER BY ended_at LIMIT $3))
   AND NOT EXISTS (SELECT FROM bulk_job_items AS item
                    WHERE item.workspace_id = $1 AND item.job_id = bulk_jobs.id)
"""
"""Bulk jobs without results."""

DELETE_FAILED_LEADS = """
DELETE FROM failed_leads
 WHERE workspace_id = $1 AND ctid = ANY (ARRAY(
   SELECT ctid FROM failed_leads WHERE workspace_id = $1 AND at < $2 ORDER BY id LIMIT $3))
"""
"""Leads that could not be decided."""

DELETE_BARRED = """
DELETE FROM barred_records
 WHERE workspace_id = $1 AND ctid = ANY (ARRAY(
   SELECT ctid FROM barred_records WHERE workspace_id = $1 AND until < $2 LIMIT $3))
"""
"""CRM records of erased persons that may come again."""

FORGET_MERGES = """
UPDATE lead_merges SET taken = NULL, keys = NULL, records = NULL
 WHERE workspace_id = $1 AND ctid = ANY (ARRAY(
   SELECT ctid FROM lead_merges
    WHERE workspace_id = $1 AND taken IS NOT NULL AND at < $2 ORDER BY at LIMIT $3))
"""
"""What undoing a merge needs."""

DELETE_ENRICHMENT_ANSWERS = """
DELETE FROM enrichment_answers
 WHERE workspace_id = $1 AND ctid = ANY (ARRAY(
   SELECT ctid FROM enrichment_answers
    WHERE workspace_id = $1 AND expires_at < $2
      AND (person IS NOT NULL OR expires_at < $2 - interval '7 days')
    ORDER BY expires_at LIMIT $3))
"""
"""Answers that have expired. Those about companies stay a week longer, so that decisions can say so."""

_ENDED_SESSIONS = """
DELETE FROM {0}
 WHERE workspace_id = $1 AND ctid = ANY (ARRAY(
   SELECT ctid FROM {0}
    WHERE workspace_id = $1 AND ends_at < least($2, clock_timestamp()) ORDER BY ends_at LIMIT $3))
"""
DELETE_SESSIONS = _ENDED_SESSIONS.format("console_sessions")
"""Sessions of the console that have ended, by the time of the database."""
DELETE_LINKS = _ENDED_SESSIONS.format("console_links")
"""Sign-in links that no longer work."""

OLD_ROWS = {
    "event_ids": (FORGET_EVENT_IDS,),
    "actions": (DELETE_ACTIONS, DELETE_MESSAGES),
    "job_results": (DELETE_JOB_ITEMS, DELETE_JOBS),
    "idempotency_keys": (DELETE_KEYS,),
    "failed_leads": (DELETE_FAILED_LEADS,),
    "barred_records": (DELETE_BARRED,),
    "merges": (FORGET_MERGES,),
    "enrichment_answers": (DELETE_ENRICHMENT_ANSWERS,),
    "console_sessions": (DELETE_SESSIONS, DELETE_LINKS),
}
"""The statements that delete a slice of what is older than `$2`, at most `$3` rows, by what they delete."""

FIRST = "00000000-0000-0000-0000-000000000000"
"""Before every lead."""


@dataclass(frozen=True, slots=True)
class Run:
    """How far the deletion of old leads is. `finished_at` is the end of the last complete run."""

    started_at: datetime | None
    after: str | None
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class RunSummary:
    """The last run, and how much was deleted since the first one."""

    started_at: datetime | None
    finished_at: datetime | None
    leads: int
    failed_leads: int
    decisions: int


@dataclass(frozen=True, slots=True)
class LeadCase:
    """A lead, when its case ended, and how many rows belong to it. An open case has not ended.

    `merged` says that it is part of another lead that is still there.
    """

    id: str
    received_at: datetime
    open: bool
    decisions: int
    events: int
    ended_at: datetime
    merged: bool


async def take_role(connection: Connection) -> None:
    """Take the role of retention until the end of the transaction."""
    await connection.execute(TAKE_ROLE)


async def lock_run(connection: Connection, workspace_id: int) -> Run | None:
    """Return how far the deletion is, for this worker alone; None while another one is at work."""
    await connection.execute(INSERT_RUN, workspace_id)
    row = await connection.fetchrow(LOCK_RUN, workspace_id)
    return Run(**row_in_utc(row)) if row is not None else None


async def write_run(connection: Connection, workspace_id: int, run: Run) -> None:
    """Note how far the deletion is."""
    await connection.execute(UPDATE_RUN, workspace_id, run.started_at, run.after, run.finished_at)


async def find_run(connection: Connection, workspace_id: int) -> RunSummary | None:
    """Return the last run, or None before the first."""
    row = await connection.fetchrow(SELECT_RUN, workspace_id)
    return RunSummary(**row_in_utc(row)) if row is not None else None


async def read_page(
    connection: Connection, workspace_id: int, after: str | None, limit: int
) -> list[LeadCase]:
    """Return leads in the order of their ids, after one."""
    rows = await connection.fetch(SELECT_PAGE, workspace_id, after or FIRST, limit)
    return [LeadCase(**row_in_utc(row)) for row in rows]


async def read_cases(connection: Connection, workspace_id: int, lead_ids: Sequence[str]) -> list[LeadCase]:
    """Return these leads as they are now."""
    rows = await connection.fetch(SELECT_CASES, workspace_id, list(lead_ids))
    return [LeadCase(**row_in_utc(row)) for row in rows]


async def delete_some_events(connection: Connection, workspace_id: int, lead_id: str, limit: int) -> None:
    """Delete a part of the events of one lead."""
    await connection.execute(DELETE_SOME_EVENTS, workspace_id, [lead_id], limit)


async def delete_leads(connection: Connection, workspace_id: int, cases: Sequence[LeadCase]) -> None:
    """Delete leads and all that belongs to them, under the workspace lock, and count them."""
    ids = [case.id for case in cases]
    for statement in DELETE_LEADS:
        await connection.execute(statement, workspace_id, ids)
    decisions = sum(case.decisions for case in cases)
    await connection.execute(COUNT_DELETED, workspace_id, len(cases), 0, decisions)


async def delete_old_rows(
    connection: Connection, workspace_id: int, what: str, older_than: datetime, limit: int
) -> int:
    """Delete a slice of old rows. Return how many."""
    done = 0
    for statement in OLD_ROWS[what]:
        status = await connection.execute(statement, workspace_id, older_than, limit)
        count = int(status.rsplit(" ", 1)[1])
        done = max(done, count)
        if what == "failed_leads" and count:
            await connection.execute(COUNT_DELETED, workspace_id, 0, count, 0)
    return done
