"""The books: what a pass decided, written in one statement, and what ended, in a second if there is any."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from operator import attrgetter
from typing import Any

from app.store.database import Connection


@dataclass(slots=True)
class LeadRow:
    """A lead new in this pass, or one whose state or body changed."""

    id: str
    state: str
    body: str
    assignment_id: str
    received_at: datetime


@dataclass(slots=True)
class AssignmentRow:
    """One decision as it is kept. `answer` is what the caller got, `inputs` what it was decided from."""

    id: str
    sequence: int
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
    answer: bytes
    inputs: bytes


@dataclass(slots=True)
class TurnRow:
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
    """An idempotency key and the decision it stands for."""

    key: str
    body_hash: bytes
    assignment_id: str
    status: int
    at: datetime


@dataclass(slots=True)
class EventRow:
    """Something a caller reported about an assignment."""

    id: str
    assignment_id: str
    type: str
    at: datetime
    actor: str


@dataclass(slots=True)
class Rows:
    """Everything one pass adds and changes."""

    leads: dict[str, LeadRow] = field(default_factory=dict)
    moved: dict[str, LeadRow] = field(default_factory=dict)
    identities: dict[tuple[str, str], str] = field(default_factory=dict)
    assignments: dict[str, AssignmentRow] = field(default_factory=dict)
    ended: set[str] = field(default_factory=set)
    raised: dict[str, int] = field(default_factory=dict)
    turns: list[TurnRow] = field(default_factory=list)
    keys: list[KeyRow] = field(default_factory=list)
    events: list[EventRow] = field(default_factory=list)


WRITE = """
WITH new_leads AS (
  INSERT INTO leads (workspace_id, id, state, body, assignment_id, received_at)
  SELECT $1, * FROM unnest($2::uuid[], $3::text[], $4::text[]::jsonb[], $5::uuid[], $6::timestamptz[])
), new_identities AS (
  INSERT INTO identities (workspace_id, kind, value, lead_id)
  SELECT $1, * FROM unnest($7::text[], $8::text[], $9::uuid[])
  ON CONFLICT (workspace_id, kind, value) DO UPDATE SET lead_id = excluded.lead_id
    WHERE identities.lead_id <> excluded.lead_id
), new_assignments AS (
  INSERT INTO assignments (workspace_id, id, sequence, lead_id, cause, outcome, code, step, owner_id, team_id,
    queue, path, block, priority, open, counted, known_kind, of_assignment, decided_at, plan_version,
    answer, inputs)
  SELECT $1, * FROM unnest($10::uuid[], $11::bigint[], $12::uuid[], $13::text[], $14::text[], $15::text[],
    $16::text[], $17::text[], $18::text[], $19::text[], $20::text[], $21::text[], $22::int[], $23::bool[],
    $24::bool[], $25::text[], $26::uuid[], $27::timestamptz[], $28::int[], $29::bytea[], $30::bytea[])
), new_turns AS (
  INSERT INTO turns (workspace_id, team_id, number, cause, chosen, assignment_id, at, owners, amounts)
  SELECT $1, team_id, number, cause, chosen, assignment_id, at, owners::text[], amounts::bigint[]
    FROM unnest($31::text[], $32::bigint[], $33::text[], $34::text[], $35::uuid[], $36::timestamptz[],
                $37::text[], $38::text[])
      AS turn (team_id, number, cause, chosen, assignment_id, at, owners, amounts)
)
INSERT INTO idempotency (workspace_id, key, body_hash, assignment_id, status, at)
SELECT $1, * FROM unnest($39::text[], $40::bytea[], $41::uuid[], $42::smallint[], $43::timestamptz[])
ON CONFLICT (workspace_id, key) DO UPDATE
  SET body_hash = excluded.body_hash, assignment_id = excluded.assignment_id, status = excluded.status,
      at = excluded.at
"""

MOVE = """
UPDATE leads SET state = moved.state, body = moved.body, assignment_id = moved.assignment_id
  FROM unnest($2::uuid[], $3::text[], $4::text[]::jsonb[], $5::uuid[])
    AS moved (id, state, body, assignment_id)
 WHERE leads.workspace_id = $1 AND leads.id = moved.id
"""

END = "UPDATE assignments SET open = false WHERE workspace_id = $1 AND id = ANY ($2::uuid[]) AND open"

RAISE = """
UPDATE assignments SET priority = raised.priority
  FROM unnest($2::uuid[], $3::int[]) AS raised (id, priority)
 WHERE assignments.workspace_id = $1 AND assignments.id = raised.id
"""

REPORT = """
INSERT INTO events (workspace_id, id, assignment_id, type, at, actor)
SELECT $1, * FROM unnest($2::uuid[], $3::uuid[], $4::text[], $5::timestamptz[], $6::text[])
"""

_LEAD = ("id", "state", "body", "assignment_id", "received_at")
_MOVED = ("id", "state", "body", "assignment_id")
_ASSIGNMENT = tuple(AssignmentRow.__dataclass_fields__)
_TURN = ("team_id", "number", "cause", "chosen", "assignment_id", "at")
_KEY = ("key", "body_hash", "assignment_id", "status", "at")
_EVENT = ("id", "assignment_id", "type", "at", "actor")


async def write(connection: Connection, workspace_id: int, rows: Rows) -> None:
    """Write what a pass decided. One statement for what is new; others only when something ended."""
    identities = rows.identities
    await connection.execute(
        WRITE,
        workspace_id,
        *_columns(_LEAD, rows.leads.values()),
        [kind for kind, _ in identities],
        [value for _, value in identities],
        list(identities.values()),
        *_columns(_ASSIGNMENT, rows.assignments.values()),
        *_columns(_TURN, rows.turns),
        [_text_array(turn.owners) for turn in rows.turns],
        ["{" + ",".join(map(str, turn.amounts)) + "}" for turn in rows.turns],
        *_columns(_KEY, rows.keys),
    )
    if rows.moved:
        await connection.execute(MOVE, workspace_id, *_columns(_MOVED, rows.moved.values()))
    if rows.ended:
        await connection.execute(END, workspace_id, list(rows.ended))
    if rows.raised:
        await connection.execute(RAISE, workspace_id, list(rows.raised), list(rows.raised.values()))
    if rows.events:
        await connection.execute(REPORT, workspace_id, *_columns(_EVENT, rows.events))


def _columns(names: Sequence[str], rows: Iterable[object]) -> list[list[Any]]:
    """Rows turned into one list a column, as unnest takes them."""
    table = [attrgetter(*names)(row) for row in rows]
    return [list(column) for column in zip(*table, strict=True)] if table else [[] for _ in names]


def _text_array(values: Iterable[str]) -> str:
    """A Postgres array literal: arrays of arrays of different length cannot be unnested."""
    quoted = (value.replace("\\", "\\\\").replace('"', '\\"') for value in values)
    return "{" + ",".join(f'"{value}"' for value in quoted) + "}"
