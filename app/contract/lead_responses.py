"""What is told of leads and assignments afterwards, each field by name."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import Field

from app.contract.responses import (
    Decision,
    DecisionOwner,
    ExistingLead,
    Outcome,
    Reason,
    ResponseModel,
)

State = Literal["open", "closed", "superseded"]


class AssignmentEvent(ResponseModel):
    """Something that was reported about an assignment; `actor` is the id of the key that did."""

    id: UUID
    type: Literal["closed"]
    at: datetime
    actor: str


class Assignment(Decision):
    """The decision as it was answered, and what became of it."""

    state: State
    events: list[AssignmentEvent]


class Duplicate(ResponseModel):
    """A request that was matched and changed nothing: `of` is the assignment it stands for."""

    assignment_id: UUID
    decision_number: int
    of: UUID
    matched_by: str
    kind: Literal["duplicate", "reengaged"]
    decided_at: datetime


class LeadAssignment(ResponseModel):
    """One of a lead's assignments."""

    assignment_id: UUID
    decision_number: int
    cause: Literal["assign", "reassign", "claim", "release", "import"]
    state: State
    outcome: Outcome
    owner: DecisionOwner | None
    team: str | None
    queue: str | None
    path: str | None
    block: str | None
    priority: int
    held_until: datetime | None = Field(None, description="Only of a lead that was held: until when.")
    reason: Reason
    existing_lead: ExistingLead | None
    plan_version: int
    decided_at: datetime


class Lead(ResponseModel):
    """A lead as it stands. `complete` is false when it has more assignments than are shown."""

    id: UUID
    state: Literal["assigned", "queued", "automated", "blocked", "closed", "merged", "erased", "failed"]
    received_at: datetime
    values: dict[str, Any]
    owner: DecisionOwner | None
    assignments: list[LeadAssignment]
    duplicates: list[Duplicate]
    complete: bool


class LeadList(ResponseModel):
    """The leads that were found."""

    items: list[Lead]


class DecisionSummary(ResponseModel):
    """Where a lead went."""

    outcome: Outcome
    code: str
    owner: str | None
    team: str | None
    queue: str | None
    path: str | None
    block: str | None


class DecisionInputs(ResponseModel):
    """What the decision was made from, by version, and the time as it read then."""

    plan: int
    directory: int
    now: datetime
    engine: str


class Explanation(ResponseModel):
    """The decision made again with every rule looked at.

    Each step has its `code`, under `when` the verdict of every comparison, and the candidates under `tried`.
    """

    assignment_id: UUID
    same: bool
    stored: DecisionSummary
    recomputed: DecisionSummary
    reason: Reason
    steps: list[dict[str, Any]]
    steps_total: int
    next: int | None
    inputs: DecisionInputs
