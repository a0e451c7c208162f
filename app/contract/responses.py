"""The answers of the wire, each field by name: nothing leaves that is not listed here."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

Outcome = Literal["assigned", "queued", "automated", "blocked"]


class ResponseModel(BaseModel):
    """Answers are closed too: a client made from this schema sees every field there is."""

    model_config = ConfigDict(extra="forbid")


class DecisionOwner(ResponseModel):
    """Who owns the lead now."""

    id: str
    name: str
    email: str | None
    crm: dict[str, str]


class Reason(ResponseModel):
    """Why: a code from a closed list, and one plain sentence without personal data of the lead."""

    code: str
    text: str


class ExistingLead(ResponseModel):
    """The person was here before: as which lead, by which key, and how that counts."""

    lead_id: UUID
    assignment_id: UUID
    matched_by: Literal["external_id", "crm_lead", "email", "phone"]
    kind: Literal["duplicate", "reengaged"]


class Action(ResponseModel):
    """Something for the caller to do; the id is stable, so that he does it once."""

    id: str
    type: str
    params: dict[str, Any]
    due_at: datetime | None


class DecisionAccount(ResponseModel):
    """The account the lead belongs to, how that was found, and the role its new owner has there."""

    id: str
    name: str | None
    matched_by: Literal["crm", "email_domain", "website_domain"]
    role: str | None


class SlaDeadlines(ResponseModel):
    """Until when the owner must accept and must touch the lead; null is no limit."""

    name: str
    accept_by: datetime | None
    touch_by: datetime | None


class Decision(ResponseModel):
    """The decision about one lead."""

    assignment_id: UUID | None = Field(description="Null for a dry run that wrote nothing.")
    lead_id: UUID | None
    decision_number: int | None = Field(
        description="The decision's place in the order of its workspace, without gaps."
    )
    decided_at: datetime
    outcome: Outcome
    owner: DecisionOwner | None
    team: str | None
    queue: str | None
    path: str | None
    block: str | None
    priority: int
    over_cap: bool = Field(description="Whether a kept or wanted owner got it in spite of a cap.")
    account: DecisionAccount | None = Field(
        None, description="Only where the plan asks for accounts and the lead belongs to one."
    )
    participants: dict[str, DecisionOwner] = Field(
        description="Who has the account's other roles and is active, by role."
    )
    reason: Reason
    sla: SlaDeadlines | None
    actions: list[Action]
    normalized: dict[str, Any] = Field(description="What intake changed or derived.")
    plan_version: int
    existing_lead: ExistingLead | None
    replayed: bool
    degraded: list[str] = Field(description="What was skipped because it did not answer in time.")
    held_until: datetime | None = Field(
        None, description="Only of a lead that is held: when the shift begins that it waits for."
    )
    trace: dict[str, Any]


class ProblemError(ResponseModel):
    """One fault: `path` and `pointer` (RFC 6901) say where; `in` replaces the pointer outside the body."""

    path: str
    pointer: str | None = None
    place: str | None = Field(None, alias="in")
    code: str
    detail: str


class ProblemDetails(ResponseModel):
    """Problem details (RFC 9457). `code` is stable; `errors` holds the first twenty of `errors_total`."""

    type: str
    title: str
    status: int
    code: str
    detail: str | None = None
    request_id: str | None = None
    errors: list[ProblemError] | None = None
    errors_total: int | None = None


class BatchItem(ResponseModel):
    """One item's decision, or its problem."""

    status: int
    decision: Decision | None = None
    problem: ProblemDetails | None = None


class BatchResult(ResponseModel):
    """The items in the order they were sent."""

    items: list[BatchItem]


class EventResult(ResponseModel):
    """What a report did."""

    assignment_id: UUID
    lead_id: UUID
    type: Literal["closed"]
    state: Literal["closed"]
