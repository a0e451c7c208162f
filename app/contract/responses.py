"""The response bodies. Nothing is returned that is not listed here."""

from datetime import datetime
from typing import Annotated, Any, Generic, Literal, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

Outcome = Literal["assigned", "queued", "automated", "blocked"]
AssignmentState = Literal["open", "closed", "superseded"]
Cause = Literal[
    "assign", "reassign", "claim", "release", "import", "reject", "take_away", "escalate", "handoff",
    "give_back", "lease_ended", "max_wait", "cover", "return", "signal", "crm", "crm_reassign",
]  # fmt: skip
"""What asked for a decision."""
EndCause = Literal[
    "superseded", "closed", "idle", "rejected", "taken_away", "handed_off", "claimed", "given_back",
    "lease_ended", "max_wait", "released", "covered", "returned", "reassigned", "merged", "erased", "crm",
]  # fmt: skip
"""Why an assignment ended."""
Item = TypeVar("Item")
Int64 = Annotated[int, WithJsonSchema({"type": "integer", "format": "int64"})]
"""An integer that can exceed 32 bits. All others in the OpenAPI document are `int32`."""


class ResponseModel(BaseModel):
    """The base of all response bodies. They are closed: a generated client knows every field."""

    model_config = ConfigDict(extra="forbid")


class Page(ResponseModel, Generic[Item]):
    """One page of a list. `next` is null on the last page."""

    items: list[Item]
    next: str | None


class DecisionOwner(ResponseModel):
    """An owner as shown in a decision."""

    id: str
    name: str
    email: str | None
    crm: dict[str, str]


class Reason(ResponseModel):
    """Why a lead went where it went: a code from a closed list, and one sentence without personal data."""

    code: str
    text: str


class ExistingLead(ResponseModel):
    """The earlier lead that this request matched: by which key, and what the match means."""

    lead_id: UUID
    assignment_id: UUID
    matched_by: Literal["external_id", "crm_lead", "email", "phone"]
    kind: Literal["duplicate", "reengaged"]


class PossibleDuplicate(ResponseModel):
    """A lead that shares a key with this one, and what kept the two from being one lead."""

    lead_id: UUID
    key: Literal["external_id", "crm_lead", "email", "email_alias", "phone"]
    vetoed_by: Literal["external_id", "crm_lead", "email", "phone", "name", "several_leads"]


class Action(ResponseModel):
    """A follow-up for the caller to execute. The id is stable, so that it can be executed exactly once."""

    id: str
    type: str
    params: dict[str, Any]
    due_at: datetime | None


class DecisionAccount(ResponseModel):
    """The account of the lead, how it was matched, and the role of the new owner in it."""

    id: str
    name: str | None
    matched_by: Literal["crm", "email_domain", "website_domain"]
    role: str | None


class SlaDeadlines(ResponseModel):
    """When the owner must have accepted and touched the lead. Null means no deadline."""

    name: str
    accept_by: datetime | None
    touch_by: datetime | None
    claim_by: datetime | None = Field(
        None, description="Present only for a lead without an owner: when somebody must have taken it."
    )


class Decision(ResponseModel):
    """The decision about one lead."""

    assignment_id: UUID | None = Field(description="Null for a dry run, which stores nothing.")
    lead_id: UUID | None
    decision_number: Int64 | None = Field(
        description="The number of the decision in its workspace. The numbers have no gaps."
    )
    decided_at: datetime
    outcome: Outcome
    owner: DecisionOwner | None
    team: str | None
    queue: str | None
    path: str | None
    block: str | None
    priority: int
    over_cap: bool = Field(description="Whether a kept or requested owner got the lead despite a cap.")
    account: DecisionAccount | None = Field(
        None, description="Present only when the plan matches accounts and the lead belongs to one."
    )
    account_team: dict[str, DecisionOwner] = Field(
        description="The active owners of the account's other roles, by role."
    )
    reason: Reason
    sla: SlaDeadlines | None
    actions: list[Action]
    normalized: dict[str, Any] = Field(description="The fields that intake changed or derived.")
    plan_version: int
    existing_lead: ExistingLead | None
    replayed: bool
    degraded: list[str] = Field(description="The parts that were skipped because they missed their deadline.")
    held_until: datetime | None = Field(
        None, description="Present only when the lead is held: the start of the shift it waits for."
    )
    possible_duplicate: list[PossibleDuplicate] | None = Field(
        None, description="Present only when other leads may be the same person."
    )
    trace: dict[str, Any]


class FindingDetail(ResponseModel):
    """A remark about a plan or a record: where it applies, its code, and what to do."""

    path: str
    code: str
    severity: Literal["error", "warning"]
    detail: str
    line: int | None = Field(None, description="Present only for plans: the line of the text, from 1.")
    rule: str | None = Field(None, description="Present only for plans: the name of the step.")
    value: str | None = Field(None, description="Present only for plans: the value that is at fault.")


class ProblemError(ResponseModel):
    """One fault in a request.

    `path` and `pointer` (RFC 6901) locate it in the body. Outside the body, `in` replaces the pointer.
    """

    path: str
    pointer: str | None = None
    place: str | None = Field(None, alias="in")
    code: str
    detail: str


class ProblemDetails(ResponseModel):
    """Problem details (RFC 9457). `code` is stable. `errors` holds the first 20 of `errors_total` faults."""

    type: str
    title: str
    status: int
    code: str
    detail: str | None = None
    request_id: str | None = None
    errors: list[ProblemError] | None = None
    errors_total: int | None = None
    state: Literal["open", "closed", "superseded"] | None = Field(
        None, description="Present only with `since`: what became of the assignment."
    )
    since: datetime | None = Field(
        None, description="Since when the assignment is not open any more, or since when it is touched."
    )
    owner_id: str | None = Field(None, description="The present owner of the lead, for keys that may know.")
    assignment_ids: list[UUID] | None = Field(None, description="The assignments that fit.")
    lead_ids: list[UUID] | None = Field(None, description="The leads that fit.")


class BatchItem(ResponseModel):
    """The decision of one item, or its problem."""

    status: int
    decision: Decision | None = None
    problem: ProblemDetails | None = None


class BatchResult(ResponseModel):
    """The items in the order they were sent."""

    items: list[BatchItem]


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


class EventSuppression(ResponseModel):
    """The entry that a reject made in a suppression list.

    `code` says why it holds the address although the plan asks for the domain: the domain belongs to a free
    mail provider, or to a customer.
    """

    id: UUID
    kind: Literal["email", "domain"]
    list: str
    code: Literal["free_mail", "customer_account"] | None


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


class Lead(ResponseModel):
    """A lead and its assignments. `has_more` is true when it has more assignments than are shown.

    `conversions` is the number of its deals that are won, `revenue` what they bring.
    `first_due` is the first deadline that the lead ever had; it stays when the lead is passed on.
    """

    id: UUID
    state: Literal["assigned", "queued", "automated", "blocked", "closed", "merged", "erased", "failed"]
    received_at: datetime
    fields: dict[str, Any]
    owner: DecisionOwner | None
    conversions: int
    revenue: list[Revenue]
    first_due: datetime | None
    assignments: list[LeadAssignment]
    duplicates: list[Duplicate]
    has_more: bool


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
    steps: list[dict[str, Any]]
    steps_total: int
    next: int | None
    inputs: DecisionInputs


class Clock(ResponseModel):
    """The time that decisions use, which never runs backwards, and the seconds that pass per real second."""

    now: datetime
    speed: float


class Health(ResponseModel):
    """The service is healthy."""

    status: Literal["ok"]
