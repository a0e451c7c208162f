"""The signs that a lead is junk: named parts with points."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

HONEYPOT, GIBBERISH, PLACEHOLDER = "honeypot", "gibberish_name", "placeholder_name"
POINTS: Mapping[str, int] = MappingProxyType(
    {
        HONEYPOT: 40,
        "disposable_email": 30,
        "implausible_phone": 20,
        "unreachable": 30,
        GIBBERISH: 30,
        PLACEHOLDER: 10,
        "platform_test": 30,
        "velocity_ip": 30,
        "velocity_identity": 20,
        "velocity_domain": 20,
    }
)
"""The points of each part, unless the plan says otherwise."""
VELOCITY = "velocity_"
SUBJECTS = ("ip", "identity", "domain")
"""What leads are counted by."""
_NAMES = frozenset((GIBBERISH, PLACEHOLDER))

Verdict = Literal["clean", "flagged", "review", "blocked"]


@dataclass(frozen=True, slots=True)
class Junk:
    """The score of a lead, its parts with their points, and what followed in a decision."""

    score: int = 0
    parts: Mapping[str, int] = field(default_factory=dict)
    verdict: Verdict = "clean"

    def to_json(self) -> dict[str, Any]:
        """The same for responses."""
        return {"score": self.score, "parts": dict(self.parts), "verdict": self.verdict}


NO_JUNK = Junk()
NOT_COUNTED: Mapping[str, int] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class JunkRules:
    """What a plan makes of junk.

    `velocity` has how many leads are usual within `seconds`, by what they share.

    Without `block_at` nothing is blocked, without `review_at` nothing goes to `queue`.
    """

    points: Mapping[str, int] = field(default_factory=lambda: POINTS)
    block_at: int | None = None
    review_at: int | None = None
    queue: str | None = None
    velocity: Mapping[str, int] = field(default_factory=dict)
    seconds: float = 0.0

    def score(self, values: Mapping[str, Any], counts: Mapping[str, int]) -> Junk:
        """The score of a lead with these fields. `counts` are the leads before it, by what they share."""
        found = values.get("junk_parts")
        if not found and not counts:
            return NO_JUNK
        named = list(found or ())
        if counts:
            named += [f"{VELOCITY}{name}" for name in SUBJECTS if self._is_fast(name, counts)]
        parts = {name: points for name in named if (points := self.points.get(name, 0))}
        return Junk(sum(parts.values()), parts)

    def verdict(self, junk: Junk, values: Mapping[str, Any]) -> Verdict:
        """What follows. A lead that a person unblocked is not blocked again.

        How fast leads come never decides alone: many people may share one address. Nor does a name block
        alone.
        """
        if not junk.parts:
            return "clean"
        own = [name for name in junk.parts if not name.startswith(VELOCITY)]
        if not own or values.get("junk_cleared"):
            return "flagged"
        alone = junk.parts.keys() <= _NAMES
        if self.block_at is not None and junk.score >= self.block_at and not alone:
            return "blocked"
        return "review" if self.review_at is not None and junk.score >= self.review_at else "flagged"

    def blocks(self, values: Mapping[str, Any], counts: Mapping[str, int] = NOT_COUNTED) -> bool:
        """Whether a lead that arrives with these fields is blocked.

        Without `counts` it is, however fast leads come.
        """
        if self.block_at is None or not values.get("junk_parts"):
            return False
        return self.verdict(self.score(values, counts), values) == "blocked"

    def _is_fast(self, subject: str, counts: Mapping[str, int]) -> bool:
        limit = self.velocity.get(subject)
        return limit is not None and counts.get(subject, 0) >= limit


FLAG_ONLY = JunkRules()
