"""A decision as it is stored, and as the caller sees it."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import orjson

from app.engine.explain.traces import shortened, skipped_steps
from app.engine.followup.actions import MadeAction
from app.engine.life.clocks import Clock, PriorClock
from app.engine.life.queues import queue_rank
from app.engine.model.decision import (
    Decision,
    DecisionRequest,
    LedgerEntry,
    PriorAssignment,
    QueuePlace,
    SlaDeadlines,
)
from app.engine.model.directory import Directory, Owner
from app.ids import uuid7
from app.store.directory.records import ChangeRecord
from app.store.leads.histories import TrackedAssignment
from app.store.life.events import EventRow
from app.store.life.outbox import ActionRow
from app.store.path.group_write import AssignmentRow
from app.store.path.ledger import LedgerRow, StoredLedgerEntry

OPEN = frozenset(("assigned", "queued"))
"""The outcomes that leave an assignment open."""
ANSWERED = frozenset(
    ("assign", "reassign", "claim", "import", "reject", "handoff", "give_back", "signal", "unblocked")
)
"""The kinds of request whose caller gets the actions in the answer."""
ACKNOWLEDGE_WITHIN = timedelta(seconds=60)
"""After this time the actions of an answer are offered to the readers of the outbox."""


def assignment_row(
    request: DecisionRequest,
    decision: Decision,
    lead_id: str,
    decision_number: int,
    decided_at: datetime,
    plan_version: int,
    aging: int = 0,
) -> AssignmentRow:
    """The row of this decision. `aging` is that of its queue."""
    known = decision.existing_lead
    place = _place(request, decision, decided_at, decision_number)
    return AssignmentRow(
        id=request.assignment_id,
        decision_number=decision_number,
        lead_id=lead_id,
        cause=request.kind,
        outcome=decision.outcome,
        code=decision.code,
        step=decision.step,
        owner_id=decision.owner.id if decision.owner else None,
        team_id=decision.team,
        queue=decision.queue,
        path=decision.path,
        block=decision.block,
        priority=decision.priority,
        open=decision.outcome in OPEN and not decision.keeps_assignment,
        counts_toward_load=decision.counts_toward_load,
        existing_kind=known.kind if known else None,
        existing_assignment_id=known.assignment_id if known else None,
        decided_at=decided_at,
        plan_version=plan_version,
        held_until=decision.held_until,
        held_for_owner=decision.held_for_owner,
        held_for_team=decision.held_for_team,
        attempt=request.attempt,
        idle_from=decided_at if decision.owner is not None else None,
        queue_since=place.since if place is not None else None,
        queue_rank=queue_rank(decision.priority, aging, place.since) if place is not None else None,
        queue_number=place.number if place is not None else None,
        origin_owner=decision.origin_owner or request.origin_owner,
        from_assignment_id=request.from_assignment_id,
        handoff=request.handoff,
    )


def _place(
    request: DecisionRequest, decision: Decision, decided_at: datetime, decision_number: int
) -> QueuePlace | None:
    """The place in the queue of the decision: the old one, if the lead waited there before."""
    if decision.queue is None:
        return None
    return request.place_in(decision.queue) or QueuePlace(decision.queue, decided_at, decision_number)


def tracked_from(row: AssignmentRow, decision: Decision, number: int | None = None) -> TrackedAssignment:
    """The new assignment as later jobs of the same group find it; `number` is that of its turn."""
    return TrackedAssignment(
        id=row.id,
        lead_id=row.lead_id,
        decision_number=row.decision_number,
        cause=row.cause,
        outcome=row.outcome,
        code=row.code,
        step=row.step,
        owner_id=row.owner_id,
        team_id=row.team_id,
        queue=row.queue,
        path=row.path,
        block=row.block,
        priority=row.priority,
        open=row.open,
        decided_at=row.decided_at,
        attempt=row.attempt,
        ended_at=None,
        end_cause=None,
        accepted_at=None,
        touched_at=None,
        active_at=None,
        idle_from=row.idle_from,
        queue_since=row.queue_since,
        queue_number=row.queue_number,
        origin_owner=row.origin_owner,
        from_assignment_id=row.from_assignment_id,
        handoff=row.handoff,
        counts_toward_load=row.counts_toward_load,
        clocks={clock.kind: clock for clock in decision.clocks},
        turn=_turn_of(row, decision, number),
    )


def _turn_of(row: AssignmentRow, decision: Decision, number: int | None) -> StoredLedgerEntry | None:
    turn = decision.turn
    if turn is None or number is None:
        return None
    return StoredLedgerEntry(number, turn.cause, turn.chosen, row.id, row.decided_at, turn.changes)


def action_rows(
    request: DecisionRequest, decision: Decision, row: AssignmentRow, directory: Directory
) -> list[ActionRow]:
    """The actions of a decision for the outbox.

    No caller waits for what the service decides on its own: these actions are available at once.
    """
    rows = numbered_actions(row.id, row.lead_id, row.id, decision.actions, row.decided_at)
    called = request.kind in ANSWERED and not request.unattended
    return offered_beside_answer(rows, directory) if called else rows


def offered_beside_answer(rows: Sequence[ActionRow], directory: Directory) -> list[ActionRow]:
    """Those actions of an answer that the outbox offers too.

    They wait until the caller has had time to acknowledge them, if anybody reads the outbox. What is sent to
    targets waits for nobody, unless it comes after one that waits.
    """
    found, waits = [], False
    for row in rows:
        pushed = directory.pushes(row.type)
        if pushed or directory.outbox_reader:
            waits = waits or not pushed
            row.available_at = row.created_at + ACKNOWLEDGE_WITHIN if waits else row.created_at
            found.append(row)
    return found


def numbered_actions(
    source_id: str,
    lead_id: str,
    assignment_id: str,
    actions: Sequence[Mapping[str, Any]],
    created_at: datetime,
) -> list[ActionRow]:
    """Actions for the outbox, available at once."""
    return [
        ActionRow(
            id=action["id"],
            lead_id=lead_id,
            assignment_id=assignment_id,
            type=action["type"],
            body={"params": action["params"], "due_at": action["due_at"]},
            created_at=created_at,
            available_at=created_at,
            contact_names=made.contact_names if isinstance(made, MadeAction) else None,
        )
        for action, made in zip(with_ids(source_id, actions), actions, strict=True)
    ]


def with_ids(source_id: str, actions: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Actions with their ids: that of the decision or event, and their number in it."""
    return [{"id": f"{source_id}.{number}", **action} for number, action in enumerate(actions, 1)]


def ledger_row(entry: LedgerEntry, number: int, assignment_id: str, now: datetime) -> LedgerRow:
    """The ledger row of this decision; `number` is its place in the ledger of the team."""
    return LedgerRow(
        team_id=entry.team,
        number=number,
        cause=entry.cause,
        chosen=entry.chosen,
        assignment_id=assignment_id,
        at=now,
        owners=list(entry.changes),
        amounts=list(entry.changes.values()),
    )


def prior_after(
    row: AssignmentRow, barred: frozenset[str] = frozenset(), clocks: Sequence[Clock] = ()
) -> PriorAssignment:
    """The lead as the next decision finds it. `barred` are the owners who never get it again."""
    return _prior(
        row,
        barred,
        held_until=row.held_until,
        held_for_owner=row.held_for_owner,
        held_for_team=row.held_for_team,
        queue_number=row.queue_number,
        clocks=tuple(
            PriorClock(each.kind, each.sla, each.started_at, each.reminded, each.state) for each in clocks
        ),
    )


def prior_of(tracked: TrackedAssignment, barred: frozenset[str]) -> PriorAssignment:
    """A lead as the next decision finds it, with an open assignment of an owner as its current one."""
    return _prior(tracked, barred, touched_at=tracked.touched_at, active_at=tracked.active_at)


def _prior(of: AssignmentRow | TrackedAssignment, barred: frozenset[str], **own: Any) -> PriorAssignment:
    """What both have. `own` are the fields that only one of them knows."""
    return PriorAssignment(
        lead_id=of.lead_id,
        assignment_id=of.id,
        matched_by="lead_id",
        state=of.outcome,
        owner=of.owner_id,
        team=of.team_id,
        queue=of.queue,
        path=of.path,
        block=of.block,
        priority=of.priority,
        decided_at=of.decided_at,
        step=of.step,
        attempt=of.attempt,
        queue_since=of.queue_since,
        origin_owner=of.origin_owner,
        barred=barred,
        **own,
    )


def closing_event(prior: PriorAssignment, now: datetime, actor: str) -> EventRow:
    """The event of an assignment that is closed without a report."""
    return EventRow(
        id=uuid7(),
        assignment_id=prior.assignment_id,
        lead_id=prior.lead_id,
        type="closed",
        at=now,
        received_at=now,
        actor=actor,
        effect="closed",
    )


def change_of_lead(before: PriorAssignment, after: PriorAssignment, version: int, actor: str) -> ChangeRecord:
    """The entry of the change log for a lead that a caller moved."""
    sides = (_whereabouts(before), _whereabouts(after))
    return ChangeRecord(version, after.decided_at, actor, "leads", after.lead_id, "put", *sides)


def _whereabouts(of: PriorAssignment) -> dict[str, Any]:
    """Where a lead is. Places that do not have it are left out."""
    places = {name: getattr(of, name) for name in ("owner", "team", "queue", "path", "block")}
    named = {name: value for name, value in places.items() if value is not None}
    return {"assignment_id": of.assignment_id, "state": of.state, **named}


def decision_to_json(
    request: DecisionRequest, decision: Decision, row: AssignmentRow, normalized: Mapping[str, Any]
) -> dict[str, Any]:
    """The body of the response; a replay changes `replayed` alone."""
    body = {
        "assignment_id": row.id,
        "lead_id": row.lead_id,
        "decision_number": row.decision_number,
        "decided_at": row.decided_at,
        "outcome": decision.outcome,
        "owner": _owner(decision.owner),
        "team": decision.team,
        "queue": decision.queue,
        "path": decision.path,
        "block": decision.block,
        "priority": decision.priority,
        "over_cap": decision.over_cap,
        "account": decision.account,
        "account_team": {role: _owner(owner) for role, owner in decision.account_team.items()},
        "reason": {"code": decision.code, "text": decision.text},
        "sla": _sla(decision.sla),
        "actions": with_ids(row.id, decision.actions),
        "normalized": normalized,
        "plan_version": row.plan_version,
        "existing_lead": _existing_lead(decision),
        "replayed": False,
        "degraded": [*request.degraded, *skipped_steps(decision.trace)],
        "junk": decision.junk.to_json(),
        "trace": shortened(decision.trace),
    }
    if request.kind in ("reassign", "unblocked") and request.actor is not None:
        body["reassigned"] = {"actor": request.actor, "reason": request.note}
    if request.review or (request.account is not None and request.account.review):
        body["review"] = True
    if request.degraded_codes:
        body["degraded_codes"] = dict(request.degraded_codes)
    if decision.withheld_actions:
        body["withheld_actions"] = decision.withheld_actions
    if decision.held_until is not None:
        body["held_until"] = decision.held_until
    if request.possible_duplicates:
        body["possible_duplicate"] = [each.to_json() for each in request.possible_duplicates]
    return body


def as_replayed(body: bytes) -> bytes:
    """The same response, marked as a replay."""
    return orjson.dumps({**orjson.loads(body), "replayed": True})


def _owner(owner: Owner | None) -> dict[str, Any] | None:
    if owner is None:
        return None
    return {"id": owner.id, "name": owner.name, "email": owner.email, "crm": owner.crm}


def _sla(sla: SlaDeadlines | None) -> dict[str, Any] | None:
    if sla is None:
        return None
    shown = {"name": sla.name, "accept_by": sla.accept_by, "touch_by": sla.touch_by}
    return shown if sla.claim_by is None else {**shown, "claim_by": sla.claim_by}


def _existing_lead(decision: Decision) -> dict[str, str] | None:
    known = decision.existing_lead
    if known is None:
        return None
    return {
        "lead_id": known.lead_id,
        "assignment_id": known.assignment_id,
        "matched_by": known.matched_by,
        "kind": known.kind,
    }
