"""What happens to an assignment after its decision: `on_event`, `handoffs`, and when it closes."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated

from pydantic import AfterValidator, Field, PlainValidator, ValidationError, ValidationInfo, model_validator

from app.plan.document.follow_ups import FollowUpBlock
from app.plan.document.pydantic_errors import findings_of
from app.plan.document.targets import Target
from app.plan.findings import Faults, Finding, fault, quote
from app.plan.language.event_types import FACTS, IDLE, ORDERS, OWN_TYPE
from app.plan.language.shapes import Duration, Name, Part, StepCondition, hand_written, once

MAX_TIME = timedelta(days=3650)
ACCOUNT = "account."
"""In `to` of a handoff: before a role, the owner with this role in the lead's account."""


def _event(*names: str) -> AfterValidator:
    def check(name: str) -> str:
        if name not in names and not OWN_TYPE.fullmatch(name):
            raise fault("not_allowed", f"Must be one of {', '.join(names)}, or start with x-.")
        return name

    return AfterValidator(check)


def _some_time(length: timedelta) -> timedelta:
    if not timedelta() < length <= MAX_TIME:
        raise fault("invalid_duration", "Must be longer than 0 and at most 3650d.")
    return length


def _receiver(value: object, info: ValidationInfo) -> str | Target:
    if isinstance(value, Target):
        return value
    if isinstance(value, str) and value.startswith(ACCOUNT) and value.removeprefix(ACCOUNT).strip():
        return value
    if not isinstance(value, Mapping):
        text = "Must be a target, such as {team: sales}, or account. and a role, such as account.ae."
        raise fault("wrong_type", text)
    try:
        return Target.model_validate(value, context=info.context)
    except ValidationError as refused:
        raise Faults(*findings_of(refused, model=Target)) from None


SomeTime = Annotated[Duration, AfterValidator(_some_time)]
"""More than no time at all, and at most ten years."""
EventName = Annotated[Name, _event(*ORDERS, *FACTS, IDLE)]
FactName = Annotated[Name, _event(*FACTS)]
Receiver = Annotated[str | Target, PlainValidator(_receiver), hand_written("receiver")]


class Handoff(Part):
    """A second assignment of the lead, linked to the first, that an event makes once."""

    name: Name = Field(description="The name of the handoff, unique in the plan.")
    when_event: FactName = Field(description="The event that makes it.")
    when: StepCondition | None = Field(
        None, description="The leads it is for. The default is every lead. Bands and points are not known."
    )
    to: Receiver = Field(
        description="Who gets the lead: a team, an owner or a queue, or `account.` and a role, such as "
        "account.ae, for the owner with this role in the lead's account."
    )
    else_: tuple[Target, ...] = Field(
        (),
        alias="else",
        description="The targets to try, in order, when `to` cannot take the lead. If none of them can, the "
        "first owner keeps it.",
    )
    keep: bool = Field(
        False,
        strict=True,
        description="Whether the first owner keeps the lead too. By default their assignment ends.",
    )

    @model_validator(mode="after")
    def _assignable(self) -> "Handoff":
        findings = []
        for path, target in self.targets():
            if target.kind not in ("team", "owner", "queue"):
                text = "A handoff goes to a team, an owner or a queue. Use one of them."
                findings.append(Finding(f"{path}.{target.kind}", "not_allowed", text))
            elif target.off_hours == "hold":
                text = "Remove hold. The first owner keeps the lead until somebody can take it."
                findings.append(Finding(f"{path}.off_hours", "not_allowed", text))
        if findings:
            raise Faults(*findings)
        return self

    def targets(self) -> list[tuple[str, Target]]:
        """The targets in the order they are tried, each with its path, without an owner of the account."""
        first = [] if isinstance(self.to, str) else [self.to, *self.to.otherwise]
        found = [("to" if rung == 0 else f"to.else[{rung - 1}]", each) for rung, each in enumerate(first)]
        for position, target in enumerate(self.else_):
            if target.else_:
                text = "A target under else cannot have its own else. Add these targets to the list."
                raise fault("misplaced_field", text, f"else[{position}].else")
            found.append((f"else[{position}]", target))
        return found

    @property
    def role(self) -> str | None:
        """The role in the lead's account whose owner gets the lead, if the handoff goes to one."""
        return self.to.removeprefix(ACCOUNT) if isinstance(self.to, str) else None


def _names_once(handoffs: tuple[Handoff, ...]) -> tuple[Handoff, ...]:
    names = [each.name for each in handoffs]
    for position, name in enumerate(names):
        if name in names[:position]:
            raise fault("duplicate_name", f"Another handoff is named {quote(name)}.", f"[{position}].name")
    return handoffs


Handoffs = Annotated[tuple[Handoff, ...], AfterValidator(_names_once)]
CloseOn = Annotated[tuple[FactName, ...], AfterValidator(once)]
OnEvent = dict[EventName, Annotated[tuple[FollowUpBlock, ...], Field(min_length=1)]]
