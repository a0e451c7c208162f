"""Events of assignments: what callers report, and what they get."""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import (
    AfterValidator,
    Field,
    PlainValidator,
    SkipValidation,
    ValidationError,
    WithJsonSchema,
    model_validator,
)

from app.contract.faults import invalid, validation_failed
from app.contract.responses import (
    Action,
    AssignmentState,
    Decision,
    ProblemDetails,
    ResponseModel,
    WithheldAction,
)
from app.contract.strict_json import InvalidItem
from app.contract.types import LeadId, RequestModel, RequiredId, Text, Timestamp, Topic
from app.engine.life.event_table import EVENT_KINDS
from app.errors import Path, ValidationFailed
from app.plan.language.event_types import OWN_TYPE

_CURRENCY = re.compile(r"[A-Z]{3}")
MAX_AMOUNT = Decimal(10) ** 15


def _event_type(text: object) -> str:
    if isinstance(text, str) and (text in EVENT_KINDS or OWN_TYPE.fullmatch(text)):
        return text
    raise invalid("not_allowed", f"must be one of {', '.join(EVENT_KINDS)}, or x- and a word of your own")


def _instant_or_day(sent: object) -> datetime | date:
    """A time, or a date alone: some systems know no more."""
    try:
        if isinstance(sent, str) and len(sent) <= 10:
            day = date.fromisoformat(sent)
            if 1900 <= day.year <= 2200:
                return day
        elif isinstance(sent, str):
            at = datetime.fromisoformat(sent)
            at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
            if 1900 <= at.year <= 2200:
                return at
    except (ValueError, OverflowError):
        pass
    raise invalid("invalid_timestamp", "must be a date and time, such as 2026-11-20T10:00:00Z, or a date")


def _amount(sent: object) -> Decimal:
    if isinstance(sent, (int, float)) and not isinstance(sent, bool):
        number = Decimal(str(sent))
        if number.is_finite() and abs(number) < MAX_AMOUNT:
            return number
        raise invalid("out_of_range", "is too large a number")
    raise invalid("wrong_type", "must be a number")


def _currency(text: str) -> str:
    if not _CURRENCY.fullmatch(text):
        raise invalid("invalid_format", "must be three capital letters, such as EUR")
    return text


EventType = Annotated[
    str,
    PlainValidator(_event_type),
    WithJsonSchema({"type": "string", "pattern": f"^({'|'.join(EVENT_KINDS)}|{OWN_TYPE.pattern})$"}),
]
InstantOrDay = Annotated[
    Any, PlainValidator(_instant_or_day), WithJsonSchema({"type": "string", "format": "date-time"})
]
Amount = Annotated[Any, PlainValidator(_amount), WithJsonSchema({"type": "number"})]
Currency = Annotated[str, AfterValidator(_currency)]


class EventRequest(RequestModel):
    """What happened to an assignment."""

    id: RequiredId | None = Field(
        None, description="Your id of the event. The same id from the same source is the same event."
    )
    type: EventType
    at: InstantOrDay | None = Field(
        None, description="When it happened; a date alone if no time is known. The default is now."
    )
    by: RequiredId | None = Field(
        None,
        description="Who did it: an owner, by id or CRM id, or the name of an integration. The default is "
        "the owner of the assignment.",
    )
    via: RequiredId | None = Field(
        None,
        description="How: `phone`, `email` and so on. What `auto`, `automation`, `autoresponder`, `bot`, "
        "`sequence`, `system` and `workflow` did is never a touch.",
    )
    reason: RequiredId | None = Field(None, description="The reason of a reject, from the plan's list.")
    amount: Amount | None = None
    currency: Currency | None = Field(None, description="An ISO 4217 code.")
    note: Text | None = None
    ref: RequiredId | None = Field(None, description="The deal, for opportunity, purchase and reversed.")
    for_: Timestamp | None = Field(None, alias="for", description="The time of a planned meeting.")
    until: Timestamp | None = Field(None, description="The end of a snooze.")
    result: Literal["upheld", "overturned"] | None = Field(None, description="How a dispute was settled.")
    channel: Literal["email", "sms", "phone", "chat"] | None = Field(
        None,
        description="For unsubscribed and complained: the channel. The default is all of messages, or all.",
    )
    topic: Topic | None = Field(
        None, description="For unsubscribed and complained: the topic. The default is `all`."
    )

    @model_validator(mode="after")
    def _complete(self) -> "EventRequest":
        needs = {"snoozed": "until", "reversed": "ref", "dispute_settled": "result"}
        needed = needs.get(self.type)
        if needed is not None and getattr(self, needed) is None:
            raise invalid("required", f"is required for the type {self.type}", needed)
        return self


class EventItem(EventRequest):
    """One event of a batch, and its assignment: exactly one of the four ids."""

    assignment_id: LeadId | None = None
    lead_id: LeadId | None = None
    external_id: RequiredId | None = None
    crm_lead_id: RequiredId | None = None

    @model_validator(mode="after")
    def _addressed(self) -> "EventItem":
        ids = (self.assignment_id, self.lead_id, self.external_id, self.crm_lead_id)
        if sum(each is not None for each in ids) != 1:
            raise invalid(
                "exactly_one", "must hold exactly one of assignment_id, lead_id, external_id or crm_lead_id"
            )
        return self


# A model that only a list uses would be written out in the list.
Item = Annotated[EventItem, WithJsonSchema({"$ref": "#/components/schemas/EventItem"})]


class EventBatch(RequestModel):
    """Events in the order they are to be processed. Each item is checked on its own."""

    items: Annotated[list[SkipValidation[Item]], Field(min_length=1, max_length=1000)]


def validate_events(batch: EventBatch) -> Iterator[EventItem | ValidationFailed]:
    """Validates each event on its own, in order. The paths of faults start at `items[i]`."""
    for position, item in enumerate(batch.items):
        yield _validate(item, ("items", position))


def _validate(item: object, path: Path) -> EventItem | ValidationFailed:
    if isinstance(item, InvalidItem):
        return ValidationFailed(faults=[item.fault])
    try:
        return EventItem.model_validate(item)
    except ValidationError as refused:
        return validation_failed(refused, path, EventItem)


class EventSuppression(ResponseModel):
    """The entry that a reject made in a suppression list.

    `code` says why it holds the address although the plan asks for the domain: the domain belongs to a free
    mail provider, or to a customer.
    """

    id: UUID
    kind: Literal["email", "domain"]
    list: str
    code: Literal["free_mail", "customer_account"] | None


class EventResult(ResponseModel):
    """What an event changed.

    `effect` is `none` where it moved nothing, and `history` for an event that is older than its assignment.
    `decision` is where the lead went, if the event moved it.
    """

    event_id: UUID
    assignment_id: UUID
    lead_id: UUID
    type: str
    state: AssignmentState
    effect: str
    refunded: bool = Field(description="Whether the owner got their turn back, and their place in the caps.")
    code: Literal["refund_limit"] | None = Field(
        description="`refund_limit` if there is no refund because the owner has had all of the day."
    )
    suppression: EventSuppression | None
    working_seconds: int | None = Field(
        description="For a touch, the owner's working time since the assignment, in seconds. Otherwise null."
    )
    actions: list[Action]
    withheld_actions: list[WithheldAction] | None = Field(
        None, description="Present only when actions of the event are withheld."
    )
    decision: Decision | None
    replayed: bool


class EventBatchItem(ResponseModel):
    """The result of one event, or its problem."""

    status: int
    result: EventResult | None = None
    problem: ProblemDetails | None = None


class EventBatchResult(ResponseModel):
    """The items in the order they were sent."""

    items: list[EventBatchItem]
