"""Queues: in which order their leads wait, for how long, and what a claim promises."""

import re
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainSerializer,
    PlainValidator,
    ValidationInfo,
    WithJsonSchema,
    model_validator,
)

from app.plan.document.slas import Allowed
from app.plan.document.targets import Target
from app.plan.findings import fault, quote
from app.plan.language.shapes import Name, Part, PlanContext, Words, context_of, once

_AGING = re.compile(r"([0-9]{1,4})(?:\.([0-9]{1,3}))?/h")
THOUSANDTHS = 1000


def read_aging(value: object) -> int:
    """Parse points of priority per hour, such as `10/h` or `0.5/h`, into thousandths. Raises ValueError."""
    match = _AGING.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise ValueError("Must be points of priority per hour, such as 10/h or 0.5/h.")
    return int(match[1]) * THOUSANDTHS + int((match[2] or "").ljust(3, "0"))


def format_aging(thousandths: int) -> str:
    """The shortest form that `read_aging` reads."""
    whole, part = divmod(thousandths, THOUSANDTHS)
    digits = f"{part:03}".rstrip("0")
    return f"{whole}.{digits}/h" if digits else f"{whole}/h"


def _aging(value: object, info: ValidationInfo) -> int:
    # Thousandths were once read from plain numbers as well. A plain 10 means 10/h.
    if type(value) is int and (value == 0 or context_of(info).stored):
        return value
    try:
        return read_aging(value)
    except ValueError as refused:
        raise fault("invalid_format", str(refused)) from None


def _hidden(names: Words, info: ValidationInfo) -> Words:
    # Without a context the names come from a plan that was checked already.
    if isinstance(info.context, PlanContext):
        for position, name in enumerate(names):
            lead = info.context.lead
            if lead.find(name) is None and name not in lead.free and not lead.below(name):
                raise fault("unknown_field", f"Unknown field {quote(name)}.", f"[{position}]")
    return names


Aging = Annotated[
    int,
    PlainValidator(_aging),
    PlainSerializer(format_aging),
    WithJsonSchema({"type": "string", "pattern": f"^{_AGING.pattern}$", "examples": ["10/h"]}),
]
Clock = Literal["working", "wall"]
Hidden = Annotated[Words, AfterValidator(once), AfterValidator(_hidden)]


class MaxWait(Part):
    """How long a lead waits in the queue at most."""

    for_: Allowed = Field(alias="for", description="The longest wait, counted from the entry.")
    clock: Clock = Field(
        "working",
        description="The time that counts: the working time of those who may claim, or all of it (`wall`).",
    )


class ClaimTerms(Part):
    """What a claim from the queue promises."""

    lease: Allowed | None = Field(
        None,
        description="The time to touch a claimed lead. An untouched one then returns to its place in the "
        "queue. Without it a claim stands.",
    )
    clock: Clock = Field(
        "wall", description="The time of the lease: all of it, or the working time of the owner."
    )
    until: Literal["first_touch"] = Field("first_touch", description="What ends the lease.")
    max: Annotated[int, Field(strict=True, ge=1, le=1000)] | None = Field(
        None, description="The most untouched claims that one owner holds at once."
    )
    hide: Hidden = Field(
        (), description="Fields of the lead that nobody sees until it is claimed, such as email and phone."
    )


def _long_form(value: object) -> object:
    return value if isinstance(value, (MaxWait, dict)) or value is None else {"for": value}


def _or_a_duration(schema: dict[str, Any]) -> None:
    """In the JSON Schema, a duration stands for an object with `for` alone."""
    schema["anyOf"].insert(0, {"type": "string", "pattern": "^[0-9]{1,9}[smhdw]$", "examples": ["8h"]})


class Queue(Part):
    """A queue, where leads wait without an owner."""

    claimable_by: Name | None = Field(
        None, description="The team whose members may claim from it. The default is every owner."
    )
    crm: dict[Name, Name] = Field(
        default_factory=dict, description="The ids of the queue in CRMs, by the name of the CRM."
    )
    sla: Name | None = Field(
        None, description="The SLA whose `claim` says until when somebody takes a lead from it."
    )
    aging: Aging = Field(
        0,
        description="How much priority a waiting lead gains, such as `10/h`, so that leads with a low one "
        "are not overtaken for ever. The default is nothing.",
    )
    max_wait: Annotated[MaxWait | None, BeforeValidator(_long_form)] = Field(
        None,
        description="How long a lead waits at most. It then goes to `then`. A duration such as `8h` is short "
        "for `{for: 8h}`.",
        json_schema_extra=_or_a_duration,
    )
    then: Target | None = Field(None, description="Where a lead goes that has waited for `max_wait`.")
    release: Literal["claim", "shift"] = Field(
        "claim",
        description="How leads leave the queue: by claims alone, or also as soon as a member of "
        "`claimable_by` is on shift and free (`shift`). Waiting leads then go before new ones.",
    )
    claim: ClaimTerms = Field(default_factory=ClaimTerms, description="What a claim promises.")

    @model_validator(mode="after")
    def _complete(self) -> "Queue":
        if self.max_wait is not None and self.then is None:
            raise fault("required", "then is required with max_wait: it says where the lead goes.", "then")
        if self.then is not None and self.max_wait is None:
            raise fault("misplaced_field", "Remove then. It needs max_wait.", "then")
        if self.release == "shift" and self.claimable_by is None:
            text = "claimable_by is required with release: shift. It is the team whose shifts count."
            raise fault("required", text, "claimable_by")
        return self

    @property
    def ladder(self) -> tuple[Target, ...]:
        """The targets of a lead that has waited too long, in the order they are tried."""
        return (self.then, *self.then.otherwise) if self.then is not None else ()
