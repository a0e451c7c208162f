"""What may be due in a workspace: one look answers for all the duties of a worker."""

from dataclasses import dataclass

from app.store.clocks import DECIDING_NOW, NOW
from app.store.connection.pool import ACQUIRE_SECONDS, Connection
from app.store.connection.rows import row_in_utc
from app.store.life.worker_runs import WorkerRun
from app.store.reports.fact_cursor import FACTS_BEHIND
from app.store.reports.share_facts import LEDGER_AHEAD

# Each answer is one row of a short index.
SELECT_AGENDA = f"""
SELECT {NOW} AS now,
       EXISTS (SELECT FROM sla_clocks WHERE workspace_id = $1 AND state = 'pending') AS pending,
       EXISTS (SELECT FROM clocks WHERE workspace_id = $1) AS own_clock,
       run.polled_at, run.gap_from, run.resumed_at, run.holidays,
       coalesce((SELECT plan_version FROM journal WHERE workspace_id = $1 ORDER BY number DESC LIMIT 1), 0)
         AS plan_version,
       coalesce((SELECT held_until <= time.now FROM assignments
                  WHERE workspace_id = $1 AND open AND held_until IS NOT NULL
                  ORDER BY held_until LIMIT 1), false) AS held_lead,
       coalesce((SELECT next_at <= time.now FROM sla_clocks
                  WHERE workspace_id = $1 AND state = 'pending'
                  ORDER BY next_at LIMIT 1), false) AS clock,
       EXISTS (SELECT FROM clock_recounts WHERE workspace_id = $1) AS recount,
       EXISTS (
         SELECT FROM sla_clocks
          WHERE workspace_id = $1 AND strike IN ('new', 'counted') AND strike = 'new') AS strike,
       EXISTS (SELECT FROM directory
                WHERE workspace_id = $1 AND resource_type = 'absences' AND body ->> 'open_leads' = 'move')
         OR EXISTS (SELECT FROM assignments
                     WHERE workspace_id = $1 AND open AND origin_owner IS NOT NULL) AS leave,
       EXISTS (SELECT FROM bulk_jobs WHERE workspace_id = $1 AND state = 'running') AS bulk_job,
       coalesce((SELECT available_at <= time.now FROM actions
                  WHERE workspace_id = $1 AND state = 'waiting'
                  ORDER BY available_at LIMIT 1), false) AS waiting_action,
       coalesce((SELECT next_at <= now() FROM crm_inbox
                  WHERE workspace_id = $1 AND state = 'pending'
                  ORDER BY next_at LIMIT 1), false)
         OR coalesce((SELECT wait_until <= time.now FROM crm_inbox
                       WHERE workspace_id = $1 AND state = 'pending' AND wait_until IS NOT NULL
                       ORDER BY wait_until LIMIT 1), false) AS crm_event,
       EXISTS (SELECT FROM target_cursors WHERE workspace_id = $1) AS targets,
       EXISTS (SELECT FROM form_tokens WHERE workspace_id = $1) AS form_tokens,
       EXISTS (SELECT FROM owner_erasures WHERE workspace_id = $1 AND ended_at IS NULL) AS owner_erasure,
       {FACTS_BEHIND} AS facts,
       EXISTS ({LEDGER_AHEAD}) AS shares,
       EXISTS (SELECT FROM account_name_backfills WHERE workspace_id = $1) AS account_names
  FROM (SELECT {DECIDING_NOW} AS now) AS time
  LEFT JOIN worker_runs AS run ON run.workspace_id = $1
"""
"""What may be due, and the last run of a worker."""


@dataclass(frozen=True, slots=True)
class Agenda:
    """What may be due in a workspace. What is not due here has nothing to do.

    workspace_id:   the workspace.
    run:            the last run of a worker.
    holidays:       the version of the holiday data by which clocks were computed, None before any ran.
    plan_version:   the active version of the plan, 0 for none.
    held_lead:      a held lead can be released.
    clock:          the time of a clock has come.
    recount:        clocks are left to be computed again.
    strike:         an owner has a new miss.
    leave:          somebody's leads move while they are on leave, or others cover for somebody.
    bulk_job:       a bulk job is not done.
    waiting_action: the time of an action has come.
    crm_event:      an event of a CRM can be applied.
    targets:        there is a target, or was one, so something may have to be sent.
    form_tokens:    leads may have to be fetched from form tools.
    owner_erasure:  an erased owner is still named in the history.
    facts:          the facts for reports are behind the decisions and events.
    shares:         a ledger has rows that the report about fairness does not know yet.
    account_names:  accounts may be stored without the names by which they are found.
    """

    workspace_id: int
    run: WorkerRun
    holidays: str | None
    plan_version: int
    held_lead: bool
    clock: bool
    recount: bool
    strike: bool
    leave: bool
    bulk_job: bool
    waiting_action: bool
    crm_event: bool
    targets: bool
    form_tokens: bool
    owner_erasure: bool
    facts: bool
    shares: bool
    account_names: bool


_RUN = ("now", "pending", "own_clock", "polled_at", "gap_from", "resumed_at")


async def read_agenda(connection: Connection, workspace_id: int) -> Agenda:
    """Return what may be due in a workspace."""
    row = await connection.fetchrow(SELECT_AGENDA, workspace_id, timeout=ACQUIRE_SECONDS)
    if row is None:
        raise LookupError("a statement over one row returns one row")
    found = row_in_utc(row)
    run = WorkerRun(**{name: found.pop(name) for name in _RUN})
    return Agenda(workspace_id=workspace_id, run=run, **found)
