"""Reads the sound parts of a plan that has faults, so that their faults are found in the same round."""

import re
from collections.abc import Mapping, Sequence
from copy import copy
from typing import Any

from pydantic import ValidationError

from app.plan.document.plan import PlanDocument
from app.plan.document.pydantic_errors import findings_of
from app.plan.document.steps import BUILT_IN, Strategies
from app.plan.findings import Finding, quote
from app.plan.reader.read import plan_context

MAX_ROUNDS = 5
_ITEM = re.compile(r"(\w+)\[(\d+)\]")
_CONDITION = re.compile(r"pipeline\[(\d+)\]\.([^.\[]+)\.when\b")
_ITEMS: Mapping[str, object] = {
    "pipeline": {"score": {"bands": {"removed": {}}}},
    "follow_up": {"do": [{"type": "x-removed"}]},
    "tests": {"lead": {}, "expect": {"outcome": "assigned"}},
}
"""What takes the place of a faulty item, so that the others keep their positions."""
_ENTRIES: Mapping[str, object] = {
    "queues": {},
    "paths": {},
    "slas": {"touch": "1h"},
    "scores": [{"when": {"exists": "country"}, "points": 1}],
}
"""What takes the place of a faulty entry, so that its name stays known."""


def read_rest(
    data: Mapping[str, object], findings: Sequence[Finding], strategies: Strategies = BUILT_IN
) -> tuple[PlanDocument | None, list[Finding]]:
    """The document without its faulty parts, and the findings that these parts have hidden.

    None when nothing is left that could be read.
    """
    context = plan_context(data, strategies)
    left: dict[str, Any] = dict(data)
    hidden: list[Finding] = []
    latest = list(findings)
    for _ in range(MAX_ROUNDS):
        left = _without(left, latest)
        try:
            return PlanDocument.model_validate(left, context=context), hidden
        except ValidationError as refused:
            latest = findings_of(refused, model=PlanDocument)
            known = {(each.path, each.code) for each in (*findings, *hidden)}
            hidden += [each for each in latest if (each.path, each.code) not in known]
    return None, hidden


def _without(data: Mapping[str, Any], findings: Sequence[Finding]) -> dict[str, Any]:
    left = {name: copy(each) for name, each in data.items()}
    for path in dict.fromkeys(each.path for each in findings):
        condition, item = _CONDITION.match(path), _ITEM.match(path)
        if condition is not None and _drop_condition(left, int(condition[1]), condition[2]):
            continue
        if item is not None and item[1] in _ITEMS and isinstance(left.get(item[1]), list):
            if int(item[2]) < len(left[item[1]]):
                left[item[1]][int(item[2])] = _ITEMS[item[1]]
            continue
        _drop_entry(left, path)
    return left


def _drop_condition(left: dict[str, Any], position: int, strategy: str) -> bool:
    """Leave out the condition of a step. False when it has none any more."""
    try:
        step = left["pipeline"][position]
        config = dict(step[strategy])
        del config["when"]
    except (KeyError, IndexError, TypeError, ValueError):
        return False
    left["pipeline"][position] = {strategy: config}
    return True


def _drop_entry(left: dict[str, Any], path: str) -> None:
    name = re.split(r"[.\[]", path, maxsplit=1)[0]
    entries = left.get(name)
    if isinstance(entries, dict) and path != name:
        for key in [key for key in entries if _is_under(path, f"{name}.{quote(key)}")]:
            del entries[key]
            if name in _ENTRIES:
                entries[key] = _ENTRIES[name]
            return
    for key in [key for key in left if quote(key) == name and key != "pipeline"]:
        del left[key]


def _is_under(path: str, start: str) -> bool:
    return path == start or path.startswith((f"{start}.", f"{start}["))
