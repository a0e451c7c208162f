"""The replies of plugins: plain JSON, validated when read.

Each plugin runs in its own process, which may send anything.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, get_args

from app.engine.model.decision import Target, TargetKind, Verdict
from app.engine.model.stored import target_from_json, target_to_json
from app.plan.document.targets import OffHours, Pick
from app.values.languages import spoken

PluginReply = Mapping[str, Any]
"""`plugin`, the package and its version, with `verdict` or `error`: a code, or the type of an exception."""

MAX_TARGETS = 100
_CODE = re.compile(r"[A-Za-z][\w.-]{0,63}", re.ASCII)
_RESERVED = frozenset(
    (
        "claimed",
        "manual",
        "held",
        "taken_away",
        "escalated",
        "duplicate",
        "reengaged",
        "fallback_queue",
        "no_plan",
        "no_match",
        "error",
        "rejected",
        "suppressed",
    )
)
"""Codes that have a meaning of their own in the service."""
MAX_HOLD_SECONDS = 366 * 86400


@dataclass(frozen=True, slots=True)
class PluginResults:
    """The replies about one lead by step, for one version of the plan at one time."""

    plan_version: int
    at: datetime
    by_step: Mapping[str, PluginReply]


def verdict_to_json(verdict: Verdict) -> dict[str, Any]:
    """A verdict as plain JSON. Targets leave out default values."""
    return {
        "code": verdict.code,
        "targets": [target_to_json(target) for target in verdict.targets],
        "labels": dict(verdict.labels),
    }


def verdict_from_json(sent: object) -> Verdict | None:
    """The verdict of a reply. None when it is not valid."""
    if not isinstance(sent, Mapping) or not sent.keys() <= {"code", "targets", "labels"}:
        return None
    code, targets, labels = sent.get("code"), sent.get("targets", []), sent.get("labels", {})
    if not _is_code(code) or not isinstance(targets, list) or len(targets) > MAX_TARGETS:
        return None
    read = [_target(each) for each in targets]
    found = tuple(target for target in read if target is not None)
    if len(found) != len(read) or not _are_labels(labels):
        return None
    return Verdict(str(code), found, _in_order(labels))


def _target(sent: object) -> Target | None:
    if not isinstance(sent, Mapping) or not {"kind", "name"} <= sent.keys() <= _CHECKS.keys():
        return None
    if not all(_CHECKS[name](value) for name, value in sent.items()):
        return None
    target = target_from_json(sent)
    return replace(
        target,
        skills=tuple(skill.casefold() for skill in target.skills),
        languages=spoken(target.languages),
    )


def _is_code(value: object) -> bool:
    return isinstance(value, str) and _CODE.fullmatch(value) is not None and value not in _RESERVED


def _is_name(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= 255 and value.isprintable()


def _are_names(value: object) -> bool:
    return isinstance(value, list) and len(value) <= MAX_TARGETS and all(_is_name(each) for each in value)


def _is_int(value: object, maximum: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= maximum


def _is_hold(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= MAX_HOLD_SECONDS


def _are_labels(value: object) -> bool:
    """Whether the labels are a band and points by name, as a score step gives them."""
    if not isinstance(value, Mapping) or not value.keys() <= {"band", "scores"}:
        return False
    scores = value.get("scores", {})
    fit = isinstance(scores, Mapping) and all(_is_name(name) for name in scores)
    return fit and all(type(each) is int for each in scores.values()) and _is_name(value.get("band", "band"))


def _in_order(labels: Mapping[str, Any]) -> dict[str, Any]:
    """Labels in a fixed order. Stored labels are sorted, and a replayed trace must have the same bytes."""
    scores = {"scores": dict(sorted(labels["scores"].items()))} if "scores" in labels else {}
    return {**({"band": labels["band"]} if "band" in labels else {}), **scores}


def _or_none(check: Callable[[object], bool]) -> Callable[[object], bool]:
    return lambda value: value is None or check(value)


def _one_of(words: object) -> Callable[[object], bool]:
    allowed = get_args(words)
    return lambda value: isinstance(value, str) and value in allowed


_CHECKS: Mapping[str, Callable[[object], bool]] = {
    "kind": _one_of(TargetKind),
    "name": _is_name,
    "pick": _or_none(_one_of(Pick)),
    "priority": lambda value: _is_int(value, 100),
    "skills": _are_names,
    "languages": _are_names,
    "match": _are_names,
    "off_hours": _or_none(_one_of(OffHours)),
    "sla": _or_none(_is_name),
    "hold": _or_none(_is_hold),
    "exempt": lambda value: isinstance(value, bool),
    "code": _or_none(_is_code),
}
"""What each key of a target must be, where present."""
