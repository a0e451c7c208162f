"""SLAs: the deadlines of owners and queues, and what follows when one is missed."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, PlainSerializer, PlainValidator, WithJsonSchema, model_validator

from app.plan.document.targets import Target
from app.plan.findings import fault
from app.plan.language.durations import format_duration, read_duration
from app.plan.language.shapes import Duration, Name, Part, StepCondition

MAX_SLA = timedelta(days=90)
MAX_GRACE = timedelta(days=1)
RUNGS = ("owner", "team", "queue")
"""The kinds of target to which a lead can be escalated."""
_PERCENT = re.compile(r"([1-9][0-9]?)%")


def _up_to(most: timedelta, least: timedelta) -> Callable[[timedelta], timedelta]:
    def check(length: timedelta) -> timedelta:
        if not least <= length <= most:
            above = "longer than 0 and " if least else ""
            raise fault("invalid_duration", f"Must be {above}at most {format_duration(most)}.")
        return length

    return check


Allowed = Annotated[Duration, AfterValidator(_up_to(MAX_SLA, timedelta(seconds=1)))]
"""A length of working time."""
GraceTime = Annotated[Duration, AfterValidator(_up_to(MAX_GRACE, timedelta()))]
Count = Annotated[int, Field(strict=True, ge=1, le=100)]


@dataclass(frozen=True, slots=True)
class Reminder:
    """A reminder of an SLA: after `percent` of the time, or so much working time before it is due."""

    percent: int | None = None
    before: timedelta | None = None

    def point_in(self, length: timedelta) -> timedelta:
        """The working time from the start of a clock of this length until the reminder."""
        if self.before is not None:
            return length - self.before
        return length * (self.percent or 0) / 100

    def __str__(self) -> str:
        return f"{self.percent}%" if self.before is None else format_duration(self.before)


def _reminder(value: object) -> Reminder:
    if isinstance(value, Reminder):
        return value
    share = _PERCENT.fullmatch(value) if isinstance(value, str) else None
    if share is not None:
        return Reminder(percent=int(share[1]))
    try:
        before = read_duration(value)
    except ValueError:
        before = timedelta()
    if not before:
        raise fault("invalid_duration", "Must be a share from 1% to 99%, or a duration such as 5m.")
    return Reminder(before=before)


ReminderTime = Annotated[
    Reminder,
    PlainValidator(_reminder),
    PlainSerializer(str),
    WithJsonSchema(
        {"type": "string", "pattern": "^([1-9][0-9]?%|[0-9]{1,9}[smhdw])$", "examples": ["50%", "5m"]}
    ),
]


def _rungs(targets: tuple[Target, ...]) -> tuple[Target, ...]:
    for position, target in enumerate(targets):
        if target.kind not in RUNGS or target.else_:
            text = f"Use one of {', '.join(RUNGS)}, without else. Add further targets to the list."
            raise fault("not_allowed", text, f"[{position}]")
    return targets


Escalation = Annotated[tuple[Target, ...], AfterValidator(_rungs)]


class Sla(Part):
    """Deadlines in working time, counted from the assignment, and what follows when one is missed."""

    accept: Allowed | None = Field(None, description="The time to accept the lead.")
    touch: Allowed | None = Field(None, description="The time to touch the lead. A touch accepts it as well.")
    claim: Allowed | None = Field(
        None,
        description="For leads without an owner: the time until somebody takes the lead. It runs while "
        "anybody works who may.",
    )
    remind: Annotated[tuple[ReminderTime, ...], Field(max_length=10)] = Field(
        (),
        description="Reminders before the deadline, in working time: a share of the time that has passed "
        "(`50%`), or the time that is left (`5m`).",
    )
    on_breach: Literal["remind", "take_away", "escalate"] = Field(
        "remind",
        description="What happens when a deadline is missed: remind the owner once more, take the lead away "
        "and give it to the next member, or escalate it.",
    )
    grace: GraceTime = Field(
        timedelta(minutes=2), description="The time between a deadline and what follows. 0 is allowed."
    )
    max_wall: Allowed | None = Field(
        None,
        description="A bound in plain time. A lead whose working time has not come until then is escalated; "
        "that is no miss.",
    )
    max_attempts: Count | None = Field(
        None,
        description="With take_away, how many owners may have the lead before it is escalated. The default "
        "is every member.",
    )
    escalate_to: Escalation = Field(
        (),
        description="The targets of an escalation, in order. Caps do not bind them, absences do. The last "
        "one is a queue. The default is the built-in queue.",
    )
    pause_after: Count | None = Field(
        None, description="An owner who misses so many leads in a row is paused. The default is never."
    )
    pause_for: Allowed = Field(
        timedelta(hours=8), description="How long such a pause lasts, in the owner's working time."
    )

    @model_validator(mode="after")
    def _something(self) -> "Sla":
        if self.accept is None and self.touch is None and self.claim is None:
            raise fault("required", "At least one of accept, touch and claim is required.")
        if self.escalate_to and self.escalate_to[-1].kind != "queue":
            text = "The last target must be a queue, so that the lead always has a place."
            raise fault("required", text, f"escalate_to[{len(self.escalate_to) - 1}]")
        return self


class SlaRule(Part):
    """The SLA of the leads that match a condition, when the step sets none."""

    when: StepCondition | None = Field(
        None,
        description="The leads it is for. The default is every lead. The first rule that matches counts.",
    )
    sla: Name = Field(description="An SLA of this plan.")
