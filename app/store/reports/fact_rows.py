"""Facts for reports, as they are written: one row for each lead, assignment, promise, event and sale.

A fact holds ids, codes and times, and nothing that the person sent but the names of marketing: source,
campaign, channel, type. So facts outlive erasure and retention, and closed periods do not change.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any, Literal

import orjson

from app.store.connection.pool import Connection

Arrival = Literal["new", "reengaged", "reopened", "imported", "duplicate"]
MoveKind = Literal["first", "kept", "move", "cover", "return", "handoff", "claim"]
Actor = Literal["person", "automated", "system"]
JunkVerdict = Literal["blocked", "review", "flagged"]


@dataclass(slots=True, kw_only=True)
class Cuts:
    """What reports group and filter by. All facts of a lead have the marketing names of its first request.

    - `band`, `step`, `strategy` are those of the decision: of a lead, the first.
    - `owner_id` and `team_id` are those of the assignment, or of the one that was open at the event. Of a
      lead they are the first ones.
    - `account_status` is that of the account, else what the lead said.
    - `form` is the form that was sent, else the endpoint of a form tool.
    - `excluded` says why the lead is in no sample: it is `blocked`, or was `merged` into another one.
    """

    source: str | None = None
    campaign: str | None = None
    channel: str | None = None
    lead_type: str | None = None
    band: str | None = None
    account_status: str | None = None
    trigger: str | None = None
    step: str | None = None
    strategy: str | None = None
    team_id: str | None = None
    owner_id: str | None = None
    form: str | None = None
    plan_version: int = 0
    excluded: Literal["blocked", "merged"] | None = None


_CUT_NAMES = tuple(each.name for each in fields(Cuts))


def cuts_of(fact: Cuts) -> dict[str, Any]:
    """What reports group and filter a fact by, for another fact of the same lead."""
    return {name: getattr(fact, name) for name in _CUT_NAMES}


@dataclass(slots=True, kw_only=True)
class LeadFact(Cuts):
    """One lead.

    - The times are those of the first such event of the lead, or of a lead that was merged into it.
    - `first_touch_at` is the first try or conversation of a person, `tries` counts their tries, and
      `tries_until_reached` those until the first conversation; None without a try or a conversation.
    - `automated_at` is the first automatic answer.
    - `follow_up_at` is when a decision first started a sequence.
    - `moves` are changes of owner, without first owners, claims, covers and handoffs. `ping_pong` says that
      one of them went back to an earlier owner.
    - `changed_at` is when the newest of all this was reported or decided.
    - `junk_parts` spoke for it that its first request was junk, and `junk` is what followed: it was
      `blocked`, put into a `review`, or only `flagged`. `unblocked_at` is when a person routed it after all.
    - Of `spam_at` and `not_spam_at` one is empty: what was reported last counts.
    """

    lead_id: str
    received_at: datetime
    state: str
    imported: bool = False
    merged_into: str | None = None
    last_owner_id: str | None = None
    last_team_id: str | None = None
    score: float | None = None
    first_number: int
    changed_at: datetime
    tags_conflict: bool = False
    arrivals: int = 0
    duplicates: int = 0
    first_touch_at: datetime | None = None
    first_touch_by: str | None = None
    reached_at: datetime | None = None
    reached_by: str | None = None
    tries: int = 0
    tries_until_reached: int | None = None
    automated_at: datetime | None = None
    automated_answers: int = 0
    qualified_at: datetime | None = None
    disqualified_at: datetime | None = None
    disqualified_reason: str | None = None
    meeting_at: datetime | None = None
    opportunity_at: datetime | None = None
    purchase_at: datetime | None = None
    lost_at: datetime | None = None
    closed_at: datetime | None = None
    saved_at: datetime | None = None
    renewed_at: datetime | None = None
    expanded_at: datetime | None = None
    churned_at: datetime | None = None
    unsubscribed_at: datetime | None = None
    complained_at: datetime | None = None
    invalid_contact_at: datetime | None = None
    spam_at: datetime | None = None
    follow_up_at: datetime | None = None
    moves: int = 0
    cover_moves: int = 0
    handoffs: int = 0
    claims: int = 0
    rejects: int = 0
    ping_pong: bool = False
    junk_parts: list[str] = field(default_factory=list)
    junk: JunkVerdict | None = None
    not_spam_at: datetime | None = None
    unblocked_at: datetime | None = None


@dataclass(slots=True, kw_only=True)
class AssignmentFact(Cuts):
    """One decision about a lead.

    An arrival is a request that starts the clocks of a lead: it is `new`, comes again (`reengaged`), is
    `reopened` or `imported`. A `duplicate` changes nothing, and is counted only. Of an arrival, until the
    next one of the same lead:

    - `arrival_owner_id` is the first owner who had the lead.
    - `response_at` is the first touch by any person, and `response_by` the owner who did
      it. Of some only the day is known. `response_early` says that it was before the arrival.
    - `response_work_seconds` is the working time of the first owner from the arrival until then.
    - `response_accepted_at` is the first acceptance; a touch or a claim accepts. `response_reached_at` is the
      first conversation. `accepted_work_seconds` and `reached_work_seconds` are the working time until then.
    - `promised` says whether an SLA promised anything about it.
    - `submitted_at` is when the person sent it, if that was earlier and is known. Its times count from then.

    `touched_at` and `touched_by` are the first touch of this assignment by anybody, `owner_touched_at` the
    first by its owner, `owner_work_seconds` the owner's working time until then. `previous_owner_id` is the
    owner before. `move` is how the owner got the lead (`app.reports.moves`); None without an owner.
    `ping_pong` says that a move went back to an earlier owner. `action_types` are the types of the actions
    that the decision asked for. `junk_parts` spoke for it that the request was junk.
    """

    assignment_id: str
    lead_id: str
    decision_number: int
    decided_at: datetime
    cause: str
    outcome: str
    code: str
    score: float | None = None
    queue: str | None = None
    path: str | None = None
    block: str | None = None
    open: bool = False
    ended_at: datetime | None = None
    end_cause: str | None = None
    attempt: int = 1
    handoff: str | None = None
    counts_toward_load: bool = False
    refunded: bool = False
    dispute: str | None = None
    reject_reason: str | None = None
    action_types: list[str] = field(default_factory=list)
    tags_conflict: bool = False
    arrival: Arrival | None = None
    arrived_at: datetime | None = None
    arrival_owner_id: str | None = None
    response_at: datetime | None = None
    response_by: str | None = None
    response_day_only: bool = False
    response_work_seconds: int | None = None
    response_early: bool = False
    response_accepted_at: datetime | None = None
    response_reached_at: datetime | None = None
    accepted_work_seconds: int | None = None
    reached_work_seconds: int | None = None
    automated_at: datetime | None = None
    previous_owner_id: str | None = None
    move: MoveKind | None = None
    ping_pong: bool = False
    accepted_at: datetime | None = None
    touched_at: datetime | None = None
    touched_by: str | None = None
    touch_day_only: bool = False
    owner_touched_at: datetime | None = None
    owner_work_seconds: int | None = None
    changed_at: datetime
    promised: bool | None = None
    submitted_at: datetime | None = None
    junk_parts: list[str] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class PromiseFact(Cuts):
    """One promise of an SLA: that an owner accepts or touches a lead, or that a queue is served (`claim`).

    At a moment it is met if `met_at` is not after `due_at`; void if `void_at` is not after `due_at`; breached
    if it is due; else open. `met_by` is the owner who did it. The promise to the lead is the `first` of an
    arrival: `lead_met_at` says when somebody kept it, no matter who had the lead then. A breached one is void
    from when nobody could keep it any more.
    """

    assignment_id: str
    kind: str
    lead_id: str
    arrived_at: datetime
    started_at: datetime
    sla: str | None = None
    queue: str | None = None
    due_at: datetime
    met_at: datetime | None = None
    met_by: str | None = None
    void_at: datetime | None = None
    first: bool = False
    lead_met_at: datetime | None = None
    lead_met_by: str | None = None
    lead_void_at: datetime | None = None
    changed_at: datetime


@dataclass(slots=True, kw_only=True)
class EventFact(Cuts):
    """One event that was reported, or what a person withdrew in their preferences, as `unsubscribed` with
    the `via` `preferences`. Orders that were refused are no facts.

    `actor` is a `person`, something `automated`, or the `system` itself. `by_owner_id` is the person, and
    `owner_id` the owner who had the lead at the time. `first` says that it is the first of its type of the
    lead. `told_at` is when it was reported. Events of leads that were merged are those of the lead that
    remains. `closes` are the channels that the person wants nothing through any more, of the `topic` alone if
    there is one.
    """

    event_id: str
    lead_id: str
    assignment_id: str
    type: str
    at: datetime
    day_only: bool = False
    told_at: datetime
    lead_received_at: datetime
    actor: Actor
    by_owner_id: str | None = None
    first_owner_id: str | None = None
    last_owner_id: str | None = None
    via: str | None = None
    reason: str | None = None
    effect: str
    first: bool = False
    amount: str | None = None
    currency: str | None = None
    for_at: datetime | None = None
    closes: list[str] = field(default_factory=list)
    topic: str | None = None


@dataclass(slots=True, kw_only=True)
class SaleFact(Cuts):
    """What one event changed in a deal of a lead, so that sums over events are the present state.

    `won` and `won_deals` are the revenue and the number of deals that it added, negative for a deal that is
    reversed; `pipeline` and `pipeline_deals` those of opportunities. `deal` numbers the deals of a lead.
    """

    event_id: str
    currency: str
    lead_id: str
    deal: int
    type: str
    at: datetime
    told_at: datetime
    lead_received_at: datetime
    first_owner_id: str | None = None
    last_owner_id: str | None = None
    won: str = "0"
    won_deals: int = 0
    pipeline: str = "0"
    pipeline_deals: int = 0


Fact = LeadFact | AssignmentFact | PromiseFact | EventFact | SaleFact
FACT_TABLES: dict[type[Fact], tuple[str, tuple[str, ...]]] = {
    LeadFact: ("lead_facts", ("lead_id",)),
    AssignmentFact: ("assignment_facts", ("assignment_id",)),
    PromiseFact: ("promise_facts", ("assignment_id", "kind")),
    EventFact: ("event_facts", ("event_id",)),
    SaleFact: ("sale_facts", ("event_id", "currency")),
}
"""The table of each kind of fact, and its key after the workspace."""


def _upsert(kind: type[Fact]) -> str:
    table, key = FACT_TABLES[kind]
    names = [each.name for each in fields(kind)]
    others = [name for name in names if name not in key]
    columns = ", ".join(names)
    changes = ", ".join(f"{name} = excluded.{name}" for name in others)
    before = ", ".join(f"fact.{name}" for name in others)
    after = ", ".join(f"excluded.{name}" for name in others)
    return (
        f"INSERT INTO {table} AS fact (workspace_id, {columns})\n"
        f"SELECT $1, {columns} FROM json_populate_recordset(NULL::{table}, $2)\n"
        f"ON CONFLICT (workspace_id, {', '.join(key)}) DO UPDATE SET {changes}\n"
        f" WHERE ({before}) IS DISTINCT FROM ({after})"
    )


UPSERT_FACTS: dict[type[Fact], str] = {kind: _upsert(kind) for kind in FACT_TABLES}
"""Facts that are new or changed, by kind. A row that stays as it was is not written."""

DELETE_SALES = "DELETE FROM sale_facts WHERE workspace_id = $1 AND lead_id = $2"
"""The sales of a lead, before they are written again: deals of merged leads become one."""


SELECT_ERASED = """
SELECT found.lead_id
  FROM unnest($2::uuid[]) AS wanted (id)
 CROSS JOIN LATERAL (
   SELECT lead_id::text AS lead_id FROM lead_facts
    WHERE workspace_id = $1 AND lead_id = wanted.id LIMIT 1) AS found
"""
"""Erased leads that have facts."""

END_ERASED = (
    "UPDATE lead_facts SET state = 'erased' WHERE workspace_id = $1 AND lead_id = $2",
    """UPDATE assignment_facts SET open = false, ended_at = now.ended_at, end_cause = now.end_cause
         FROM assignments AS now
        WHERE assignment_facts.workspace_id = $1 AND assignment_facts.lead_id = $2
          AND now.workspace_id = $1 AND now.id = assignment_facts.assignment_id""",
    """UPDATE promise_facts
          SET void_at = coalesce(void_at, now.ended_at),
              lead_void_at = coalesce(lead_void_at, (
                SELECT max(ended_at) FROM assignments WHERE workspace_id = $1 AND lead_id = $2))
         FROM assignments AS now
        WHERE promise_facts.workspace_id = $1 AND promise_facts.lead_id = $2
          AND now.workspace_id = $1 AND now.id = promise_facts.assignment_id""",
)
"""What the facts of an erased lead still learn: that it has ended. Everything else is gone or renamed."""

OTHER_NAME = "other"
"""Stands in place of a name that could tell who a person is."""
SENT_NAMES = ("source", "campaign", "channel", "lead_type", "account_status", "form")


def _unless_alone(name: str) -> str:
    return f"""CASE WHEN {name} IS NULL OR EXISTS (
           SELECT FROM lead_facts AS other
            WHERE other.workspace_id = $1 AND other.{name} = erased.{name}
              AND other.lead_id <> ALL ($3::uuid[])) THEN {name} ELSE $4 END AS {name}"""


SELECT_SHARED_NAMES = f"""
SELECT {", ".join(map(_unless_alone, SENT_NAMES))}
  FROM lead_facts AS erased WHERE workspace_id = $1 AND lead_id = $2
"""
"""What a lead was sent with and other leads were as well; in place of the rest, `$4`."""

_NUMBERED = [f"${number}" for number, _ in enumerate(SENT_NAMES, 3)]

UPDATE_NAMES = tuple(
    f"UPDATE {table} SET {', '.join(map(' = '.join, zip(SENT_NAMES, _NUMBERED, strict=True)))}"
    f" WHERE workspace_id = $1 AND lead_id = $2"
    f" AND ({', '.join(SENT_NAMES)}) IS DISTINCT FROM ({', '.join(_NUMBERED)})"
    for table, _ in FACT_TABLES.values()
)
"""What a lead was sent with, in all its facts."""


async def end_erased(connection: Connection, workspace_id: int, lead_ids: Sequence[str]) -> set[str]:
    """End erased leads in their facts. Returns those that have facts; the others can only be made now.

    A name that no other lead was sent with could tell who it was, and becomes `other`.
    """
    if not lead_ids:
        return set()
    found = {row["lead_id"] for row in await connection.fetch(SELECT_ERASED, workspace_id, list(lead_ids))}
    for lead_id in sorted(found):
        for statement in END_ERASED:
            await connection.execute(statement, workspace_id, lead_id)
        names = await connection.fetchrow(
            SELECT_SHARED_NAMES, workspace_id, lead_id, list(lead_ids), OTHER_NAME
        )
        if names is not None:
            for statement in UPDATE_NAMES:
                await connection.execute(statement, workspace_id, lead_id, *names.values())
    return found


async def upsert_facts(connection: Connection, workspace_id: int, rows: Sequence[Fact]) -> None:
    """Write facts."""
    for kind, statement in UPSERT_FACTS.items():
        found: list[Any] = [row for row in rows if type(row) is kind]
        if found:
            await connection.execute(statement, workspace_id, orjson.dumps(found).decode())


async def delete_sales(connection: Connection, workspace_id: int, lead_ids: Sequence[str]) -> None:
    """Delete the sales of leads, one by one: a plan for many may read the whole table."""
    await connection.executemany(DELETE_SALES, [(workspace_id, lead_id) for lead_id in lead_ids])
