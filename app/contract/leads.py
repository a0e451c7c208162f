"""Leads and their assignments as they are read, and the explanation of a decision."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import Field

from app.contract.events import EventSuppression
from app.contract.responses import (
    AssignmentState,
    Decision,
    DecisionOwner,
    ExistingLead,
    Int64,
    Junk,
    Outcome,
    Reason,
    Reassigned,
    ResponseModel,
    SlaDeadlines,
    WithheldAction,
)

Cause = Literal[
    "assign", "reassign", "claim", "release", "import", "reject", "take_away", "escalate", "handoff",
    "give_back", "lease_ended", "max_wait", "cover", "return", "signal", "crm", "crm_reassign", "unblocked",
    "recheck",
]  # fmt: skip
"""What asked for a decision."""
EndCause = Literal[
    "superseded", "closed", "idle", "rejected", "taken_away", "handed_off", "claimed", "given_back",
    "lease_ended", "max_wait", "released", "covered", "returned", "reassigned", "merged", "erased", "crm",
]  # fmt: skip
"""Why an assignment ended."""


class AssignmentEvent(ResponseModel):
    """An event that was reported for an assignment. `actor` is the id of the API key that was used.

    `at` is when it happened, `received_at` when it was processed. `day_only` says that only the day is known.
    """

    id: UUID
    event_id: str | None
    source: str
    type: str
    at: datetime
    day_only: bool
    received_at: datetime
    actor: str
    effect: str
    by: str | None
    via: str | None
    reason: str | None
    amount: float | None
    currency: str | None
    note: str | None
    ref: str | None
    for_: datetime | None = Field(alias="for")
    until: datetime | None
    withheld_actions: list[WithheldAction] | None = Field(
        None, description="Present only when actions of the event were withheld."
    )


class ClockState(ResponseModel):
    """One deadline of an assignment.

    `first_due_at` is when it was due at its start; `due_at` follows the working time of its owner.
    """

    kind: Literal["accept", "touch", "claim"]
    state: Literal["pending", "met", "missed", "withdrawn"]
    started_at: datetime
    first_due_at: datetime
    due_at: datetime
    ended_at: datetime | None


class AssignmentSla(SlaDeadlines):
    """The SLA of an assignment as it is now. `first_due` is the first deadline it had at its start."""

    first_due: datetime | None
    clocks: list[ClockState]


class AssignmentReject(ResponseModel):
    """Why the owner gave the lead back, what followed, and how a dispute about it was settled.

    `refunded` and `suppression` are those that still hold: an overturned dispute takes both back.
    """

    reason: str
    by: str | None
    at: datetime
    refunded: bool
    code: Literal["refund_limit"] | None
    suppression: EventSuppression | None
    dispute: Literal["open", "upheld", "overturned"] | None


class Assignment(Decision):
    """The decision as it was returned, its SLA and its state as they are now, and its events."""

    sla: AssignmentSla | None
    state: AssignmentState
    reject: AssignmentReject | None
    events: list[AssignmentEvent]


class Duplicate(ResponseModel):
    """A request that matched an existing lead and changed nothing."""

    assignment_id: UUID
    decision_number: Int64
    duplicate_of: UUID
    matched_by: str
    kind: Literal["duplicate", "reengaged"]
    decided_at: datetime


class LeadAssignment(ResponseModel):
    """One of the assignments of a lead.

    `end_cause` says why it ended. `from_assignment_id` and `handoff` are the assignment and the rule of the
    handoff that made it.
    """

    assignment_id: UUID
    decision_number: Int64
    cause: Cause
    state: AssignmentState
    outcome: Outcome
    owner: DecisionOwner | None
    team: str | None
    queue: str | None
    path: str | None
    block: str | None
    priority: int
    held_until: datetime | None = Field(
        None, description="Present only when the lead was held: the start of the shift it waited for."
    )
    reason: Reason
    reassigned: Reassigned | None = Field(
        None, description="Present only when `POST /reassign` or a bulk job moved the lead."
    )
    existing_lead: ExistingLead | None
    plan_version: int
    decided_at: datetime
    end_cause: EndCause | None
    from_assignment_id: UUID | None
    handoff: str | None


class Revenue(ResponseModel):
    """The sum of a lead's won deals in one currency."""

    currency: str | None
    amount: float
    sla: AssignmentSla | None


class MergeOfLead(ResponseModel):
    """A merge that a lead was part of. `actor` is the id of an API key, or of a CRM endpoint."""

    id: UUID
    survivor: UUID
    merged: UUID
    at: datetime
    source: Literal["api", "crm"]
    actor: str
    undone_at: datetime | None


class Lead(ResponseModel):
    """A lead and its assignments. `has_more` is true when it has more assignments than are shown.

    `conversions` is the number of its deals that are won, `revenue` what they bring. A merged lead
    has none: its deals count for the lead that remains.
    `merged_into` is the lead that took its place.
    `first_due` is the first deadline that the lead ever had; it stays when the lead is passed on.
    `junk` is that of the newest decision, if it has one.
    """

    id: UUID
    state: Literal["assigned", "queued", "automated", "blocked", "closed", "merged", "erased", "failed"]
    received_at: datetime
    fields: dict[str, Any]
    owner: DecisionOwner | None
    conversions: int
    revenue: list[Revenue]
    first_due: datetime | None
    junk: Junk | None
    assignments: list[LeadAssignment]
    duplicates: list[Duplicate]
    has_more: bool
    merged_into: UUID | None
    merges: list[MergeOfLead]


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
    """The versions of the plan, the directory and the engine behind a decision, and its time."""

    plan_version: int
    directory_version: Int64
    now: datetime
    engine: str


class Explanation(ResponseModel):
    """The decision computed again, with every rule evaluated.

    Each step has its `code`, the result of each comparison under `when`, and its candidates under `targets`.
    """

    assignment_id: UUID
    reproduced: bool
    stored: DecisionSummary
    recomputed: DecisionSummary
    reason: Reason
    junk: Junk
    origins: dict[str, str] | None = Field(
        None,
        description="Present only when fields were filled that the lead came without: from what, by field.",
    )
    degraded_codes: dict[str, str] | None = Field(
        None, description="Present only when a provider of enrichment did not answer: why, by its name."
    )
    reassigned: Reassigned | None = Field(
        None, description="Present only when `POST /reassign` or a bulk job moved the lead."
    )
    steps: list[dict[str, Any]]
    steps_total: int
    next: int | None
    inputs: DecisionInputs


class WhyNot(ResponseModel):
    """Why one owner did not get the lead; `chosen` if they did.

    `team` is the team that was asked for an owner. `would_have_got_it` says whether the lead would have been
    theirs if nothing but the refusal had been different; null where the refusal does not pass by itself.
    """

    owner: str
    name: str
    code: str
    text: str = Field(description="The reason in a sentence. Times are in the owner's time zone.")
    team: str | None
    available_at: datetime | None
    would_have_got_it: bool | None


class WhyNotList(ResponseModel):
    """A page of the answers for all owners. `total` counts all owners."""

    assignment_id: UUID
    decided_at: datetime
    items: list[WhyNot]
    total: int
    next: int | None


class PassedOver(ResponseModel):
    """What became of an owner in the newest decisions.

    `decisions` were looked at, those from `since` on. `reasons` counts the codes of those that considered
    the owner, `chosen` among them, the most frequent first.
    """

    owner: str
    decisions: int
    since: datetime | None
    reasons: dict[str, int]
