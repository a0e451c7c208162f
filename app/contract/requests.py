"""The requests of the wire. Unknown fields are refused, `true` is not 1, and `null` is the same as absent."""

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, SkipValidation, ValidationError, model_validator

from app.contract.faults import faults_of, said
from app.contract.strict_json import InvalidItem
from app.contract.types import (
    Count,
    CustomerStatus,
    Id,
    LeadId,
    Number,
    NumberOrWord,
    RequestModel,
    RequiredId,
    Text,
    Texts,
    Timestamp,
    Trigger,
)
from app.errors import Path, ValidationFailed


def _only_owner(sent: object) -> object:
    return {"owner": sent} if isinstance(sent, str) else sent


class EngagementItem(RequestModel):
    """One thing the person did."""

    at: Timestamp | None = None
    type: Text | None = None
    name: Text | None = None
    product: Text | None = None
    count: Count | None = None


class ConsentBody(RequestModel):
    """May the person be contacted this way? Absent means that nobody asked."""

    email: bool | None = None
    sms: bool | None = None
    phone: bool | None = None


class CrmIds(RequestModel):
    """What the caller's CRM calls this lead, its account, and its present owner."""

    lead_id: Id | None = None
    account_id: Id | None = None
    owner_id: Id | None = None


class LeadFields(RequestModel):
    """All that may be said about a lead; `attributes` is the free place."""

    external_id: Id | None = None
    email: Id | None = None
    phone: Text | None = None
    first_name: Text | None = None
    last_name: Text | None = None
    title: Text | None = None
    company: Text | None = None
    website: Text | None = None
    country: Text | None = Field(None, description="A country's ISO 3166 code or its name.")
    state: Text | None = None
    city: Text | None = None
    postal_code: Text | None = None
    language: Text | None = None
    industry: Text | None = None
    employees: Count | None = None
    annual_revenue: Number | None = None
    lead_type: Text | None = None
    lifecycle_stage: Text | None = None
    customer_status: CustomerStatus | None = None
    tier: Text | None = None
    churn_risk: NumberOrWord | None = None
    last_purchase_at: Timestamp | None = None
    trial_ends_at: Timestamp | None = None
    lifetime_value: Number | None = None
    score: Number | None = None
    product_interest: Texts | None = None
    channel: Text | None = None
    source: Text | None = None
    campaign: Text | None = None
    utm: Annotated[dict[Id, Text | None], Field(max_length=50)] | None = None
    referrer: Text | None = None
    pages: Texts | None = None
    content: Texts | None = None
    visits: Count | None = None
    last_seen_at: Timestamp | None = None
    engagement: Annotated[list[EngagementItem], Field(max_length=1000)] | None = None
    consent: ConsentBody | None = None
    crm: CrmIds | None = None
    attributes: dict[str, Any] | None = None


class LeadBody(LeadFields):
    """A lead as sent: at least one of external_id, email, phone, crm.lead_id or company says who it is."""

    @model_validator(mode="after")
    def _says_who(self) -> "LeadBody":
        crm_lead = self.crm.lead_id if self.crm else None
        for known in (self.external_id, self.email, self.phone, crm_lead, self.company):
            if known and not known.isspace():
                return self
        raise said("no_identity", "needs at least one of external_id, email, phone, crm.lead_id or company")


class AssignRequest(RequestModel):
    """A lead that somebody must own; `trigger` says what happened."""

    lead: LeadBody
    trigger: Trigger | None = Field(None, description="What happened; `form` when absent.")
    exclude: Annotated[list[RequiredId], Field(max_length=100)] | None = Field(
        None, description="Owners who must not get this lead."
    )
    dry_run: bool | None = Field(None, description="Decide and answer, but write nothing.")


class BatchRequest(RequestModel):
    """Leads to be decided in this order; each item is checked on its own by `checked`."""

    items: Annotated[list[SkipValidation[AssignRequest]], Field(min_length=1, max_length=1000)]


class ReassignTarget(RequestModel):
    """To whom, when that is settled already: exactly one of the three."""

    owner: RequiredId | None = None
    team: RequiredId | None = None
    queue: RequiredId | None = None

    @model_validator(mode="after")
    def _one(self) -> "ReassignTarget":
        if sum(name is not None for name in (self.owner, self.team, self.queue)) != 1:
            raise said("not_one", "must name exactly one of owner, team or queue")
        return self


class ReassignRequest(RequestModel):
    """One lead anew by the same path; with `to`, to whom (a plain text is an owner)."""

    lead_id: LeadId
    reason: Text | None = None
    exclude: Annotated[list[RequiredId], Field(max_length=100)] | None = None
    to: Annotated[ReassignTarget | None, BeforeValidator(_only_owner)] = None


class ClaimRequest(RequestModel):
    """Who takes the first lead of the queue, or the one that is named."""

    owner_id: RequiredId
    lead_id: LeadId | None = None


class EventRequest(RequestModel):
    """What became of an assignment."""

    type: Literal["closed"]


class LookupRequest(RequestModel):
    """By one of the two; in a body, because neither belongs in a URL."""

    email: RequiredId | None = None
    phone: Annotated[str, Field(min_length=1, max_length=255)] | None = None

    @model_validator(mode="after")
    def _one(self) -> "LookupRequest":
        if (self.email is None) == (self.phone is None):
            raise said("not_one", "must hold exactly one of email or phone")
        return self


class ClockRequest(RequestModel):
    """Sets the workspace's time, or how many seconds pass in a second (development only)."""

    at: Timestamp | None = None
    speed: Annotated[float, Field(gt=0, le=1_000_000, allow_inf_nan=False)] | None = None

    @model_validator(mode="after")
    def _some(self) -> "ClockRequest":
        if self.at is None and self.speed is None:
            raise said("missing", "needs `at` or `speed`")
        return self


def checked(batch: BatchRequest) -> Iterator[AssignRequest | ValidationFailed]:
    """Each item validated by itself, in order: one bad item spoils no other. Paths start at `items[i]`."""
    for position, item in enumerate(batch.items):
        yield _checked_item(item, ("items", position))


def _checked_item(item: object, path: Path) -> AssignRequest | ValidationFailed:
    if isinstance(item, InvalidItem):
        return ValidationFailed(faults=[item.fault])
    try:
        return AssignRequest.model_validate(item)
    except ValidationError as refusal:
        return ValidationFailed(
            faults=faults_of(refusal.errors(include_input=False, include_url=False), path)
        )
