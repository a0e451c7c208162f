"""`score`: points add up to a band, which labels the lead and may send it somewhere.

Points and bands: what a lead scores at this moment, in whole points.

A row with a half-life gives points * 2^(-age / half-life), cut to whole points towards zero. Age runs from
the newest engagement that the row's condition asks for, else from `last_seen_at`; without either, and for a
time to come, the points count in full.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from app.engine.conditions.comparisons import BOUNDS, Values, as_timestamp, occurrences
from app.engine.conditions.condition import Holds, compile_condition
from app.engine.model.decision import Target, Verdict
from app.engine.model.state import Facts
from app.engine.selection.ladder import ladder
from app.plan.document.plan import PlanDocument
from app.plan.document.scoring import OWN, Band, PointsRow, ScoreConfig, Scores
from app.plan.language.conditions import Leaf, Node, leaves
from app.plan.language.fields import Kind
from app.plan.language.occurrences import Occurrences

_NEARLY_WHOLE = 1e-9
"""Smaller than any difference that counts, greater than what platforms differ by in computing a power."""


@dataclass(frozen=True, slots=True)
class ScoreResult:
    """What came of it: points by score and in total, and the band, None when the total is in none."""

    points: Mapping[str, int]
    band: str | None
    targets: tuple[Target, ...] = ()


class CompiledScore:
    """The model and the bands of one step, ready to be asked."""

    def __init__(self, config: ScoreConfig, scores: Scores) -> None:
        self._rows = [(name, [_Row(row) for row in scores[name]]) for name in config.model if name != OWN]
        self._own = OWN in config.model
        self._bands = [_Band(name, band) for name, band in config.bands.items()]

    def score(self, values: Values, now: datetime) -> ScoreResult:
        """The points of a lead and its band."""
        points = {name: sum(row.points(values, now) for row in rows) for name, rows in self._rows}
        own = values.get(OWN) if self._own else None
        total = sum(points.values()) + (math.floor(own) if isinstance(own, (int, float)) else 0)
        points["total"] = total
        for band in self._bands:
            if band.holds(total):
                return ScoreResult(points, band.name, band.targets)
        return ScoreResult(points, None)


class _Row:
    def __init__(self, row: PointsRow) -> None:
        self._holds: Holds = compile_condition(row.when).holds
        self._points = row.points
        self._half_life = row.half_life
        self._since = _since(row.when) if row.half_life else None

    def points(self, values: Values, now: datetime) -> int:
        if not self._holds(values, now):
            return 0
        if self._half_life is None or self._since is None:
            return self._points
        since = self._since(values, now)
        return self._points if since is None else decayed(self._points, now - since, self._half_life)


def decayed(points: int, age: timedelta, half_life: timedelta) -> int:
    """What is left of points after `age`, in whole points towards zero."""
    if age <= timedelta():
        return points
    left = math.floor(abs(points) * math.pow(2.0, -(age / half_life)) + _NEARLY_WHOLE)
    return left if points > 0 else -left


def _since(when: Node) -> Callable[[Values, datetime], datetime | None]:
    """When what the condition asks for happened last."""
    asked = list(_engagements(leaves(when)))

    def since(values: Values, now: datetime) -> datetime | None:
        engagement = values.get("engagement")
        found = (as_timestamp(each.get("at")) for one in asked for each in occurrences(one, engagement, now))
        newest = max((at for at in found if at is not None), default=None)
        return newest if newest is not None else as_timestamp(values.get("last_seen_at"))

    return since


def _engagements(asked: Iterable[Leaf]) -> Iterable[Occurrences]:
    for leaf in asked:
        if isinstance(leaf.operand, Occurrences):
            yield leaf.operand
        elif leaf.kind is Kind.OBJECTS and leaf.operator == "contains":
            yield Occurrences(str(leaf.operand))


class _Band:
    def __init__(self, name: str, band: Band) -> None:
        self.name = name
        self.targets = ladder(band.ladder)
        self._limits: Sequence[tuple[Callable[[Any, Any], bool], int]] = [
            (BOUNDS[operator], limit) for operator, limit in band.limits
        ]

    def holds(self, total: int) -> bool:
        return all(compare(total, limit) for compare, limit in self._limits)


class ScoreStrategy:
    """Labels the lead with its band and its points; goes on unless the band says where it goes."""

    name = "score"
    Config = ScoreConfig

    def ready(self, config: ScoreConfig, document: PlanDocument) -> CompiledScore:
        """The model compiled, once for a plan."""
        return CompiledScore(config, document.scores)

    def decide(self, values: Mapping[str, Any], facts: Facts, config: CompiledScore) -> Verdict:
        """The band's targets, if it has any; the labels either way."""
        scored = config.score(values, facts.now)
        labels = {"band": scored.band, "scores": scored.points}
        return Verdict("score" if scored.targets else "scored", scored.targets, labels)
