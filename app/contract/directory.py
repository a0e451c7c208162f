"""The directory's records as callers send them, and as they are stored."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainValidator,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from app.contract.faults import invalid, validation_failed
from app.contract.targets import check_action_type
from app.contract.types import (
    Cap,
    CustomerStatus,
    Day,
    Factor,
    LocalTimestamp,
    RecordId,
    RecordModel,
    RequestModel,
    RequiredId,
    ShortText,
    ShortTexts,
    Timestamp,
    Weight,
    Zone,
    without_nulls,
)
from app.errors import refused_at
from app.intake.website import website_domain
from app.plan.language.hours import MAX_TEXT_LENGTH, read_hours
from app.plan.language.public_holidays import UnknownHolidays
from app.privacy.settings import check_period
from app.values.countries import country_code


def _domain(text: str) -> str:
    if website_domain(text) is None:
        raise invalid("invalid_domain", "must be a domain, such as acme.example")
    return text


def _opportunity(sent: object) -> object:
    """False is the same as null: there is no opportunity."""
    if isinstance(sent, (str, bool, int, float, dict)):
        return None if sent is False else sent
    raise invalid("wrong_type", "must be a string, a number, true, false or an object")


def _country(text: str) -> str:
    code = country_code(text)
    if code is None:
        raise invalid("unknown_country", "must be an ISO 3166 country, such as DE")
    return code


def _region(text: str) -> str:
    country, separator, subdivision = text.strip().upper().partition("-")
    return f"{country}-{subdivision}" if separator and country_code(country) == country else _country(text)


MAX_SHIFTS_PER_DAY = 12
"""On average over four weeks."""
_DAYS = 28
_FROM = datetime(2026, 6, 1, tzinfo=UTC)


def _hours(text: str, info: ValidationInfo) -> str:
    # A fault in the time zone or the country is reported at its own field.
    if {"timezone", "country"} <= info.data.keys():
        try:
            hours = read_hours(text, info.data["timezone"], info.data["country"])
        except UnknownHolidays as error:
            raise invalid("unknown_holidays", f"{error}") from None
        except ValueError:
            raise invalid(
                "invalid_hours",
                "must be opening hours in OpenStreetMap syntax, such as Mo-Fr 09:00-17:30; PH off",
            ) from None
        shifts = hours.count_shifts(_FROM, _DAYS, MAX_SHIFTS_PER_DAY * _DAYS + 1)
        if shifts > MAX_SHIFTS_PER_DAY * _DAYS:
            raise invalid("too_many_items", f"must have at most {MAX_SHIFTS_PER_DAY} shifts a day on average")
    return text


Domain = Annotated[ShortText, AfterValidator(_domain)]
Opportunity = Annotated[Any, PlainValidator(_opportunity)]
CrmNames = Annotated[dict[ShortText, ShortText], Field(max_length=50), BeforeValidator(without_nulls)]


class RollingCap(RecordModel):
    """At most `count` leads in any `hours` hours."""

    count: Annotated[int, Field(ge=1, le=1_000_000)]
    hours: Annotated[float, Field(gt=0, le=744, allow_inf_nan=False)]


class CapSettings(RecordModel):
    """Upper limits on leads. An absent field sets no limit.

    Days and ISO weeks are those of the owner's time zone.
    """

    open: Cap | None = Field(None, description="Open leads at the same time.")
    per_day: Cap | None = None
    per_week: Cap | None = None
    rolling: Annotated[list[RollingCap], Field(max_length=20)] = Field(default_factory=list)


class OwnerInput(RecordModel):
    """A person who can own leads."""

    name: ShortText | None = None
    email: ShortText | None = None
    role: ShortText | None = None
    timezone: Zone | None = Field(None, description="Without one, the owner gets that of the workspace.")
    active: bool = True
    paused_until: Timestamp | None = None
    skills: ShortTexts = Field(default_factory=list)
    languages: ShortTexts = Field(
        default_factory=list, description="Language tags. Only the language counts: `de-AT` is `de`."
    )
    delegate: RecordId | None = Field(None, description="The owner who stands in for this one.")
    calendar: RecordId | None = Field(
        None, description="The calendar of the owner's working hours. Without one they always work."
    )
    caps: CapSettings | None = None
    crm: CrmNames = Field(default_factory=dict, description="The owner's id in each CRM, by CRM name.")


class ActionSettings(RecordModel):
    """How the actions of decisions come out of the service."""

    reader: bool = Field(
        False,
        description="Whether anybody reads the outbox. Then the actions of answers are offered there too,"
        " after 60 seconds without an acknowledgment.",
    )
    max_deliveries: Annotated[int, Field(ge=1, le=100)] = Field(
        10, description="After so many deliveries without an acknowledgment, an action is dead."
    )
    deliver: Annotated[dict[ShortText, Literal["pull", "push"]], Field(max_length=50)] = Field(
        default_factory=dict,
        description="By which way actions leave, by type or `*` for all others: `pull` waits for a reader,"
        " which is the default, `push` sends them to targets.",
    )

    @field_validator("deliver")
    @classmethod
    def _known_types(cls, deliver: dict[str, str]) -> dict[str, str]:
        return {check_action_type(each): way for each, way in deliver.items()}


def _period(text: str) -> str:
    try:
        return check_period(text)
    except ValueError as error:
        raise invalid("invalid_format", str(error)) from None


Period = Annotated[str, AfterValidator(_period)]
"""A number of days, weeks, months or years, such as 14d or 24mo."""


class RetentionSettings(RecordModel):
    """How long data is kept. What is older is deleted within a day."""

    leads: Period | None = Field(
        None, description="Leads, counted from the end of their case. Open leads stay. Null keeps all."
    )
    raw: Period = Field("14d", description="Bodies of webhooks.")
    event_ids: Period = Field("30d", description="Ids by which a repeated event is known.")
    actions: Period = Field(
        "30d", description="Actions that were executed, and messages that targets got, or that have expired."
    )
    job_results: Period = Field("90d", description="Results of bulk jobs.")
    failed_leads: Period = Field("30d", description="Leads that could not be decided.")


class RampSettings(RecordModel):
    """Scales a new member's weight and caps by `factor` until `until` begins in their time zone."""

    factor: Factor
    until: Day


class MemberSettings(RecordModel):
    """How an owner shares the leads of a team."""

    weight: Weight = Field(
        1, description="The member's share relative to the others. A member with weight 0 takes no turns."
    )
    caps: CapSettings | None = Field(
        None, description="Limits on the leads the member gets through this team."
    )
    ramp: RampSettings | None = Field(
        None, description="Fewer leads for a new member. CapSettings are rounded up."
    )


class MemberInput(MemberSettings):
    """An owner as a member of a team."""

    owner: RecordId


class TeamInput(RecordModel):
    """Owners who share leads. The order of `members` breaks ties."""

    name: ShortText | None = None
    members: Annotated[list[MemberInput], Field(max_length=1000)] = Field(default_factory=list)
    pick: Literal["round_robin", "least_loaded", "longest_idle"] = "round_robin"


class CoverInput(RecordModel):
    """Who stands in for an owner on leave: exactly one of an owner and a team."""

    owner: RecordId | None = None
    team: RecordId | None = None

    @model_validator(mode="after")
    def _one(self) -> "CoverInput":
        if (self.owner is None) == (self.team is None):
            raise invalid("exactly_one", "must hold exactly one of owner or team")
        return self


class AbsenceInput(RecordModel):
    """A time when an owner is absent: from `from` until just before `to`.

    A time without an offset, and a date, is in the owner's time zone.
    """

    from_: LocalTimestamp = Field(alias="from")
    to: LocalTimestamp
    kind: ShortText = "leave"
    cover: CoverInput | None = Field(None, description="Gets new leads of the owner's accounts meanwhile.")
    open_leads: Literal["move", "stay"] | None = Field(
        None,
        description="Whether the owner's open leads go to the cover when the absence begins. The default is "
        "`move` for whole days with a cover, else `stay`.",
    )

    @model_validator(mode="after")
    def _in_order(self) -> "AbsenceInput":
        comparable = (self.from_.tzinfo is None) == (self.to.tzinfo is None)
        if comparable and self.from_ >= self.to:
            raise invalid("invalid_order", "must have a `from` that is before its `to`")
        return self


class CalendarInput(RecordModel):
    """Working hours in a time zone."""

    timezone: Zone
    country: Annotated[ShortText, AfterValidator(_region)] | None = Field(
        None,
        description="The country or region (ISO 3166-2, such as `DE-BY`) whose public holidays `PH` means.",
    )
    hours: Annotated[str, Field(min_length=1, max_length=MAX_TEXT_LENGTH), AfterValidator(_hours)] = Field(
        description="In the syntax of OpenStreetMap's opening_hours, such as `Mo-Fr 09:00-17:30; PH off`."
    )


class AccountInput(RecordModel):
    """A company, its owners by role, and its status as a customer."""

    name: ShortText | None = None
    domains: Annotated[list[Domain], Field(max_length=200)] = Field(
        default_factory=list,
        description="Leads match by registrable domain: a subdomain stands for the whole domain.",
    )
    aliases: Annotated[list[ShortText], Field(max_length=50)] = Field(
        default_factory=list, description="Other names of the company: former ones, brands, acronyms."
    )
    parent: RecordId | None = Field(None, description="The parent account.")
    successor: RecordId | None = Field(
        None, description="The account that stands for this one, which was merged, acquired or given up."
    )
    agency: bool = Field(
        False,
        description="Whether its people work for other companies, such as a consultancy's.",
        strict=True,
    )
    phone: ShortText | None = Field(None, description="A phone number of the company.")
    city: ShortText | None = None
    postal_code: ShortText | None = None
    country: Annotated[ShortText, AfterValidator(_country)] | None = Field(
        None, description="The country, by ISO 3166 code or name."
    )
    tier: ShortText | None = Field(
        None, description="`named` accounts also match leads by the domains of free e-mail providers."
    )
    owner: RecordId | None = Field(None, description="The owner of the account.")
    roles: Annotated[dict[ShortText, RecordId], Field(max_length=50), BeforeValidator(without_nulls)] = Field(
        default_factory=dict, description="More owners of the account by role, such as `sdr`."
    )
    customer_status: CustomerStatus | None = None
    open_opportunity: Opportunity | None = Field(
        None, description="Any value that says an opportunity is open: its id, its stage, or true."
    )
    attributes: dict[str, Any] = Field(default_factory=dict, description="Fields of your own.")
    crm: Annotated[dict[ShortText, RequiredId], Field(max_length=50), BeforeValidator(without_nulls)] = Field(
        default_factory=dict, description="The account's id in each CRM, by CRM name."
    )


class _RecordName(RequestModel):
    id: RecordId


def parse_id(text: str) -> str:
    """Checks that a text can name a new record.

    Raises ValidationFailed.
    """
    try:
        return _RecordName.model_validate({"id": text}).id
    except ValidationError as refused:
        raise validation_failed(refused) from None


def parse_open_leads(sent: object) -> bool | None:
    """Whether the open leads of an owner who leaves are moved; None when the caller does not say.

    Raises ValidationFailed.
    """
    if sent is None:
        return None
    if sent not in ("move", "stay"):
        raise refused_at(("open_leads",), "not_allowed", "must be move or stay")
    return sent == "move"


def to_record(model: RecordModel) -> dict[str, Any]:
    """The record as it is stored, with every default filled in."""
    return model.model_dump(mode="json", by_alias=True)


def parse_record(model: type[RecordModel], body: object) -> dict[str, Any]:
    """Validates a body and returns the record as it is stored.

    Raises ValidationFailed.
    """
    try:
        return to_record(model.model_validate(body))
    except ValidationError as refused:
        raise validation_failed(refused, model=model) from None
