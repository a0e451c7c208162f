"""`score`: points add up to a band, which labels the lead and may have a target.

A row with a half-life gives points * 2^(-age / half-life), rounded to whole points toward zero. The age
starts at the newest engagement that the row's condition names, else at `last_seen_at`. Without either, and
for times in the future, the points count in full.
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
from app.values.numbers import bounds_of

_NEARLY_WHOLE = 1e-9
"""Smaller than any real difference, greater than the differences between platforms in computing a power."""


@dataclass(frozen=True, slots=True)
class ScoreResult:
    """Points by score and in total, and the band. None when the total is in no band."""

    points: Mapping[str, int]
    band: str | None
    targets: tuple[Target, ...] = ()


class CompiledScore:
    """The compiled model and bands of one step."""

    def __init__(self, config: ScoreConfig, scores: Scores) -> None:
        self._rows = [(name, [_Row(row) for row in scores[name]]) for name in config.model if name != OWN]
        self._own = OWN in config.model
        self._bands = [_Band(name, band) for name, band in config.bands.items()]

    def score(self, values: Values, now: datetime) -> ScoreResult:
        """The points of a lead and its band."""
        points = {name: sum(row.points(values, now) for row in rows) for name, rows in self._rows}
        own = values.get(OWN) if self._own else None
        total = sum(points.values()) + _whole(own)
        points["total"] = total
        for band in self._bands:
            if band.holds(total):
                return ScoreResult(points, band.name, band.targets)
        return ScoreResult(points, None)


def _whole(own: object) -> int:
    """The score that the caller sent, in whole points. Of a range it is the lower bound, if it has one."""
    bounds = bounds_of(own)
    return math.floor(bounds[0]) if bounds is not None and math.isfinite(bounds[0]) else 0


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
    """Points after `age`, in whole points toward zero."""
    if age <= timedelta():
        return points
    left = math.floor(abs(points) * math.pow(2.0, -(age / half_life)) + _NEARLY_WHOLE)
    return left if points > 0 else -left


def _since(when: Node) -> Callable[[Values, datetime], datetime | None]:
    """When an engagement that the condition names last happened."""
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
            operands = leaf.operand if isinstance(leaf.operand, tuple) else (leaf.operand,)
            yield from (Occurrences(str(each)) for each in operands)


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
    """Labels the lead with its band and its points. Passes unless the band has targets."""

    name = "score"
    Config = ScoreConfig

    def compile(self, config: ScoreConfig, document: PlanDocument) -> CompiledScore:
        """The compiled model."""
        return CompiledScore(config, document.scores)

    def decide(self, values: Mapping[str, Any], facts: Facts, config: CompiledScore) -> Verdict:
        """The labels, and the targets of the band if it has any."""
        scored = config.score(values, facts.now)
        labels = {"band": scored.band, "scores": scored.points}
        return Verdict("score" if scored.targets else "scored", scored.targets, labels)
