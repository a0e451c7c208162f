"""The tests in a plan: a lead, the given circumstances, and the expected decision."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any

from pydantic import AfterValidator, Field, PlainValidator, ValidationInfo, model_validator

from app.plan.findings import Faults, Finding, fault, join, quote
from app.plan.language.fields import CUSTOMER_STATUSES, OUTCOMES, TRIGGERS, Kind
from app.plan.language.fields import Field as LeadField
from app.plan.language.operands import EXTENSION
from app.plan.language.shapes import Moment, Name, Part, Timestamp, Words, context_of, hand_written
from app.plan.language.spelling import did_you_mean

_NESTED = ("consent", "crm", "utm")
_TYPES: dict[Kind, tuple[type, ...]] = {
    Kind.STRING: (str,),
    Kind.INTEGER: (int, float, str),
    Kind.NUMBER: (int, float, str),
    Kind.BOOLEAN: (bool, int, str),
    Kind.TIMESTAMP: (int, str),
    Kind.STRINGS: (list,),
    Kind.OBJECTS: (list,),
    Kind.ANY: (str, int, float, bool, list, dict),
}
_ITEMS: dict[Kind, type] = {Kind.STRINGS: str, Kind.OBJECTS: dict}


def _read_lead(value: object, info: ValidationInfo) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise fault("wrong_type", "The lead must be a mapping of its fields.")
    findings: list[Finding] = []
    for key, each in value.items():
        if key in _NESTED and isinstance(each, Mapping):
            for rest, inner in each.items():
                findings.extend(_value_faults(f"{key}.{rest}", inner, info, join(key, quote(rest))))
        elif key == "attributes":
            findings.extend([] if isinstance(each, Mapping) else [_mistyped(key, "mapping")])
        else:
            findings.extend(_value_faults(str(key), each, info, quote(key)))
    if findings:
        raise Faults(*findings)
    return dict(value)


def _value_faults(name: str, value: object, info: ValidationInfo, path: str) -> list[Finding]:
    field = context_of(info).lead.find(name)
    if field is None:
        meant = did_you_mean(name, context_of(info).lead.fields)
        text = f"Unknown field of a lead.{meant} Custom fields go under attributes."
        return [Finding(path, "unknown_field", text)]
    if value is None or _fits(field, value):
        return []
    return [_mistyped(path, field.kind)]


def _mistyped(path: str, kind: str) -> Finding:
    return Finding(path, "wrong_type", f"Must be of type {kind}.")


def _fits(field: LeadField, value: object) -> bool:
    if isinstance(value, bool) and field.kind not in (Kind.BOOLEAN, Kind.ANY):
        return False
    if not isinstance(value, _TYPES[field.kind]):
        return False
    if field.kind in _ITEMS and isinstance(value, list):
        return all(isinstance(each, _ITEMS[field.kind]) for each in value)
    return True


def _trigger(value: str) -> str:
    if value not in TRIGGERS and not EXTENSION.fullmatch(value):
        raise fault("not_allowed", f"Must be one of {', '.join(TRIGGERS)}, or start with x-.")
    return value


def _outcome(value: str) -> str:
    if value not in OUTCOMES:
        raise fault("not_allowed", f"Must be one of {', '.join(OUTCOMES)}.")
    return value


def _status(value: str) -> str:
    if value not in CUSTOMER_STATUSES:
        raise fault("not_allowed", f"Must be one of {', '.join(CUSTOMER_STATUSES)}.")
    return value


CaseLead = Annotated[dict[str, Any], PlainValidator(_read_lead), hand_written("lead")]


class ExistingLead(Part):
    """The earlier decision of a returning lead."""

    owner: Name | None = Field(None, description="The owner of the lead.")
    team: Name | None = Field(None, description="The team the owner got it from.")
    queue: Name | None = Field(None, description="The queue the lead waits in.")
    at: Timestamp = Field(
        timedelta(days=-1), description="The time of the decision. The default is a day ago."
    )
    lead: CaseLead | None = Field(
        None, description="The fields of the lead before. Without them, the repeat says nothing new."
    )

    @model_validator(mode="after")
    def _somewhere(self) -> "ExistingLead":
        if (self.owner is None) == (self.queue is None):
            raise fault("exactly_one", "Exactly one of owner and queue is required.")
        return self


class GivenAccount(Part):
    """The account of the lead in a test."""

    id: Name = Field("account", description="Its id.")
    name: Name | None = Field(None, description="Its name.")
    tier: Name | None = Field(None, description="Its tier.")
    owner: Name | None = Field(None, description="Its owner, by id.")
    roles: dict[Name, Name] = Field(default_factory=dict, description="Owners by their role there.")
    customer_status: Annotated[Name, AfterValidator(_status)] | None = Field(
        None, description="Its status as a customer."
    )
    open_opportunity: str | int | float | bool | dict[str, Any] | None = Field(
        None, description="A value says that an opportunity is open."
    )
    attributes: dict[str, Any] = Field(default_factory=dict, description="Its custom attributes.")
    crm: dict[Name, Name] = Field(
        default_factory=dict, description="Its ids in CRMs, by the name of the CRM."
    )
    parent: "GivenAccount | None" = Field(None, description="Its parent account.")

    def line(self) -> Iterator["GivenAccount"]:
        """The account, then its ancestors."""
        yield self
        if self.parent is not None:
            yield from self.parent.line()

    def named(self) -> Iterator[tuple[str, str]]:
        """Every owner that it and its ancestors name, each with the path."""
        if self.owner is not None:
            yield "owner", self.owner
        yield from ((f"roles.{quote(role)}", owner) for role, owner in self.roles.items())
        if self.parent is not None:
            yield from ((f"parent.{place}", owner) for place, owner in self.parent.named())


class Given(Part):
    """The circumstances of a test. All other owners are eligible and idle."""

    now: Moment | None = Field(None, description="The time of the decision.")
    absent: Words = Field((), description="Owners who are absent, by id.")
    existing: ExistingLead | None = Field(
        None, description="The earlier decision, if the lead is a returning one."
    )
    account: GivenAccount | None = Field(None, description="The account of the lead.")

    def existing_at(self, now: datetime) -> datetime | None:
        """The time of the earlier decision, or None for a new lead."""
        if self.existing is None:
            return None
        return self.existing.at if isinstance(self.existing.at, datetime) else now + self.existing.at


class Expectation(Part):
    """The expected decision. Only the fields that are set are compared."""

    outcome: Annotated[Name, AfterValidator(_outcome)] | None = Field(None, description="The outcome.")
    team: Name | None = Field(None, description="The team.")
    owner: Name | None = Field(None, description="The owner's id.")
    queue: Name | None = Field(None, description="The queue.")
    path: Name | None = Field(None, description="The path.")
    block: Name | None = Field(None, description="The blocking list.")
    rule: Name | None = Field(None, description="The rule that decided.")
    step: Name | None = Field(None, description="The step that decided.")
    band: Name | None = Field(None, description="The band of the lead.")
    reason: Name | None = Field(None, description="The code of the reason, such as `reengaged`.")
    sla: Name | None = Field(None, description="The SLA of the owner who gets the lead.")
    actions: Words | None = Field(
        None, description="The types of the actions, in order. [] means no actions."
    )

    @model_validator(mode="after")
    def _something(self) -> "Expectation":
        if not self.expected():
            raise fault("required", "At least one expectation is required, such as {team: inbound}.")
        return self

    def expected(self) -> dict[str, str | Words]:
        """The expected values, by field."""
        return {name: value for name in type(self).model_fields if (value := getattr(self, name)) is not None}


class PlanTest(Part):
    """One test: a lead and its expected decision. The lead needs no identity field."""

    __test__ = False  # or pytest would try to collect it

    name: Name | None = Field(None, description="What the test shows.")
    lead: CaseLead = Field(description="The fields of the lead, as in POST /assign.")
    trigger: Annotated[Name, AfterValidator(_trigger)] = Field("form", description="The trigger of the lead.")
    given: Given = Field(default_factory=Given, description="The circumstances of the test.")
    expect: Expectation = Field(description="The expected decision.")
