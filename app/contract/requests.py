"""The request bodies of the routes that decide and look up.

Unknown fields are refused, and `null` is the same as absent. Numbers, booleans and timestamps of a lead
may be texts: forms send them so, and intake reads them.
"""

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, SkipValidation, ValidationError, model_validator

from app.contract.faults import invalid, validation_failed
from app.contract.strict_json import InvalidItem
from app.contract.types import (
    Age,
    CustomerStatus,
    Id,
    LeadBoolean,
    LeadId,
    LeadNumber,
    LeadTimestamp,
    NumberOrText,
    PostalCode,
    RequestModel,
    RequiredId,
    Text,
    Texts,
    Timestamp,
    Topic,
    Trigger,
)
from app.errors import Path, ValidationFailed
from app.plan.language.click_ids import CLICK_IDS


def _home_of(name: object) -> str | None:
    """The object that a UTM parameter or a click id belongs into."""
    if not isinstance(name, str):
        return None
    if name[:4].lower() == "utm_" and len(name) > len("utm_"):
        return "utm"
    return "click_ids" if name.lower() in CLICK_IDS else None


def _only_owner(sent: object) -> object:
    return {"owner": sent} if isinstance(sent, str) else sent


class EngagementItem(RequestModel):
    """One thing the lead did."""

    at: LeadTimestamp | None = None
    type: Text | None = None
    name: Text | None = None
    product: Text | None = None
    count: LeadNumber | None = None


class ConsentInput(RequestModel):
    """Whether the lead agreed to be contacted through a channel. Absent means unknown."""

    email: LeadBoolean | None = None
    sms: LeadBoolean | None = None
    phone: LeadBoolean | None = None


class ConsentRecord(RequestModel):
    """The proof of a consent: when the person gave it, and where.

    A yes with a time that is later than a withdrawal counts again; without a time it changes nothing.
    """

    at: LeadTimestamp | None = Field(None, description="When the person gave it.")
    form: Id | None = Field(None, description="The name of the form.")
    field: Id | None = Field(None, description="The name of the field.")
    text_version: Id | None = Field(None, description="The version of the text that the person agreed to.")
    topic: Topic | None = Field(None, description="What it is for. The default is everything.")


class CrmIds(RequestModel):
    """The ids of the lead, its account and its current owner in the caller's CRM."""

    lead_id: Id | None = None
    account_id: Id | None = None
    owner_id: Id | None = None


class LeadFields(RequestModel):
    """The fields of a lead. `attributes` holds fields of your own."""

    external_id: Id | None = Field(None, description="Your id of the lead.")
    external_id_source: Id | None = Field(
        None, description="The system that external_id comes from. The default is the API key."
    )
    submission_id: Id | None = Field(
        None, description="The id of this form submission. The same id is the same request."
    )
    ip: Text | None = Field(None, description="The address from which the visitor sent the form.")
    honeypot: LeadBoolean | None = Field(
        None,
        description="What stands in the field of the form that people do not see. Anything but an empty "
        "text, `false` and words for no says that a program filled it.",
    )
    submitted_at: LeadTimestamp | None = Field(
        None, description="When the person sent the form, if you received it earlier than this request."
    )
    email: Id | None = None
    phone: Text | None = None
    first_name: Text | None = None
    last_name: Text | None = None
    title: Text | None = None
    company: Text | None = None
    website: Text | None = None
    country: Text | None = Field(None, description="An ISO 3166 code or a country name.")
    state: Text | None = None
    city: Text | None = None
    postal_code: PostalCode | None = None
    language: Text | None = None
    industry: Text | None = None
    employees: LeadNumber | None = None
    annual_revenue: LeadNumber | None = None
    lead_type: Text | None = None
    lifecycle_stage: Text | None = None
    customer_status: CustomerStatus | None = None
    tier: Text | None = None
    churn_risk: NumberOrText | None = None
    last_purchase_at: LeadTimestamp | None = None
    trial_ends_at: LeadTimestamp | None = None
    lifetime_value: LeadNumber | None = None
    score: LeadNumber | None = None
    product_interest: Texts | None = None
    channel: Text | None = None
    source: Text | None = None
    campaign: Text | None = None
    form: Text | None = Field(None, description="The form that was sent, by its id or name.")
    utm: Annotated[dict[Id, Text | None], Field(max_length=50)] | None = Field(
        None, description="UTM parameters. They may also stand in the lead itself, such as `utm_source`."
    )
    click_ids: Annotated[dict[Id, Text | None], Field(max_length=50)] | None = Field(
        None, description="Click ids, such as `gclid`. They may also stand in the lead itself."
    )
    landing_page: Text | None = Field(
        None, description="The page where the visit began, with its parameters."
    )
    referrer: Text | None = None
    pages: Texts | None = None
    content: Texts | None = None
    visits: LeadNumber | None = None
    last_seen_at: LeadTimestamp | None = None
    engagement: Annotated[list[EngagementItem], Field(max_length=1000)] | None = None
    consent: ConsentInput | None = None
    consent_record: ConsentRecord | None = None
    timezone: Id | None = Field(None, description="The IANA time zone of the person, such as Europe/Berlin.")
    crm: CrmIds | None = None
    attributes: dict[str, Any] | None = None


class LeadInput(LeadFields):
    """A lead. It needs at least one of external_id, email, phone, crm.lead_id or company."""

    @model_validator(mode="before")
    @classmethod
    def _gathered(cls, sent: object) -> object:
        """UTM parameters and click ids that stand in the lead itself go into their objects."""
        if not isinstance(sent, dict) or sent.keys() <= LeadFields.model_fields.keys():
            return sent
        gathered = {name: value for name, value in sent.items() if not _home_of(name)}
        for name, value in sent.items():
            home = _home_of(name)
            if home is not None and isinstance(gathered.get(home) or {}, dict):
                key = name.lower().removeprefix("utm_")
                gathered[home] = {key: value, **(gathered.get(home) or {})}
        return gathered

    @model_validator(mode="after")
    def _is_identified(self) -> "LeadInput":
        crm_lead = self.crm.lead_id if self.crm else None
        for value in (self.external_id, self.email, self.phone, crm_lead, self.company):
            if value and not value.isspace():
                return self
        raise invalid(
            "no_identity", "must hold at least one of external_id, email, phone, crm.lead_id or company"
        )


class AssignRequest(RequestModel):
    """A lead to assign, and what triggered it."""

    lead: LeadInput
    external_id_source: RequiredId | None = Field(
        None, description="The default for lead.external_id_source."
    )
    submission_id: RequiredId | None = Field(None, description="The default for lead.submission_id.")
    trigger: Trigger | None = Field(None, description="What happened. The default is `form`.")
    exclude: Annotated[list[RequiredId], Field(max_length=100)] | None = Field(
        None, description="Owners who must not get the lead."
    )
    dry_run: bool | None = Field(None, description="Decide and return the decision, but store nothing.")
    is_test: bool | None = Field(
        None,
        description="The lead is a test. It is decided as a dry run, and kept apart for seven days: "
        "`GET /intake/tests`.",
    )


class BatchRequest(RequestModel):
    """Leads to assign in this order. Each item is checked on its own."""

    items: Annotated[list[SkipValidation[AssignRequest]], Field(min_length=1, max_length=1000)]


class ReassignTarget(RequestModel):
    """The new owner, team or queue: exactly one of the three."""

    owner: RequiredId | None = None
    team: RequiredId | None = None
    queue: RequiredId | None = None

    @model_validator(mode="after")
    def _one(self) -> "ReassignTarget":
        if sum(name is not None for name in (self.owner, self.team, self.queue)) != 1:
            raise invalid("exactly_one", "must hold exactly one of owner, team or queue")
        return self


class ReassignFilter(RequestModel):
    """Which open leads are meant. The conditions combine; at least one is needed."""

    owner: RequiredId | None = None
    team: RequiredId | None = Field(None, description="The team that the leads came through.")
    step: RequiredId | None = Field(None, description="The step of the plan that settled them.")
    queue: RequiredId | None = None
    older_than: Age | None = Field(None, description="The least age, such as `3d`.")
    state: Literal["open"] | None = Field(None, description="Only open leads are ever meant.")

    @model_validator(mode="after")
    def _some(self) -> "ReassignFilter":
        if not any((self.owner, self.team, self.step, self.queue, self.older_than)):
            raise invalid("required", "must hold at least one of owner, team, step, queue or older_than")
        return self


class ReassignRequest(RequestModel):
    """A lead to route again, or to give to the target `to`. A string in `to` is an owner.

    Exactly one of lead_id, external_id, crm_lead_id or filter says which. A filter makes a bulk job.
    """

    lead_id: LeadId | None = None
    external_id: RequiredId | None = None
    crm_lead_id: RequiredId | None = None
    filter: ReassignFilter | None = None
    reason: Text | None = None
    exclude: Annotated[list[RequiredId], Field(max_length=100)] | None = None
    to: Annotated[ReassignTarget | None, BeforeValidator(_only_owner)] = None
    force: bool | None = Field(None, description="Give it to the owner in `to` even over their caps.")
    if_assignment_id: LeadId | None = Field(
        None, description="The assignment that you saw. If the lead has moved on, the answer is a 409."
    )
    actions: Literal["digest", "each", "none"] | None = Field(
        None,
        description="For a filter: one notice for each new owner (`digest`, the default), all actions of "
        "each lead (`each`), or no notice (`none`). `set_owner` is always among the actions.",
    )
    dry_run: bool | None = Field(None, description="Return who would get what, but store nothing.")

    @model_validator(mode="after")
    def _one(self) -> "ReassignRequest":
        ids = (self.lead_id, self.external_id, self.crm_lead_id, self.filter)
        if sum(each is not None for each in ids) != 1:
            raise invalid(
                "exactly_one", "must hold exactly one of lead_id, external_id, crm_lead_id or filter"
            )
        if self.filter is not None and self.if_assignment_id is not None:
            raise invalid("not_allowed", "must not hold if_assignment_id together with a filter")
        if self.filter is None and self.actions is not None:
            raise invalid("not_allowed", "must not hold actions without a filter")
        return self


class ClaimRequest(RequestModel):
    """The owner who claims, and the lead. Without a lead it is the first one of the queue."""

    owner_id: RequiredId
    lead_id: LeadId | None = None
    again: bool | None = Field(
        None, description="Claim a lead whose claim ended before, or that the owner gave back three times."
    )

    @model_validator(mode="after")
    def _named_again(self) -> "ClaimRequest":
        if self.again and self.lead_id is None:
            raise invalid("required", "must hold `lead_id` with `again`")
        return self


class UnblockRequest(RequestModel):
    """Why the lead is none to block."""

    reason: Text | None = None


class GiveBackRequest(RequestModel):
    """Who gives the lead back. Without it, it is the owner who has the lead."""

    owner_id: RequiredId | None = None


class LookupRequest(RequestModel):
    """An e-mail address or a phone number. Personal data does not belong in a URL."""

    email: RequiredId | None = None
    phone: Annotated[str, Field(min_length=1, max_length=255)] | None = None

    @model_validator(mode="after")
    def _one(self) -> "LookupRequest":
        if (self.email is None) == (self.phone is None):
            raise invalid("exactly_one", "must hold exactly one of email or phone")
        return self


class ClockRequest(RequestModel):
    """A new time, a new speed (seconds per real second), or both. Development only."""

    at: Timestamp | None = None
    speed: Annotated[float, Field(gt=0, le=1_000_000, allow_inf_nan=False)] | None = None

    @model_validator(mode="after")
    def _some(self) -> "ClockRequest":
        if self.at is None and self.speed is None:
            raise invalid("required", "must hold `at`, `speed` or both")
        return self


def validate_items(batch: BatchRequest) -> Iterator[AssignRequest | ValidationFailed]:
    """Validates each item on its own, in order. The paths of faults start at `items[i]`."""
    for position, item in enumerate(batch.items):
        yield _validate_item(item, ("items", position))


def _validate_item(item: object, path: Path) -> AssignRequest | ValidationFailed:
    if isinstance(item, InvalidItem):
        return ValidationFailed(faults=[item.fault])
    try:
        return AssignRequest.model_validate(item)
    except ValidationError as refused:
        return validation_failed(refused, path, AssignRequest)
