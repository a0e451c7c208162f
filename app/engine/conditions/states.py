"""Conditions on `state`: a code with its country, a bare code, or a name, compared with a lead's state."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from app.plan.language.conditions import Leaf
from app.values.states import StateOptions, form_of_lead, names_of_state, tail

FIELD = "state"
_CLOSED = {"eq": True, "in": True, "ne": False, "not_in": False}


def compile_state(leaf: Leaf, compare: Callable[[Any, datetime], bool]) -> Callable[..., bool]:
    """The test of a leaf on `state`, for any operator but `exists`. `compare` compares texts.

    Comparisons of text hold when they hold for the code or for one of the names.
    """
    wanted = _CLOSED.get(leaf.operator)
    if wanted is None:
        return _by_text(compare)
    operands = leaf.operand if isinstance(leaf.operand, tuple) else (leaf.operand,)
    options = StateOptions(str(each) for each in operands)

    def holds(values: Mapping[str, Any], _: datetime) -> bool:
        state = values.get(FIELD)
        return isinstance(state, str) and options.has(state, values.get("country")) is wanted

    return holds


def _by_text(compare: Callable[[Any, datetime], bool]) -> Callable[..., bool]:
    def holds(values: Mapping[str, Any], now: datetime) -> bool:
        state = values.get(FIELD)
        if not isinstance(state, str):
            return False
        return any(compare(name, now) for name in names_of_state(state, values.get("country")))

    return holds


def state_bucket(values: Mapping[str, Any]) -> str | None:
    """What an index of states looks a lead up by. Options are filed under `tails_of`."""
    state = values.get(FIELD)
    if not isinstance(state, str):
        return None
    return tail(form_of_lead(state, values.get("country")).casefold())
