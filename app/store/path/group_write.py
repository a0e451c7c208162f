"""Writing a commit group: one statement for everything new, and few more for what changed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache

import orjson

from app.engine.life.clocks import Clock
from app.engine.life.preferences import Preferences
from app.engine.life.signals import Signals
from app.engine.model.lead_keys import LeadKey
from app.store.connection.pool import Connection
from app.store.crm import findings
from app.store.crm import records as crm_records
from app.store.crm.records import CrmRows
from app.store.directory.records import ChangeRecord, insert_changes
from app.store.leads import bulk_jobs
from app.store.leads.bulk_jobs import BulkResultRow
from app.store.leads.merges import MergeRows, write_merges
from app.store.life.events import AmendedEvent, EventRow, amend_events, insert_events
from app.store.life.outbox import INSERT_ACTIONS, ActionRow, number_actions_of_leads
from app.store.life.preferences import (
    INSERT_CONTACTS,
    ContactRow,
    PreferenceChange,
    copy_contacts,
    delete_old_contacts,
    write_preferences,
)
from app.store.life.sla_clocks import UPSERT_CLOCKS, WITHDRAW_CLOCKS
from app.store.life.suppressions import (
    DELETE_SUPPRESSIONS_OF_ASSIGNMENT,
    RejectSuppression,
    insert_reject_suppressions,
)
from app.store.life.taken_back import lock_in_order, take_back
from app.store.path.arrivals import INSERT_ARRIVALS, ArrivalRow, hashed_rows
from app.store.path.idempotency import UPSERT_IDEMPOTENCY_KEYS, KeyRow
from app.store.path.journal import INSERT_JOURNAL, JournalEntry
from app.store.path.ledger import INSERT_LEDGER_ENTRIES, LedgerRow
from app.store.privacy.erase import EraseRow, erase_leads
from app.store.reports.fact_cursor import INSERT_STALE_FACTS
from app.store.stored_bytes import pack


@dataclass(slots=True)
class LeadRow:
    """A lead that is new, or that changed. `fields_from` is None while its assignment has its fields."""

    id: str
    state: str
    assignment_id: str
    received_at: datetime
    fields_from: str | None = None


@dataclass(slots=True)
class AssignmentRow:
    """One decision. Its response and its inputs are beside it in `PendingRows`."""

    id: str
    decision_number: int
    lead_id: str
    cause: str
    outcome: str
    code: str
    step: str | None
    owner_id: str | None
    team_id: str | None
    queue: str | None
    path: str | None
    block: str | None
    priority: int
    open: bool
    counts_toward_load: bool
    existing_kind: str | None
    existing_assignment_id: str | None
    decided_at: datetime
    plan_version: int
    held_until: datetime | None
    held_for_owner: str | None
    held_for_team: str | None
    attempt: int = 1
    idle_from: datetime | None = None
    queue_since: datetime | None = None
    queue_rank: float | None = None
    queue_number: int | None = None
    origin_owner: str | None = None
    from_assignment_id: str | None = None
    handoff: str | None = None
    ended_at: datetime | None = None
    end_cause: str | None = None


@dataclass(slots=True)
class EndRow:
    """An assignment that is no longer open: why, and since when."""

    cause: str
    at: datetime


@dataclass(slots=True)
class ProgressRow:
    """What became of an open assignment so far. None where nothing happened yet.

    It counts as idle from `idle_from` on, which may lie in the future.
    """

    accepted_at: datetime | None
    touched_at: datetime | None
    active_at: datetime | None
    idle_from: datetime


@dataclass(slots=True)
class RejectRow:
    """Whether an assignment is refunded, and what became of a dispute about its reject."""

    refunded: bool
    dispute: str | None


@dataclass(slots=True)
class PendingRows:
    """Everything that one commit group adds and changes.

    `responses` are what the callers get and `inputs` what was decided from, both by assignment. `moved` are
    leads that change, `ended` assignments that are no longer open, `raised` new priorities and ranks.
    `identities` are the keys that lead to a lead from now on, in order, `lost_keys` those that no longer do,
    `barred` the owners who never get a lead again, and `overtaken` the leads whose earlier actions become
    available now. `rejects` are refunds and disputes by assignment, `suppressions` new entries of suppression
    lists, and `lifted` the assignments whose entries go. `changes` are entries of the change log. `crm` is
    what is known about records of CRMs, `arrivals` what new leads may share with later ones. `closed` are
    the leads of persons who closed something; None says that nothing contacts them any more. `erased` are
    leads to erase, last of all.
    """

    leads: dict[str, LeadRow] = field(default_factory=dict)
    moved: dict[str, LeadRow] = field(default_factory=dict)
    identities: dict[tuple[LeadKey, str], None] = field(default_factory=dict)
    lost_keys: set[tuple[LeadKey, str]] = field(default_factory=set)
    assignments: dict[str, AssignmentRow] = field(default_factory=dict)
    responses: dict[str, bytes] = field(default_factory=dict)
    inputs: dict[str, bytes] = field(default_factory=dict)
    ended: dict[str, EndRow] = field(default_factory=dict)
    raised: dict[str, tuple[int, float]] = field(default_factory=dict)
    progress: dict[str, ProgressRow] = field(default_factory=dict)
    barred: dict[str, list[str]] = field(default_factory=dict)
    rejects: dict[str, RejectRow] = field(default_factory=dict)
    suppressions: list[RejectSuppression] = field(default_factory=list)
    lifted: set[str] = field(default_factory=set)
    signals: dict[str, Signals] = field(default_factory=dict)
    preferences: dict[str, Preferences] = field(default_factory=dict)
    preference_changes: list[PreferenceChange] = field(default_factory=list)
    closed: dict[str, tuple[Preferences | None, datetime]] = field(default_factory=dict)
    contacts: list[ContactRow] = field(default_factory=list)
    passed_contacts: dict[str, tuple[list[str], datetime]] = field(default_factory=dict)
    turns: list[LedgerRow] = field(default_factory=list)
    keys: dict[str, KeyRow] = field(default_factory=dict)
    events: list[EventRow] = field(default_factory=list)
    amended_events: dict[str, AmendedEvent] = field(default_factory=dict)
    clocks: dict[tuple[str, str], Clock] = field(default_factory=dict)
    actions: list[ActionRow] = field(default_factory=list)
    overtaken: set[str] = field(default_factory=set)
    bulk_results: dict[tuple[str, int], BulkResultRow] = field(default_factory=dict)
    erased: dict[str, EraseRow] = field(default_factory=dict)
    finished_jobs: dict[str, datetime] = field(default_factory=dict)
    changes: list[ChangeRecord] = field(default_factory=list)
    crm: CrmRows = field(default_factory=CrmRows)
    merges: MergeRows = field(default_factory=MergeRows)
    arrivals: list[ArrivalRow] = field(default_factory=list)


# Rows travel as JSON, which the driver does not look into; documents, which are long, as bytes.
_INSERT_GROUP = f"""
WITH new_leads AS (
  INSERT INTO leads (workspace_id, id, state, assignment_id, received_at, fields_from)
  SELECT $1, * FROM json_to_recordset($3) AS lead (
    id uuid, state text, assignment_id uuid, received_at timestamptz, fields_from uuid)
), new_identities AS (
  INSERT INTO identities (workspace_id, kind, value, source, lead_id)
  SELECT $1, * FROM json_to_recordset($4) AS identity (kind text, value text, source text, lead_id uuid)
  ON CONFLICT DO NOTHING
), new_assignments AS (
  INSERT INTO assignments (workspace_id, id, decision_number, lead_id, cause, outcome, code, step, owner_id,
    team_id, queue, path, block, priority, open, counts_toward_load, existing_kind, existing_assignment_id,
    decided_at, plan_version, held_until, held_for_owner, held_for_team, attempt, idle_from, queue_since,
    queue_rank, queue_number, origin_owner, from_assignment_id, handoff, ended_at, end_cause, response,
    inputs)
  SELECT $1, assignment.*
    FROM ROWS FROM (
      json_to_recordset($5) AS (
        id uuid, decision_number bigint, lead_id uuid, cause text, outcome text, code text, step text,
        owner_id text, team_id text, queue text, path text, block text, priority integer, open boolean,
        counts_toward_load boolean, existing_kind text, existing_assignment_id uuid, decided_at timestamptz,
        plan_version integer, held_until timestamptz, held_for_owner text, held_for_team text,
        attempt smallint, idle_from timestamptz, queue_since timestamptz, queue_rank double precision,
        queue_number bigint, origin_owner text, from_assignment_id uuid, handoff text, ended_at timestamptz,
        end_cause text),
      unnest($8::bytea[]), unnest($9::bytea[])
    ) AS assignment
), new_ledger_entries AS ({INSERT_LEDGER_ENTRIES.format(rows="$6")}
), new_keys AS ({UPSERT_IDEMPOTENCY_KEYS.format(rows="$7")}
){{more}}{INSERT_JOURNAL}
 WHERE $2 IS NOT NULL
"""
_MORE = {
    "clocks": UPSERT_CLOCKS,
    "actions": INSERT_ACTIONS,
    "arrivals": INSERT_ARRIVALS,
    "contacts": INSERT_CONTACTS,
}
_FIRST_OF_MORE = 10
"""The number of the first parameter that only some groups have."""


@cache
def insert_group(more: tuple[str, ...] = ()) -> str:
    """Return the statement for everything new of a commit group, or of a part of it.

    The last part has the journal entry (`$2`). `more` are the tables that only some groups write: a statement
    prepares for each table it names, even for no rows.
    """
    written = (
        f", new_{name} AS ({_MORE[name].format(rows=f'${number}')}\n)"
        for number, name in enumerate(more, _FIRST_OF_MORE)
    )
    return _INSERT_GROUP.format(more="".join(written))


# One row at a time, sent together: for a list of ids Postgres 15 plans to read through the whole workspace
# while the table is empty, and keeps that plan.
UPDATE_LEAD = """
UPDATE leads SET state = $3, assignment_id = $4, fields_from = $5 WHERE workspace_id = $1 AND id = $2
"""
"""A lead moves to another state or assignment, or has new fields."""

DELETE_IDENTITY = """
DELETE FROM identities WHERE workspace_id = $1 AND kind = $2 AND value = $3 AND lead_id = $4 AND source = $5
"""
"""A key no longer leads to a lead."""

MARK_ASSIGNMENT_ENDED = """
UPDATE assignments SET open = false, end_cause = $3, ended_at = $4
 WHERE workspace_id = $1 AND id = $2 AND end_cause IS NULL
"""
"""An assignment is no longer open."""

UPDATE_PRIORITY = """
UPDATE assignments SET priority = $3, queue_rank = $4 WHERE workspace_id = $1 AND id = $2
"""
"""A queued lead came again with a higher priority."""

UPDATE_PROGRESS = """
UPDATE assignments SET accepted_at = $3, touched_at = $4, active_at = $5, idle_from = $6
 WHERE workspace_id = $1 AND id = $2
"""
"""An owner has worked on a lead."""

UPDATE_REJECT = "UPDATE assignments SET refunded = $3, dispute = $4 WHERE workspace_id = $1 AND id = $2"
"""An assignment was refunded, or its reject disputed."""

UPDATE_BARRED_OWNERS = "UPDATE leads SET barred_owners = $3 WHERE workspace_id = $1 AND id = $2"
"""The owners who never get a lead again."""


UPDATE_SIGNALS = "UPDATE leads SET signals = $3 WHERE workspace_id = $1 AND id = $2"
"""What signals have brought to a lead."""


async def write_group(
    connection: Connection, workspace_id: int, rows: PendingRows, entry: JournalEntry | None
) -> None:
    """Write the rows of a commit group and its journal entry; without an entry, a part of its rows."""
    identities = [
        {"kind": key.kind, "value": key.value, "source": key.source, "lead_id": lead}
        for key, lead in rows.identities
    ]
    if rows.closed:
        changing = {*rows.closed, *rows.overtaken, *rows.merges.lead_ids()}
        await lock_in_order(connection, workspace_id, changing)
    if rows.overtaken:
        await number_actions_of_leads(connection, workspace_id, rows.overtaken)
    arguments = [
        workspace_id,
        orjson.dumps(entry).decode() if entry is not None else None,
        _json(list(rows.leads.values())),
        _json(identities),
        _json(list(rows.assignments.values())),
        _json(rows.turns),
        _json(list(rows.keys.values())),
        [pack(rows.responses[id_]) for id_ in rows.assignments],
        [pack(rows.inputs[id_]) for id_ in rows.assignments],
    ]
    more: dict[str, Sequence[object]] = {}
    if rows.clocks or rows.actions:
        more = {"clocks": list(rows.clocks.values()), "actions": rows.actions}
    if rows.arrivals:
        more["arrivals"] = hashed_rows(workspace_id, rows.arrivals)
    if rows.contacts:
        more["contacts"] = rows.contacts
    await connection.execute(insert_group(tuple(more)), *arguments, *[_json(each) for each in more.values()])
    if rows.moved:
        moved = [
            (workspace_id, id_, row.state, row.assignment_id, row.fields_from)
            for id_, row in rows.moved.items()
        ]
        await connection.executemany(UPDATE_LEAD, moved)
    if rows.lost_keys:
        lost = [(workspace_id, key.kind, key.value, lead, key.source) for key, lead in rows.lost_keys]
        await connection.executemany(DELETE_IDENTITY, lost)
    await _write_changes(connection, workspace_id, rows)
    await _write_records(connection, workspace_id, rows)
    await _take_back(connection, workspace_id, rows)
    if rows.erased:
        await erase_leads(connection, workspace_id, rows.erased)
    if stale := _changed_leads(rows):
        await connection.execute(INSERT_STALE_FACTS, workspace_id, sorted(stale))


def _changed_leads(rows: PendingRows) -> set[str]:
    """The leads that changed without a decision: their facts for reports have to be made again."""
    changed = {*rows.moved, *(row.lead_id for row in rows.events)}
    changed.update(row.lead_id for row in rows.amended_events.values())
    changed.update(clock.lead_id for clock in rows.clocks.values())
    changed.update(change.lead_id for change in rows.preference_changes)
    if changed:
        changed -= {row.lead_id for row in rows.assignments.values()}
    return changed | rows.merges.lead_ids()


async def _write_changes(connection: Connection, workspace_id: int, rows: PendingRows) -> None:
    """Write what changed in assignments that were stored before, and the events that changed it."""
    if rows.ended:
        ended = [(workspace_id, id_, row.cause, row.at) for id_, row in rows.ended.items()]
        await connection.executemany(MARK_ASSIGNMENT_ENDED, ended)
        await connection.executemany(
            WITHDRAW_CLOCKS, [(workspace_id, id_, row.at, row.cause) for id_, row in rows.ended.items()]
        )
    if rows.raised:
        raised = [(workspace_id, id_, *row) for id_, row in rows.raised.items()]
        await connection.executemany(UPDATE_PRIORITY, raised)
    if rows.progress:
        progress = [
            (workspace_id, id_, row.accepted_at, row.touched_at, row.active_at, row.idle_from)
            for id_, row in rows.progress.items()
        ]
        await connection.executemany(UPDATE_PROGRESS, progress)
    if rows.barred:
        await connection.executemany(
            UPDATE_BARRED_OWNERS, [(workspace_id, *row) for row in rows.barred.items()]
        )
    await _write_rejects(connection, workspace_id, rows)
    if rows.signals:
        signals = [(workspace_id, id_, _json(each.to_json())) for id_, each in rows.signals.items()]
        await connection.executemany(UPDATE_SIGNALS, signals)
    await _write_persons(connection, workspace_id, rows)
    await _write_events(connection, workspace_id, rows)
    if rows.changes:
        await insert_changes(connection, workspace_id, rows.changes)
    if rows.bulk_results:
        await bulk_jobs.write_results(connection, workspace_id, rows.bulk_results)
    for job_id, at in rows.finished_jobs.items():
        await bulk_jobs.end_job(connection, workspace_id, job_id, "finished", at)


async def _write_events(connection: Connection, workspace_id: int, rows: PendingRows) -> None:
    """Write events, and what others say from now on."""
    if rows.events:
        await insert_events(connection, workspace_id, rows.events)
    if rows.amended_events:
        await amend_events(connection, workspace_id, list(rows.amended_events.values()))


async def _write_persons(connection: Connection, workspace_id: int, rows: PendingRows) -> None:
    """Write what persons allow, and how they are contacted."""
    if rows.preferences:
        await write_preferences(connection, workspace_id, rows.preferences, rows.preference_changes)
    for to_id, (from_ids, at) in rows.passed_contacts.items():
        await copy_contacts(connection, workspace_id, from_ids, to_id, at)
    # A new lead has no old contacts.
    contacted = {row.lead_id for row in rows.contacts} - rows.leads.keys()
    if contacted:
        await delete_old_contacts(connection, workspace_id, contacted, rows.contacts[0].at)


async def _write_records(connection: Connection, workspace_id: int, rows: PendingRows) -> None:
    """Write which leads are one from now on, and what is known about records of CRMs."""
    if rows.merges:
        await write_merges(connection, workspace_id, rows.merges)
    if rows.crm:
        await crm_records.write_rows(connection, workspace_id, rows.crm)
    if rows.crm.findings:
        await findings.keep_findings(connection, workspace_id, rows.crm.findings)


async def _take_back(connection: Connection, workspace_id: int, rows: PendingRows) -> None:
    """Take back what must not contact persons any more, after everything else is written."""
    if rows.closed:
        closed = {id_: preferences for id_, (preferences, _) in rows.closed.items()}
        await take_back(connection, workspace_id, closed, max(at for _, at in rows.closed.values()))


async def _write_rejects(connection: Connection, workspace_id: int, rows: PendingRows) -> None:
    """Write refunds and disputes, and what suppression lists got and lost."""
    if rows.rejects:
        rejects = [(workspace_id, id_, row.refunded, row.dispute) for id_, row in rows.rejects.items()]
        await connection.executemany(UPDATE_REJECT, rejects)
    if rows.suppressions:
        await insert_reject_suppressions(connection, workspace_id, rows.suppressions)
    if rows.lifted:
        lifted = [(workspace_id, id_) for id_ in rows.lifted]
        await connection.executemany(DELETE_SUPPRESSIONS_OF_ASSIGNMENT, lifted)


def _json(rows: Sequence[object] | Mapping[str, object]) -> str:
    """Return rows as one JSON array, or a mapping as an object."""
    return orjson.dumps(rows).decode()
