"""Scores: the points of a lead, and the bands its total falls into."""

from collections.abc import Iterable, Mapping
from functools import cached_property
from math import inf
from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from app.plan.document.step_configs import StepConfig
from app.plan.document.targets import Target
from app.plan.findings import Faults, Finding, fault, quote
from app.plan.language.shapes import Duration, Name, Part, StepCondition

OWN = "score"
"""In a model: the score the caller sends with the lead."""

MAX_BANDS = 1_000

Points = Annotated[int, Field(strict=True, ge=-1_000_000, le=1_000_000)]
Limit = Annotated[int, Field(strict=True, ge=-(10**15), le=10**15)]


def _free(name: str) -> str:
    if name in ("total", OWN):
        raise fault("reserved_name", f"The name {name} is reserved. Rename this score.")
    return name


ScoreName = Annotated[
    str, StringConstraints(strict=True, pattern=r"^[A-Za-z][A-Za-z0-9_]{0,62}$"), AfterValidator(_free)
]


class PointsRow(Part):
    """Points for the leads that match a condition. A score is the sum of all its matching rows."""

    when: StepCondition = Field(description="The leads that get the points.")
    points: Points = Field(description="The number of points. It may be negative.")
    half_life: Duration | None = Field(
        None,
        description="The time after which half of the points count. It runs from the newest engagement that "
        "the condition tests, else from `last_seen_at`. Without either, the points count in full.",
    )

    @model_validator(mode="after")
    def _some_time(self) -> "PointsRow":
        if self.half_life is not None and not self.half_life:
            raise fault("invalid_duration", "The half-life must be longer than 0.", "half_life")
        return self


class Band(Part):
    """A range of the total. Without limits, every total falls into it."""

    gt: Limit | None = Field(None, description="The total is above this.")
    gte: Limit | None = Field(None, description="The total is at least this.")
    lt: Limit | None = Field(None, description="The total is below this.")
    lte: Limit | None = Field(None, description="The total is at most this.")
    then: Target | None = Field(
        None,
        description="Where the leads of the band go. Without it, the step only labels them and they go on.",
    )

    @property
    def limits(self) -> tuple[tuple[str, int], ...]:
        """The operator and value of each limit that is set."""
        pairs = (("gt", self.gt), ("gte", self.gte), ("lt", self.lt), ("lte", self.lte))
        return tuple((operator, limit) for operator, limit in pairs if limit is not None)

    @property
    def range(self) -> tuple[float, float]:
        """The lowest and the highest total in the band. Totals are integers."""
        lows = [low for low in (self.gte, None if self.gt is None else self.gt + 1) if low is not None]
        highs = [high for high in (self.lte, None if self.lt is None else self.lt - 1) if high is not None]
        return max(lows, default=-inf), min(highs, default=inf)

    @cached_property
    def ladder(self) -> tuple[Target, ...]:
        """The targets in the order they are tried."""
        return (self.then, *self.then.otherwise) if self.then is not None else ()


def _reachable(bands: dict[str, Band]) -> dict[str, Band]:
    if len(bands) > MAX_BANDS:
        raise fault("too_many_items", f"Must have at most {MAX_BANDS} bands.")
    findings = []
    before: list[tuple[float, float]] = []
    for name, band in bands.items():
        low, high = band.range
        if low > high:
            text = "The limits of this band exclude each other. Change one of them."
            findings.append(Finding(quote(name), "contradiction", text))
        elif any(start <= low and high <= end for start, end in before):
            text = "Earlier bands take every total of this band. Move it up, or remove it."
            findings.append(Finding(quote(name), "unreachable", text))
        before.append((low, high))
    if findings:
        raise Faults(*findings)
    return bands


class ScoreConfig(StepConfig):
    """Adds up the points of a lead and finds its band. A band without a target only labels the lead."""

    model: tuple[Name, ...] = Field(
        (OWN,),
        min_length=1,
        description="The scores to add up: names of `scores`, and `score` for the one the caller sends.",
    )
    bands: Annotated[dict[Name, Band], AfterValidator(_reachable)] = Field(
        min_length=1, description="The bands by name, in order. The first one the total falls into counts."
    )

    def targets(self) -> tuple[Target, ...]:
        return tuple(target for band in self.bands.values() for target in band.ladder)

    def ladders(self) -> Iterable[tuple[str, tuple[Target, ...]]]:
        return [(f".bands.{quote(name)}.then", band.ladder) for name, band in self.bands.items()]

    @property
    def settles(self) -> bool:
        """Whether every total falls into a band whose targets take every lead."""
        bands = list(self.bands.values())
        return not bands[-1].limits and all(any(each.settles for each in band.ladder) for band in bands)

    @property
    def default_name(self) -> str:
        return "score"


Scores = Mapping[str, tuple[PointsRow, ...]]


def missing_scores(config: ScoreConfig, scores: Scores) -> Iterable[Finding]:
    """Entries of a step's model that are not declared, or are listed twice."""
    text = "Unknown score. Declare it under scores, or use score for the one the caller sends."
    for position, name in enumerate(config.model):
        if name != OWN and name not in scores:
            yield Finding(f"model[{position}]", "unknown_score", text)
        elif name in config.model[:position]:
            yield Finding(f"model[{position}]", "duplicate_value", "This score is listed twice. Remove one.")
