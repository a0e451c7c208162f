"""`follow_up`: blocks of actions for the caller, once a lead is decided."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any

from pydantic import Field, PlainValidator, ValidationInfo

from app.plan.findings import Faults, Finding, fault, join, quote
from app.plan.language.contact import CHANNELS, TOPIC
from app.plan.language.durations import read_duration
from app.plan.language.operands import EXTENSION
from app.plan.language.shapes import FollowUpCondition, Part, context_of, hand_written
from app.plan.language.templates import Template, parse_template

ACTION_TYPES = (
    "set_owner", "task", "cancel_task", "notify", "sequence", "tag", "segment", "audience",
    "suppress_campaign", "chat", "console_link",
)  # fmt: skip
CONSOLE_LINK = "console_link"
"""The type of the action that gives the owner a link to sign in to the console. It never holds the link."""
FILLED_IN = ("owner", "crm", "link_at")
"""The parameters of such an action that the service sets."""
NEEDED: Mapping[str, str] = {
    "task": "title",
    "notify": "via",
    "sequence": "name",
    "tag": "name",
    "segment": "name",
    "audience": "name",
    "suppress_campaign": "name",
}
"""The required parameter of each action type. The other types have none."""
CONSENTS = ("email", "sms", "phone")
WITH_SLA = ("accept", "touch")
AUDIENCE_CHANGES = ("add", "remove")

Parameter = Template | int | float | bool


@dataclass(frozen=True, slots=True)
class Action:
    """One action: its type, its parameters (strings as templates), and when it is due.

    `due` is a time after the decision, or `accept` or `touch` for the deadline of the SLA.
    An action that needs `consent` is withheld from a lead who has not given it.
    `without_consent` takes its place.

    `contact` is the channel through which the action contacts the person, and `topic` what it is about. A
    `transactional` one is sent whatever the person wants, and counts for no cap.
    """

    type: str
    params: Mapping[str, Parameter]
    due: timedelta | str | None = None
    consent: str | None = None
    contact: str | None = None
    topic: str | None = None
    transactional: bool = False
    without_consent: "Action | None" = None

    def fixed(self, name: str) -> str | None:
        """The parameter if it is a string without placeholders, else None."""
        text = self.params.get(name)
        return text[0] if isinstance(text, tuple) and len(text) == 1 and isinstance(text[0], str) else None


def _read_action(value: object, info: ValidationInfo) -> Action:
    if not isinstance(value, Mapping):
        raise fault("wrong_type", "Must be a mapping, such as {type: notify, via: slack}.")
    kind = _type(value)
    findings: list[Finding] = []
    found: dict[str, Any] = {}
    for name, each in value.items():
        try:
            if name in _READERS:
                found[name] = _READERS[name](each, info)
            elif name != "type":
                found.setdefault("params", {})[name] = _parameter(each, info)
        except Faults as refused:
            findings.extend(finding.under(quote(name)) for finding in refused.findings)
    if "without_consent" in value and "consent" not in value:
        findings.append(
            Finding(
                "without_consent",
                "misplaced_field",
                "Remove without_consent, or add the consent that the action needs.",
            )
        )
    if findings:
        raise Faults(*findings)
    params = _whole(kind, found.get("params", {}))
    return Action(kind, params, **{name: each for name, each in found.items() if name != "params"})


def _type(value: Mapping[Any, Any]) -> str:
    if "type" not in value:
        raise fault("required", "The type of the action is required.", "type")
    kind = value["type"]
    if not isinstance(kind, str) or (kind not in ACTION_TYPES and not EXTENSION.fullmatch(kind)):
        raise fault("not_allowed", f"Must be one of {', '.join(ACTION_TYPES)}, or start with x-.", "type")
    return kind


def _whole(kind: str, params: Mapping[str, Parameter]) -> Mapping[str, Parameter]:
    return {"change": ("add",), **params} if kind == "audience" else params


def _due(value: object, _: ValidationInfo) -> timedelta | str:
    if isinstance(value, str) and value in WITH_SLA:
        return value
    try:
        return read_duration(value)
    except ValueError as refused:
        raise fault("invalid_duration", str(refused)) from None


def _consent(value: object, _: ValidationInfo) -> str:
    if isinstance(value, str) and value in CONSENTS:
        return value
    raise fault("not_allowed", f"Must be one of {', '.join(CONSENTS)}.")


def _contact(value: object, _: ValidationInfo) -> str:
    if isinstance(value, str) and value in CHANNELS:
        return value
    raise fault("not_allowed", f"Must be one of {', '.join(CHANNELS)}.")


def _topic(value: object, _: ValidationInfo) -> str:
    if isinstance(value, str) and TOPIC.fullmatch(value):
        return value
    raise fault("not_allowed", "Must be a word of letters, digits, dots, hyphens and underscores.")


def _transactional(value: object, _: ValidationInfo) -> bool:
    if isinstance(value, bool):
        return value
    raise fault("wrong_type", "Must be true or false.")


def _parameter(value: object, info: ValidationInfo) -> Parameter:
    if isinstance(value, str):
        return parse_template(value, context_of(info).texts)
    if isinstance(value, (bool, int, float)):
        return value
    raise fault("wrong_type", "Must be a string, a number, true or false.")


_READERS = {
    "due": _due,
    "consent": _consent,
    "contact": _contact,
    "topic": _topic,
    "transactional": _transactional,
    "without_consent": _read_action,
}
"""The fields of an action that are not parameters."""

ReadAction = Annotated[Action, PlainValidator(_read_action), hand_written("action")]


class FollowUpBlock(Part):
    """Actions for the decisions that match a condition. Every matching block adds its actions."""

    when: FollowUpCondition | None = Field(
        None,
        description="The decisions it is for. It may also test outcome, step, rule, team, queue and path.",
    )
    do: tuple[ReadAction, ...] = Field(min_length=1, description="The actions, in order.")

    def actions(self) -> list[tuple[str, Action]]:
        """Every action with its path in the block, including those under `without_consent`."""
        found = [(f"do[{position}]", action) for position, action in enumerate(self.do)]
        for path, action in found:
            if action.without_consent is not None:
                found.append((join(path, "without_consent"), action.without_consent))
        return found
