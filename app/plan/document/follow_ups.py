"""What a plan asks of the caller once a lead is settled: blocks of actions."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any

from pydantic import Field, PlainValidator, ValidationInfo, WithJsonSchema

from app.plan.findings import Faults, Finding, fault, join, quote
from app.plan.language.durations import read_duration
from app.plan.language.operands import EXTENSION
from app.plan.language.shapes import FollowUpCondition, Part, reading
from app.plan.language.templates import Template, parse_template

ACTION_TYPES = (
    "set_owner", "task", "cancel_task", "notify", "sequence", "tag", "segment", "audience",
    "suppress_campaign", "chat",
)  # fmt: skip
NEEDED: Mapping[str, str] = {
    "task": "title",
    "notify": "via",
    "sequence": "name",
    "tag": "name",
    "segment": "name",
    "audience": "name",
    "suppress_campaign": "name",
}
"""The parameter without which an action of this type says nothing. The other types need none."""
CONSENTS = ("email", "sms", "phone")
WITH_SLA = ("accept", "touch")
AUDIENCE_CHANGES = ("add", "remove")

Parameter = Template | int | float | bool


@dataclass(frozen=True, slots=True)
class Action:
    """One action: its type, its parameters (texts as templates), and when it is due.

    `due` is a time after the decision, or `accept` or `touch`: with the SLA.
    An action that needs `consent` is withheld from a lead who has not given it.
    `without_consent` takes its place.
    """

    type: str
    params: Mapping[str, Parameter]
    due: timedelta | str | None = None
    consent: str | None = None
    without_consent: "Action | None" = None

    def fixed(self, name: str) -> str | None:
        """A parameter that is a fixed text; None where it is missing, no text, or filled in later."""
        text = self.params.get(name)
        return text[0] if isinstance(text, tuple) and len(text) == 1 and isinstance(text[0], str) else None


def _read_action(value: object, info: ValidationInfo) -> Action:
    if not isinstance(value, Mapping):
        raise fault("wrong_type", "Write an action as a mapping, such as {type: notify, via: slack}.")
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
                "Write without_consent only beside consent: it takes its place.",
            )
        )
    if findings:
        raise Faults(*findings)
    params = _whole(kind, found.get("params", {}))
    return Action(kind, params, found.get("due"), found.get("consent"), found.get("without_consent"))


def _type(value: Mapping[Any, Any]) -> str:
    if "type" not in value:
        raise fault("required", "Say what to do: add the action's type.", "type")
    kind = value["type"]
    if not isinstance(kind, str) or (kind not in ACTION_TYPES and not EXTENSION.fullmatch(kind)):
        raise fault("not_allowed", f"Use one of {', '.join(ACTION_TYPES)}, or x-….", "type")
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
    raise fault("not_allowed", f"Write one of {', '.join(CONSENTS)}.")


def _parameter(value: object, info: ValidationInfo) -> Parameter:
    if isinstance(value, str):
        return parse_template(value, reading(info).texts)
    if isinstance(value, (bool, int, float)):
        return value
    raise fault("wrong_type", "Write a text, a number, true or false here.")


_READERS = {"due": _due, "consent": _consent, "without_consent": _read_action}
"""What stands beside the parameters of every action."""

_ACTION_SCHEMA = {
    "type": "object",
    "required": ["type"],
    "properties": {
        "type": {
            "description": "What to do.",
            "anyOf": [{"enum": list(ACTION_TYPES)}, {"type": "string", "pattern": f"^{EXTENSION.pattern}$"}],
        },
        "due": {
            "type": ["string", "integer"],
            "pattern": "^(0|[0-9]{1,9}[smhdw]|accept|touch)$",
            "description": "How long after the decision it is due, such as 15m; or accept or touch: when the "
            "SLA is.",
        },
        "consent": {
            "enum": list(CONSENTS),
            "description": "The consent it needs; a lead who has not given it does not get the action.",
        },
        "without_consent": {
            "type": "object",
            "description": "The action, written like any other, that takes its place without consent.",
        },
    },
    "additionalProperties": {
        "type": ["string", "number", "boolean"],
        "description": "Any parameter; texts may hold {lead.…}, {owner.…}, {team}, {queue}, {path}, {rule}. "
        + "Needed are "
        + ", ".join(f"`{needed}` of {kind}" for kind, needed in NEEDED.items())
        + "; `change` of audience is add or remove.",
    },
}

ReadAction = Annotated[Action, PlainValidator(_read_action), WithJsonSchema(_ACTION_SCHEMA)]


class FollowUpBlock(Part):
    """Actions for the leads that meet a condition. Every block that fits adds its actions, in order."""

    when: FollowUpCondition | None = Field(
        None,
        description="Which decisions it is for; it may also ask outcome, step, rule, team, queue, path.",
    )
    do: tuple[ReadAction, ...] = Field(min_length=1, description="The actions, in order.")

    def actions(self) -> list[tuple[str, Action]]:
        """Every action with its path in the block, those that stand under `without_consent` as well."""
        found = [(f"do[{position}]", action) for position, action in enumerate(self.do)]
        for path, action in found:
            if action.without_consent is not None:
                found.append((join(path, "without_consent"), action.without_consent))
        return found
