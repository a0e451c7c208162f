"""Whether the score tells leads that come to something from those that do not."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.diagnosis.findings import Effect, Hypothesis, Kind, Subject, percent, rounded
from app.diagnosis.statistics.distributions import normal_upper_tail
from app.diagnosis.statistics.separation import (
    Area,
    ByScore,
    Outcomes,
    area,
    brier,
    deciles,
    threshold,
    totals,
)

MIN_OF_EACH = 20
"""Leads of each outcome. With fewer nothing is said."""
WEAK = 0.6
"""An area under the curve below this separates hardly better than chance."""
WORTH = 0.58
"""The area must not only be below `WEAK` for certain, but also as low as this."""
FOLLOWS_AT = 0.10
"""A difference in how many leads are touched, from which on the score decides what is worked."""


@dataclass(frozen=True, slots=True)
class ScoredLeads:
    """The leads of a period by score, each half apart, and how many of each score a person has touched.

    `immature` leads are younger than the window of the outcome, and `unscored` have no score; both are left
    out. `routes_by_score` says that the plan sends leads elsewhere by their score.
    """

    halves: tuple[ByScore, ByScore]
    touched: Mapping[float, Outcomes]
    immature: int = 0
    unscored: int = 0
    routes_by_score: bool = False

    @property
    def all(self) -> ByScore:
        """Both halves together."""
        one, two = self.halves
        return {score: _sum(one.get(score), two.get(score)) for score in {*one, *two}}


def _sum(one: Outcomes | None, two: Outcomes | None) -> Outcomes:
    found = [each for each in (one, two) if each is not None]
    return Outcomes(sum(each.won for each in found), sum(each.lost for each in found))


def score_figures(leads: ScoredLeads) -> dict[str, Any]:
    """The figures of the score, or null with a reason when there are too few leads of either outcome."""
    by_score = leads.all
    won, lost = totals(by_score)
    reason = _reason(won, lost)
    figures: dict[str, Any] = {
        "positives": won,
        "negatives": lost,
        "immature": leads.immature,
        "unscored": leads.unscored,
        "minimum_of_each": MIN_OF_EACH,
        "reason": reason,
        "score_decides_work": _decides_work(leads),
    }
    if reason is not None:
        empty = ("auc", "auc_interval", "brier", "brier_reason", "calibration", "threshold")
        return figures | dict.fromkeys(empty)
    found, distance = area(by_score), brier(by_score)
    return figures | {
        "auc": rounded(found.value) if found else None,
        "auc_interval": [rounded(each) for each in found.interval] if found else None,
        "brier": rounded(distance) if distance is not None else None,
        "brier_reason": None if distance is not None else "not_probabilities",
        "calibration": [_slice(each, distance is not None, by_score) for each in deciles(by_score)],
        "threshold": _threshold(leads),
    }


def _reason(won: int, lost: int) -> str | None:
    if not won and not lost:
        return "no_outcomes"
    if not won or not lost:
        return "one_class"
    return "too_few" if min(won, lost) < MIN_OF_EACH else None


def _slice(each: Any, is_chance: bool, by_score: ByScore) -> dict[str, Any]:
    """A slice of the calibration. Where scores are chances, their mean should be the rate."""
    within = {s: count for s, count in by_score.items() if each.lowest <= s <= each.highest}
    mean = sum(s * sum(count) for s, count in within.items()) / each.leads
    return {
        "lowest": each.lowest,
        "highest": each.highest,
        "leads": each.leads,
        "won": each.won,
        "rate": rounded(each.rate),
        "lift": rounded(each.lift) if each.lift is not None else None,
        "predicted": rounded(mean) if is_chance else None,
    }


def _threshold(leads: ScoredLeads) -> dict[str, Any] | None:
    """The threshold that would separate. Chosen by one half of the leads, and measured on the other."""
    found = threshold(*leads.halves)
    if found is None:
        return None
    above, below = found.above, found.below
    return {
        "score": found.score,
        "leads_above": sum(above),
        "leads_below": sum(below),
        "rate_above": rounded(above.won / sum(above)) if sum(above) else None,
        "rate_below": rounded(below.won / sum(below)) if sum(below) else None,
        "measured_on": "other_half",
    }


def _decides_work(leads: ScoredLeads) -> bool:
    """Whether leads with higher scores are worked more. Then outcomes follow from the score itself."""
    if leads.routes_by_score:
        return True
    by_score = leads.touched
    half, count, low, high = sum(totals(by_score)) / 2, 0, Outcomes(0, 0), Outcomes(0, 0)
    for score in sorted(by_score):
        if count < half:
            low = _sum(low, by_score[score])
        else:
            high = _sum(high, by_score[score])
        count += sum(by_score[score])
    if min(sum(low), sum(high)) < MIN_OF_EACH:
        return False
    return abs(high.won / sum(high) - low.won / sum(low)) >= FOLLOWS_AT


def score_test(leads: ScoredLeads, outcome: str) -> Hypothesis | None:
    """Whether the area is below what a useful score has. None with too few leads."""
    by_score = leads.all
    won, lost = totals(by_score)
    found = area(by_score) if _reason(won, lost) is None else None
    if found is None:
        return None
    figures = score_figures(leads)
    return Hypothesis(
        code="score_does_not_separate",
        subject=Subject(Kind.SCORE, "score"),
        text=_text(found, leads, outcome),
        effect=Effect("auc", "area", found.value, *found.interval),
        look_at=_look_at(figures),
        p_value=_p_value(found, won, lost),
        method="delong",
        worth=found.value <= WORTH,
        evidence={name: each for name, each in figures.items() if name != "reason"},
    )


def _p_value(found: Area, won: int, lost: int) -> float:
    """The chance of so small an area if the true one were `WEAK`.

    The error is at least that of an area of one half without ties: DeLong's is too small near the ends.
    """
    least = ((won + lost + 1) / (12 * won * lost)) ** 0.5
    return normal_upper_tail((WEAK - found.value) / max(found.error, least))


def _text(found: Area, leads: ScoredLeads, outcome: str) -> str:
    won, lost = totals(leads.all)
    return (
        f"A lead that came to `{outcome}` scored above one that did not in {percent(found.value)} of pairs"
        f" ({won} and {lost} leads). Chance alone gives 50 %."
    )


def _look_at(figures: Mapping[str, Any]) -> str:
    found = figures["threshold"]
    advice = "The rows of the score: which of them do leads meet that come to something?"
    if found and found["rate_above"] is not None and found["rate_below"] is not None:
        advice += (
            f" The threshold {found['score']:g} separates best:"
            f" {percent(found['rate_above'])} above and {percent(found['rate_below'])} below it."
        )
    if figures["score_decides_work"]:
        advice += " Leads with higher scores are worked more, so outcomes follow from the score."
    return advice
