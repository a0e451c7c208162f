"""What response bodies share: decisions and problems. Nothing is returned that no model lists."""

from datetime import datetime
from typing import Annotated, Any, Generic, Literal, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

Outcome = Literal["assigned", "queued", "automated", "blocked"]
AssignmentState = Literal["open", "closed", "superseded"]
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
    key: Literal[
        "external_id", "crm_lead", "email", "email_alias", "phone", "name_and_company", "name_and_phone"
    ]
    vetoed_by: Literal["external_id", "crm_lead", "email", "phone", "name", "several_leads"]
    score: float | None = Field(
        None, description="How probable it is that they are one person, where the plan asks."
    )


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
    matched_by: Literal["crm", "email_domain", "website_domain", "name"]
    role: str | None


class SlaDeadlines(ResponseModel):
    """When the owner must have accepted and touched the lead. Null means no deadline."""

    name: str
    accept_by: datetime | None
    touch_by: datetime | None
    claim_by: datetime | None = Field(
        None, description="Present only for a lead without an owner: when somebody must have taken it."
    )


class Reassigned(ResponseModel):
    """Who moved a lead, and why. `actor` is the id of the API key that was used, or
    `worker`; `reason` is what the caller gave.
    """

    actor: str
    reason: str | None


class Junk(ResponseModel):
    """The signs that a lead is junk: the sum of the points, and the points of each part.

    `verdict` is what followed. It is missing in decisions before this existed.
    """

    score: int
    parts: dict[str, int]
    verdict: Literal["clean", "flagged", "review", "blocked"] | None = None


class WithheldAction(ResponseModel):
    """An action that must not contact the person, or not now."""

    type: str
    cause: Literal[
        "suppressed", "junk", "consent_missing", "consent_unreadable", "withdrawn", "complained",
        "quiet_hours", "frequency", "test",
    ]  # fmt: skip
    channel: str | None = None
    consent: str | None
    replaced_by: str | None = Field(description="The type of the action that took its place.")
    not_before: datetime | None = Field(None, description="From when on you may send it yourself, if known.")


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
    review: Literal[True] | None = Field(
        None,
        description="Present only when it is in doubt who the lead is, such as which of several accounts it "
        "belongs to. The trace lists the candidates.",
    )
    account_team: dict[str, DecisionOwner] = Field(
        description="The active owners of the account's other roles, by role."
    )
    reason: Reason
    sla: SlaDeadlines | None
    actions: list[Action]
    withheld_actions: list[WithheldAction] | None = Field(
        None, description="Present only when actions are withheld."
    )
    normalized: dict[str, Any] = Field(description="The fields that intake changed or derived.")
    plan_version: int
    existing_lead: ExistingLead | None
    replayed: bool
    degraded: list[str] = Field(
        description="What the decision was made without: the names of what did not answer in time, and the "
        "steps that were skipped because their plugin failed."
    )
    degraded_codes: dict[str, str] | None = Field(
        None,
        description="Present only when a provider of enrichment did not answer: why, by its name, such as "
        "`timeout` or `expired`.",
    )
    held_until: datetime | None = Field(
        None, description="Present only when the lead is held: the start of the shift it waits for."
    )
    reassigned: Reassigned | None = Field(
        None, description="Present only when `POST /reassign` or a bulk job moved the lead."
    )
    possible_duplicate: list[PossibleDuplicate] | None = Field(
        None, description="Present only when other leads may be the same person."
    )
    is_test: Literal[True] | None = Field(
        None,
        description="Present only for a test lead, which takes no turn, is in no report, and has its actions "
        "withheld.",
    )
    junk: Junk | None = Field(
        None,
        description="The signs that the lead is junk. Missing in decisions before this existed.",
    )
    trace: dict[str, Any]


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
    trace_id: str | None = Field(None, description="The trace that the request is part of, if there is one.")
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
    open_leads: int | None = Field(None, description="How many open leads the owner has.")


class BatchItem(ResponseModel):
    """The decision of one item, or its problem."""

    status: int
    decision: Decision | None = None
    problem: ProblemDetails | None = None


class BatchResult(ResponseModel):
    """The items in the order they were sent."""

    items: list[BatchItem]


class Clock(ResponseModel):
    """The time that decisions use, which never runs backwards, and the seconds that pass per real second."""

    now: datetime
    speed: float


class Health(ResponseModel):
    """The service is healthy."""

    status: Literal["ok"]
