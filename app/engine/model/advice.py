"""What a plugin said about a lead: written as plain JSON, and read again without trusting it.

Each plugin speaks in a process of its own; what comes from there may be anything.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, get_args

from app.engine.model.decision import Target, TargetKind, Verdict
from app.engine.model.stored import target_from_json, target_to_json
from app.plan.document.targets import OffHours, Pick
from app.plan.language.languages import primary

PluginReply = Mapping[str, Any]
"""`plugin`, the package and its version; with `verdict`, or `error` from the closed list or an exception's
name."""

MAX_TARGETS = 100
_CODE = re.compile(r"[A-Za-z][\w.-]{0,63}", re.ASCII)
_TAKEN = frozenset(
    ("claimed", "manual", "held", "duplicate", "reengaged", "fallback_queue", "no_plan", "no_match", "error")
)
"""Codes of which the engine or the books think something of their own."""
_LONGEST_HOLD = 366 * 86400


@dataclass(frozen=True, slots=True)
class PluginResults:
    """What was said about one lead, by step, when it was asked with this version of the plan at this time."""

    plan_version: int
    at: datetime
    by_step: Mapping[str, PluginReply]


def verdict_to_json(verdict: Verdict) -> dict[str, Any]:
    """A verdict as plain JSON: of each target what is not as it is without being said."""
    return {
        "code": verdict.code,
        "targets": [target_to_json(target) for target in verdict.targets],
        "labels": dict(verdict.labels),
    }


def verdict_from_json(said: object) -> Verdict | None:
    """The verdict that was written, None when it is none that could be honoured."""
    if not isinstance(said, Mapping) or not said.keys() <= {"code", "targets", "labels"}:
        return None
    code, targets, labels = said.get("code"), said.get("targets", []), said.get("labels", {})
    if not _is_code(code) or not isinstance(targets, list) or len(targets) > MAX_TARGETS:
        return None
    read = [_target(each) for each in targets]
    found = tuple(target for target in read if target is not None)
    if len(found) != len(read) or not _are_labels(labels):
        return None
    return Verdict(str(code), found, _in_order(labels))


def _target(said: object) -> Target | None:
    if not isinstance(said, Mapping) or not {"kind", "name"} <= said.keys() <= _FITS.keys():
        return None
    if not all(_FITS[name](value) for name, value in said.items()):
        return None
    target = target_from_json(said)
    return replace(
        target,
        skills=tuple(skill.casefold() for skill in target.skills),
        languages=tuple(map(primary, target.languages)),
    )


def _is_code(value: object) -> bool:
    return isinstance(value, str) and _CODE.fullmatch(value) is not None and value not in _TAKEN


def _is_name(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= 255 and value.isprintable()


def _are_words(value: object) -> bool:
    return isinstance(value, list) and len(value) <= MAX_TARGETS and all(_is_name(each) for each in value)


def _is_whole(value: object, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= most


def _is_hold(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= _LONGEST_HOLD


def _are_labels(value: object) -> bool:
    """A band and points by name, as a score step would give them."""
    if not isinstance(value, Mapping) or not value.keys() <= {"band", "scores"}:
        return False
    scores = value.get("scores", {})
    fit = isinstance(scores, Mapping) and all(_is_name(name) for name in scores)
    return fit and all(type(each) is int for each in scores.values()) and _is_name(value.get("band", "band"))


def _in_order(labels: Mapping[str, Any]) -> dict[str, Any]:
    """By name, however they were said: so they are stored, and made again the trace must be the same."""
    scores = {"scores": dict(sorted(labels["scores"].items()))} if "scores" in labels else {}
    return {**({"band": labels["band"]} if "band" in labels else {}), **scores}


def _or_none(fits: Callable[[object], bool]) -> Callable[[object], bool]:
    return lambda value: value is None or fits(value)


def _one_of(words: object) -> Callable[[object], bool]:
    allowed = get_args(words)
    return lambda value: isinstance(value, str) and value in allowed


_FITS: Mapping[str, Callable[[object], bool]] = {
    "kind": _one_of(TargetKind),
    "name": _is_name,
    "pick": _or_none(_one_of(Pick)),
    "priority": lambda value: _is_whole(value, 100),
    "skills": _are_words,
    "languages": _are_words,
    "match": _are_words,
    "off_hours": _or_none(_one_of(OffHours)),
    "sla": _or_none(_is_name),
    "hold": _or_none(_is_hold),
    "exempt": lambda value: isinstance(value, bool),
    "code": _or_none(_is_code),
}
"""What each field of a target must be, when it is said."""
