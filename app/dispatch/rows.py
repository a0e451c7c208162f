"""A decision as rows of the books."""

from datetime import datetime

from app.engine.model.decision import Decision, DecisionRequest, LedgerEntry, PriorAssignment
from app.store.path.group_write import AssignmentRow, LedgerRow

OPEN = frozenset(("assigned", "queued"))
"""The outcomes after which a lead still waits for something."""


def assignment_row(
    question: DecisionRequest,
    decision: Decision,
    lead_id: str,
    decision_number: int,
    decided_at: datetime,
    plan_version: int,
) -> AssignmentRow:
    """What was decided about this lead."""
    known = decision.existing_lead
    return AssignmentRow(
        id=question.assignment_id,
        decision_number=decision_number,
        lead_id=lead_id,
        cause=question.kind,
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
        counted=decision.counts_toward_load,
        known_kind=known.kind if known else None,
        of_assignment=known.assignment_id if known else None,
        decided_at=decided_at,
        plan_version=plan_version,
        held_until=decision.held_until,
        held_owner=decision.held_owner,
        held_team=decision.held_team,
    )


def turn_row(turn: LedgerEntry, number: int, assignment_id: str, now: datetime) -> LedgerRow:
    """A turn that a decision took; `number` is its place in the ledger of the team."""
    return LedgerRow(
        team_id=turn.team,
        number=number,
        cause=turn.cause,
        chosen=turn.chosen,
        assignment_id=assignment_id,
        at=now,
        owners=list(turn.changes),
        amounts=list(turn.changes.values()),
    )


def prior_after(row: AssignmentRow) -> PriorAssignment:
    """How the next one who asks finds the lead."""
    return PriorAssignment(
        lead_id=row.lead_id,
        assignment_id=row.id,
        matched_by="lead_id",
        state=row.outcome,
        owner=row.owner_id,
        team=row.team_id,
        queue=row.queue,
        path=row.path,
        block=row.block,
        priority=row.priority,
        decided_at=row.decided_at,
        held_until=row.held_until,
        held_owner=row.held_owner,
        held_team=row.held_team,
    )
