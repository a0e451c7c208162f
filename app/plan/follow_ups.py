"""What a plan asks of the caller once a lead is settled: blocks of actions."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any

from pydantic import Field, PlainValidator, ValidationInfo, WithJsonSchema

from app.plan.durations import parse_duration
from app.plan.findings import Faults, Finding, fault, shown
from app.plan.operands import EXTENSION
from app.plan.shapes import FollowUpCondition, Part, reading
from app.plan.templates import Template, parse_template

ACTION_TYPES = (
    "set_owner", "task", "cancel_task", "notify", "sequence", "tag", "segment", "audience",
    "suppress_campaign", "chat",
)  # fmt: skip

Parameter = Template | int | float | bool


@dataclass(frozen=True, slots=True)
class Action:
    """One action: its type, its parameters (texts as templates), and when it is due after the decision."""

    type: str
    params: Mapping[str, Parameter]
    due: timedelta | None = None


def _read_action(value: object, info: ValidationInfo) -> Action:
    if not isinstance(value, Mapping):
        raise fault("wrong_type", "Write an action as a mapping, such as {type: notify, via: slack}.")
    kind = _type(value)
    findings: list[Finding] = []
    params: dict[str, Parameter] = {}
    due = None
    for name, each in value.items():
        try:
            if name == "due":
                due = _due(each)
            elif name != "type":
                params[name] = _parameter(each, info)
        except Faults as refused:
            findings.extend(finding.under(shown(name)) for finding in refused.findings)
    if findings:
        raise Faults(*findings)
    return Action(kind, params, due)


def _type(value: Mapping[Any, Any]) -> str:
    if "type" not in value:
        raise fault("missing_key", "Say what to do: add the action's type.", "type")
    kind = value["type"]
    if not isinstance(kind, str) or (kind not in ACTION_TYPES and not EXTENSION.fullmatch(kind)):
        raise fault("unknown_action", f"Use one of {', '.join(ACTION_TYPES)}, or x-….", "type")
    return kind


def _due(value: object) -> timedelta:
    try:
        return parse_duration(value if isinstance(value, str) else "")
    except ValueError as refused:
        raise fault("bad_duration", str(refused)) from None


def _parameter(value: object, info: ValidationInfo) -> Parameter:
    if isinstance(value, str):
        return parse_template(value, reading(info).lead)
    if isinstance(value, (bool, int, float)):
        return value
    raise fault("wrong_type", "Write a text, a number, true or false here.")


_ACTION_SCHEMA = {
    "type": "object",
    "required": ["type"],
    "properties": {
        "type": {
            "description": "What to do.",
            "anyOf": [{"enum": list(ACTION_TYPES)}, {"type": "string", "pattern": f"^{EXTENSION.pattern}$"}],
        },
        "due": {
            "type": "string",
            "pattern": "^(0|[0-9]{1,9}[smhdw])$",
            "description": "How long after the decision it is due, such as 15m.",
        },
    },
    "additionalProperties": {
        "type": ["string", "number", "boolean"],
        "description": "Any parameter; texts may hold {lead.…}, {owner.…}, {team}, {queue}, {path}, {rule}.",
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
