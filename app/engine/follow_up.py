"""Follow-up: the actions a decision asks of the caller, from the plan's blocks."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from app.engine.comparisons import Get, Values, getter
from app.engine.conditions import Condition, compile_condition
from app.engine.model import Decision
from app.plan.follow_ups import Action, FollowUpBlock, Parameter
from app.plan.templates import Placeholder

_SPACES = re.compile(r"[ \t]{2,}")
_EMPTY_BRACKETS = re.compile(r"[ \t]*(?:\(\s*\)|\[\s*\]|\"\s*\"|'\s*')")
_BEFORE_PUNCTUATION = re.compile(r"[ \t]+(?=[,.;:!?](?:\s|$))")
_DOUBLED_PUNCTUATION = re.compile(r"([,;:])(?:\s*[,;:])+")
_DANGLING = " \t,;:-–—|/"


class FollowUp:
    """The blocks of one plan, ready to be asked for the actions of a decision."""

    def __init__(self, blocks: Sequence[FollowUpBlock]) -> None:
        self._blocks = [
            (
                compile_condition(block.when) if block.when is not None else None,
                [_Action(each) for each in block.do],
            )
            for block in blocks
        ]

    def actions(self, decision: Decision, values: Values, now: datetime) -> list[dict[str, Any]]:
        """Type, parameters and due time of every action of every block that fits, in the plan's order."""
        if not self._blocks:
            return []
        settled = {**values, **_settled(decision)}
        context = {
            **_settled(decision),
            "lead": values,
            "owner": _owner(decision),
            "trigger": values.get("trigger"),
        }
        return [
            action.made(context, now)
            for condition, actions in self._blocks
            if _fits(condition, settled, now)
            for action in actions
        ]


def compile_follow_up(blocks: Sequence[FollowUpBlock]) -> FollowUp:
    """Makes a plan's blocks ready, once for all its decisions."""
    return FollowUp(blocks)


def _fits(condition: Condition | None, values: Values, now: datetime) -> bool:
    return condition is None or condition.holds(values, now)


def _settled(decision: Decision) -> dict[str, str]:
    """How the lead was settled, as fields; what does not apply is missing."""
    fields = {
        "outcome": decision.outcome,
        "step": decision.step,
        "rule": decision.step if decision.strategy == "rule" else None,
        "team": decision.team,
        "queue": decision.queue,
        "path": decision.path,
    }
    return {name: value for name, value in fields.items() if value is not None}


def _owner(decision: Decision) -> Mapping[str, Any]:
    owner = decision.owner
    if owner is None:
        return {}
    return {
        "id": owner.id,
        "name": owner.name,
        "email": owner.email,
        "timezone": owner.zone.key,
        "crm": owner.crm,
    }


class _Action:
    """One action with its texts taken apart."""

    def __init__(self, action: Action) -> None:
        self._type = action.type
        self._due = action.due
        self._params = [(name, _text_of(value)) for name, value in action.params.items()]

    def made(self, context: Values, now: datetime) -> dict[str, Any]:
        params = ((name, text(context) if isinstance(text, _Text) else text) for name, text in self._params)
        return {
            "type": self._type,
            # A parameter of which nothing is left says nothing.
            "params": {name: value for name, value in params if value != ""},
            "due_at": now + self._due if self._due is not None else None,
        }


def _text_of(value: Parameter) -> "_Text | int | float | bool":
    return _Text(value) if isinstance(value, tuple) else value


class _Text:
    """A template. A value that is missing takes the space and the punctuation around it along."""

    def __init__(self, parts: Sequence[str | Placeholder]) -> None:
        self._parts: list[str | Get] = [
            getter(part.name) if isinstance(part, Placeholder) else part for part in parts
        ]

    def __call__(self, context: Values) -> str:
        filled = [part if isinstance(part, str) else _shown(part(context)) for part in self._parts]
        text = "".join(each for each in filled if each is not None)
        return text if None not in filled else _tidied(text)


def _shown(value: Any) -> str | None:
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, list):
        return ", ".join(shown for each in value if (shown := _shown(each)) is not None) or None
    return str(value) if isinstance(value, (str, int, float)) else None


def _tidied(text: str) -> str:
    for pattern, instead in (
        (_EMPTY_BRACKETS, ""),
        (_SPACES, " "),
        (_BEFORE_PUNCTUATION, ""),
        (_DOUBLED_PUNCTUATION, r"\1"),
    ):
        text = pattern.sub(instead, text)
    return text.strip().lstrip(_DANGLING).rstrip(_DANGLING)
