"""The books: what a pass decided, written in one statement, and what ended, in a second if there is any."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import orjson

from app.store.connection.pool import Connection
from app.store.path.journal import JournalEntry


@dataclass(slots=True)
class LeadRow:
    """A lead new in this pass, or one whose state changed."""

    id: str
    state: str
    assignment_id: str
    received_at: datetime


@dataclass(slots=True)
class AssignmentRow:
    """One decision as it is kept; its answer and its inputs stand beside it in `Rows`."""

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
    counted: bool
    known_kind: str | None
    of_assignment: str | None
    decided_at: datetime
    plan_version: int
    held_until: datetime | None
    held_owner: str | None
    held_team: str | None


@dataclass(slots=True)
class LedgerRow:
    """One row of a team's ledger."""

    team_id: str
    number: int
    cause: str
    chosen: str | None
    assignment_id: str | None
    at: datetime
    owners: list[str]
    amounts: list[int]


@dataclass(slots=True)
class KeyRow:
    """An idempotency key and what it stands for: a decision, or else the answer that was given."""

    key: str
    body_hash: str
    assignment_id: str | None
    status: int
    at: datetime
    answer: str | None = None


@dataclass(slots=True)
class EventRow:
    """Something a caller reported about an assignment."""

    id: str
    assignment_id: str
    type: str
    at: datetime
    actor: str


@dataclass(slots=True)
class PendingRows:
    """Everything one pass adds and changes.

    `answers` hold what the callers get, `inputs` what was decided from, both by assignment.
    """

    leads: dict[str, LeadRow] = field(default_factory=dict)
    moved: dict[str, LeadRow] = field(default_factory=dict)
    identities: dict[tuple[str, str], str] = field(default_factory=dict)
    assignments: dict[str, AssignmentRow] = field(default_factory=dict)
    answers: dict[str, bytes] = field(default_factory=dict)
    inputs: dict[str, bytes] = field(default_factory=dict)
    ended: set[str] = field(default_factory=set)
    raised: dict[str, int] = field(default_factory=dict)
    turns: list[LedgerRow] = field(default_factory=list)
    keys: dict[str, KeyRow] = field(default_factory=dict)
    events: list[EventRow] = field(default_factory=list)


WRITE = """
WITH new_leads AS (
  INSERT INTO leads (workspace_id, id, state, assignment_id, received_at)
  SELECT $1, * FROM json_to_recordset($2) AS lead (
    id uuid, state text, assignment_id uuid, received_at timestamptz)
), new_identities AS (
  INSERT INTO identities (workspace_id, kind, value, lead_id)
  SELECT $1, * FROM json_to_recordset($3) AS identity (kind text, value text, lead_id uuid)
  ON CONFLICT (workspace_id, kind, value) DO UPDATE SET lead_id = excluded.lead_id
    WHERE identities.lead_id <> excluded.lead_id
), new_assignments AS (
  INSERT INTO assignments (workspace_id, id, decision_number, lead_id, cause, outcome, code, step,
    owner_id, team_id,
    queue, path, block, priority, open, counted, known_kind, of_assignment, decided_at, plan_version,
    held_until, held_owner, held_team, answer, inputs)
  SELECT $1, assignment.*
    FROM ROWS FROM (
      json_to_recordset($4) AS (
        id uuid, decision_number bigint, lead_id uuid, cause text, outcome text, code text, step text,
          owner_id text,
        team_id text, queue text, path text, block text, priority integer, open boolean, counted boolean,
        known_kind text, of_assignment uuid, decided_at timestamptz, plan_version integer,
        held_until timestamptz, held_owner text, held_team text),
      unnest($8::bytea[]), unnest($9::bytea[])
    ) AS assignment
), new_turns AS (
  INSERT INTO ledger_entries (workspace_id, team_id, number, cause, chosen, assignment_id, at, owners,
    amounts)
  SELECT $1, * FROM json_to_recordset($5) AS turn (
    team_id text, number bigint, cause text, chosen text, assignment_id uuid, at timestamptz,
    owners text[], amounts bigint[])
), new_keys AS (
  INSERT INTO idempotency (workspace_id, key, body_hash, assignment_id, status, at, answer)
  SELECT $1, key, decode(body_hash, 'hex'), assignment_id, status, at, convert_to(answer, 'UTF8')
    FROM json_to_recordset($6) AS key (
      key text, body_hash text, assignment_id uuid, status smallint, at timestamptz, answer text)
  ON CONFLICT (workspace_id, key) DO UPDATE
    SET body_hash = excluded.body_hash, assignment_id = excluded.assignment_id, status = excluded.status,
        at = excluded.at, answer = excluded.answer
)
INSERT INTO journal (workspace_id, number, token, at, decision_number, received, matched, directory_version,
  plan_version, changed, whole)
SELECT $1, * FROM json_to_recordset($7) AS pass (
  number bigint, token uuid, at timestamptz, decision_number bigint, received bigint, matched bigint,
  directory_version bigint, plan_version integer, changed json, whole json)
"""
"""Rows travel as JSON, of which the driver looks at none; answers and inputs, which are long, as bytes."""

# One row at a time, sent together: for a list of ids Postgres 15 plans to read the whole workspace through
# while the table is empty, and keeps to that.
MOVE = "UPDATE leads SET state = $3, assignment_id = $4 WHERE workspace_id = $1 AND id = $2"
END = "UPDATE assignments SET open = false WHERE workspace_id = $1 AND id = $2 AND open"
RAISE = "UPDATE assignments SET priority = $3 WHERE workspace_id = $1 AND id = $2"

REPORT = """
INSERT INTO events (workspace_id, id, assignment_id, type, at, actor)
SELECT $1, * FROM json_to_recordset($2) AS event (
  id uuid, assignment_id uuid, type text, at timestamptz, actor text)
"""


async def write(connection: Connection, workspace_id: int, rows: PendingRows, entry: JournalEntry) -> None:
    """Write what a pass decided, and its row of the journal: one statement for all that is new."""
    identities = [
        {"kind": kind, "value": value, "lead_id": lead} for (kind, value), lead in rows.identities.items()
    ]
    await connection.execute(
        WRITE,
        workspace_id,
        _json(list(rows.leads.values())),
        _json(identities),
        _json(list(rows.assignments.values())),
        _json(rows.turns),
        _json(list(rows.keys.values())),
        _json([entry]),
        [rows.answers[id_] for id_ in rows.assignments],
        [rows.inputs[id_] for id_ in rows.assignments],
    )
    if rows.moved:
        moved = [(workspace_id, id_, row.state, row.assignment_id) for id_, row in rows.moved.items()]
        await connection.executemany(MOVE, moved)
    if rows.ended:
        await connection.executemany(END, [(workspace_id, id_) for id_ in rows.ended])
    if rows.raised:
        raised = [(workspace_id, id_, priority) for id_, priority in rows.raised.items()]
        await connection.executemany(RAISE, raised)
    if rows.events:
        await connection.execute(REPORT, workspace_id, _json(rows.events))


def _json(rows: Sequence[object]) -> str:
    """Rows as one JSON array."""
    return orjson.dumps(rows).decode()
