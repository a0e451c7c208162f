"""How often and why an owner was not chosen lately, counted from the traces of the newest decisions."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.plan.language.durations import parse_iso


@dataclass(frozen=True, slots=True)
class PassedOver:
    """What became of an owner in some decisions.

    `decisions` were looked at, those from `since` on. `reasons` counts the codes of those for which they
    were considered, `chosen` among them. Where a trace has no room for all candidates, they may be missing.
    """

    decisions: int
    since: datetime | None
    reasons: Mapping[str, int]


def count_reasons(owner_id: str, answers: Iterable[Mapping[str, Any]]) -> PassedOver:
    """Count what became of an owner in these answers, the newest first."""
    reasons: Counter[str] = Counter()
    decisions, since = 0, None
    for answer in answers:
        decisions, since = decisions + 1, answer.get("decided_at", since)
        code = _code_of(owner_id, answer.get("trace") or {})
        if code is not None:
            reasons[code] += 1
    return PassedOver(decisions, parse_iso(since) if since else None, dict(reasons.most_common()))


def _code_of(owner_id: str, trace: Mapping[str, Any]) -> str | None:
    """The code of the owner in the last target that considered them, or in the one that took the lead."""
    found = None
    for step in trace.get("steps", ()):
        for target in step.get("targets", ()):
            for candidate in target.get("candidates", ()):
                if candidate["owner"] == owner_id:
                    found = str(candidate["code"])
    return found
