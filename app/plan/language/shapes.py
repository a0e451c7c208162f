"""The small types of a plan document: names, durations, timestamps, conditions."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    PlainValidator,
    StringConstraints,
    ValidationInfo,
    WithJsonSchema,
)

from app.plan.findings import fault
from app.plan.language.conditions import Node, parse_condition
from app.plan.language.durations import format_duration, parse_instant, read_duration
from app.plan.language.fields import FOLLOW_UP, LEAD, PIPELINE, Catalog

Name = Annotated[
    str,
    StringConstraints(
        strict=True, strip_whitespace=True, min_length=1, max_length=255, pattern=r"^[^\x00-\x1f\x7f]+$"
    ),
]
"""The name of an owner, team, queue, path, rule or list: 1 to 255 characters, no control characters."""

Words = tuple[Name, ...]


class Part(BaseModel):
    """A part of the document: unknown fields are errors, and instances are immutable."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


@dataclass(frozen=True, slots=True)
class PlanContext:
    """The context in which a plan is read: the strategies and fields that exist.

    `lead` has the fields a lead may be sent with, `texts` those a template may show. A `stored` plan may be
    written in ways that a new one no longer may.
    """

    strategies: Mapping[str, type[BaseModel]]
    lead: Catalog = LEAD
    pipeline: Catalog = PIPELINE
    follow_up: Catalog = FOLLOW_UP
    texts: Catalog = LEAD
    stored: bool = False


def once(words: tuple[str, ...]) -> tuple[str, ...]:
    """The same words. Raises Faults for duplicates."""
    seen: set[str] = set()
    for position, word in enumerate(words):
        if word in seen:
            raise fault("duplicate_value", "Listed twice. Remove one.", f"[{position}]")
        seen.add(word)
    return words


def context_of(info: ValidationInfo) -> PlanContext:
    """The context of this validation. Without one, no strategy exists."""
    return info.context if isinstance(info.context, PlanContext) else PlanContext({})


def _written_as_number(value: object, info: ValidationInfo) -> object:
    if isinstance(value, (bool, str)) and not context_of(info).stored:
        raise fault("wrong_type", "Must be a number.")
    return value


WrittenAsNumber = BeforeValidator(_written_as_number)
"""For numbers with a fraction: `true` is not 1, and a text is no number."""


def _duration(value: object) -> timedelta:
    if isinstance(value, timedelta):
        return value
    try:
        return read_duration(value)
    except ValueError as refused:
        raise fault("invalid_duration", str(refused)) from None


def _instant(value: object) -> datetime | timedelta:
    if isinstance(value, (datetime, timedelta)):
        return value
    try:
        return parse_instant(value if isinstance(value, str) else "")
    except ValueError as refused:
        raise fault("invalid_timestamp", str(refused)) from None


def _moment(value: object) -> datetime:
    at = _instant(value)
    if isinstance(at, timedelta):
        raise fault(
            "invalid_timestamp",
            "Must be a fixed timestamp, such as 2026-11-20T10:00:00Z, so that every run is the same.",
        )
    return at


def _condition(catalog: Callable[[PlanContext], Catalog]) -> Callable[[Any, ValidationInfo], Node]:
    def validate(value: Any, info: ValidationInfo) -> Node:
        return parse_condition(value, catalog(context_of(info)))

    return validate


def hand_written(part: str) -> WithJsonSchema:
    """A mark in the JSON Schema of a type that is parsed by hand. `app.plan.json_schema` describes it."""
    return WithJsonSchema({"$comment": part})


Duration = Annotated[
    timedelta,
    PlainValidator(_duration),
    PlainSerializer(format_duration),
    WithJsonSchema(
        {"type": ["string", "integer"], "pattern": "^(0|[0-9]{1,9}[smhdw])$", "examples": ["15m", "90d"]}
    ),
]
"""An integer with s, m, h, d or w, or 0."""

Timestamp = Annotated[
    datetime | timedelta,
    PlainValidator(_instant),
    WithJsonSchema({"type": "string", "examples": ["2026-11-20T10:00:00Z", "now-30d", "30d ago"]}),
]
"""A timestamp, absolute or relative to now."""

Moment = Annotated[
    datetime,
    PlainValidator(_moment),
    WithJsonSchema({"type": "string", "examples": ["2026-11-20T10:00:00Z"]}),
]
"""An absolute timestamp."""

StepCondition = Annotated[Node, PlainValidator(_condition(lambda r: r.pipeline)), hand_written("condition")]
"""A condition on a lead and its trigger."""

FollowUpCondition = Annotated[
    Node, PlainValidator(_condition(lambda r: r.follow_up)), hand_written("condition")
]
"""A condition on a lead, its trigger and its decision."""

Priority = Annotated[int, Field(strict=True, ge=0, le=100)]
