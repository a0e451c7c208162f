"""What a diagnosis is made of: facts, tests of hypotheses, and the findings that come of them."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Kind(StrEnum):
    """What a finding is about."""

    RULE = "rule"
    STEP = "step"
    TEAM = "team"
    SOURCE = "source"
    OWNER = "owner"
    QUEUE = "queue"
    SCORE = "score"
    SIGNAL = "signal"
    PROVIDER = "provider"
    PLAN = "plan"


@dataclass(frozen=True, slots=True)
class Subject:
    """What a finding is about. `team` is that of an owner who is compared within a team."""

    kind: Kind
    id: str
    team: str | None = None

    def to_json(self) -> dict[str, Any]:
        """As answered."""
        team = {"team": self.team} if self.team is not None else {}
        return {"kind": self.kind.value, "id": self.id, **team}


@dataclass(frozen=True, slots=True)
class Effect:
    """How large something is: a value in `unit`, with its 95 % interval where it was estimated."""

    measure: str
    unit: str
    value: float
    low: float | None = None
    high: float | None = None

    def to_json(self) -> dict[str, Any]:
        """As answered."""
        found: dict[str, Any] = {"measure": self.measure, "unit": self.unit, "value": rounded(self.value)}
        if self.low is not None and self.high is not None:
            found["interval"] = [rounded(self.low), rounded(self.high)]
        return found


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that is so, without a test."""

    code: str
    subject: Subject
    text: str
    effect: Effect
    look_at: str
    evidence: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """Something that was tested. `worth` says whether the effect is large enough, and of the bad kind.

    A test is counted whether or not its effect is worth a finding: it could have been one. `data` are the
    numbers it was tested on; two tests of one code on the same data, about different kinds, are one test.
    """

    code: str
    subject: Subject
    text: str
    effect: Effect
    look_at: str
    p_value: float
    method: str
    worth: bool
    data: Hashable = None
    evidence: Mapping[str, Any] = field(default_factory=dict)


def rounded(value: float) -> float:
    """To six decimals: enough to check by hand, and the same on every platform."""
    return round(value, 6) + 0.0


def percent(value: float) -> str:
    """A share for people: 41 %, and 0.4 % where it is small."""
    return f"{100 * value:.0f} %" if value == 0 or value >= 0.1 else f"{100 * value:.1f} %"


def in_order(texts: Sequence[str]) -> str:
    """A list for people."""
    return ", ".join(texts[:-1]) + f" and {texts[-1]}" if len(texts) > 1 else "".join(texts)
