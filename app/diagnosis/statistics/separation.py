"""How well a score separates leads that were won from those that were not.

Leads come as counts by score, so that a million of them are as easy as a hundred.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil, sqrt
from typing import NamedTuple

from app.reports.statistics import Z

DECILES = 10


class Outcomes(NamedTuple):
    """How many leads with one score were won, and how many were not."""

    won: int
    lost: int


ByScore = Mapping[float, Outcomes]


@dataclass(frozen=True, slots=True)
class Area:
    """The area under the ROC curve, with its standard error (DeLong, DeLong and Clarke-Pearson 1988)."""

    value: float
    error: float

    @property
    def interval(self) -> tuple[float, float]:
        """95 %, within [0, 1]."""
        return max(0.0, self.value - Z * self.error), min(1.0, self.value + Z * self.error)


@dataclass(frozen=True, slots=True)
class Slice:
    """Leads with neighboring scores. `rate` is the share won, `lift` that divided by the share of all."""

    lowest: float
    highest: float
    leads: int
    won: int
    rate: float
    lift: float | None


@dataclass(frozen=True, slots=True)
class Threshold:
    """A score from which on leads are worth more, and the shares won on both sides of it."""

    score: float
    above: Outcomes
    below: Outcomes


def totals(by_score: ByScore) -> Outcomes:
    """All leads."""
    return Outcomes(sum(each.won for each in by_score.values()), sum(each.lost for each in by_score.values()))


def area(by_score: ByScore) -> Area | None:
    """The chance that a won lead scored above a lost one; a tie counts half. None with only one class."""
    won, lost = totals(by_score)
    if not won or not lost:
        return None
    pairs, won_below, lost_below = 0, 0, 0
    squares_won, squares_lost = 0.0, 0.0
    for score in sorted(by_score):
        here = by_score[score]
        beaten = 2 * lost_below + here.lost
        beating = 2 * (won - won_below) - here.won
        pairs += here.won * beaten
        squares_won += here.won * (beaten / (2 * lost)) ** 2
        squares_lost += here.lost * (beating / (2 * won)) ** 2
        won_below, lost_below = won_below + here.won, lost_below + here.lost
    value = pairs / (2 * won * lost)
    variance = sum(
        max(0.0, squares - count * value**2) / (count - 1) / count if count > 1 else 0.0
        for squares, count in ((squares_won, won), (squares_lost, lost))
    )
    return Area(value, sqrt(variance))


def brier(by_score: ByScore) -> float | None:
    """The mean squared distance of scores from outcomes. None unless all scores are chances from 0 to 1."""
    if not by_score or min(by_score) < 0 or max(by_score) > 1:
        return None
    distance = sum(each.won * (1 - score) ** 2 + each.lost * score**2 for score, each in by_score.items())
    return distance / sum(totals(by_score))


def deciles(by_score: ByScore) -> list[Slice]:
    """Ten slices of about equal size, lowest scores first. Equal scores stay together, so fewer are legal."""
    won, lost = totals(by_score)
    overall = won / (won + lost) if won + lost else 0.0
    found: list[Slice] = []
    pending: list[float] = []
    done = 0
    for score in sorted(by_score):
        pending.append(score)
        done += sum(by_score[score])
        if done >= ceil((won + lost) * (len(found) + 1) / DECILES):
            found.append(_slice(pending, by_score, overall))
            pending = []
    return found


def _slice(scores: Sequence[float], by_score: ByScore, overall: float) -> Slice:
    won, lost = totals({score: by_score[score] for score in scores})
    rate = won / (won + lost)
    return Slice(scores[0], scores[-1], won + lost, won, rate, rate / overall if overall else None)


def best_threshold(by_score: ByScore) -> float | None:
    """The score at and above which the share of the won exceeds that of the lost most (Youden 1950)."""
    won, lost = totals(by_score)
    if not won or not lost:
        return None
    best, found, above_won, above_lost = 0.0, None, 0, 0
    for score in sorted(by_score, reverse=True):
        above_won, above_lost = above_won + by_score[score].won, above_lost + by_score[score].lost
        gain = above_won / won - above_lost / lost
        if gain > best:
            best, found = gain, score
    return found


def threshold(chosen_by: ByScore, measured_by: ByScore) -> Threshold | None:
    """The threshold that one half of the leads suggests, with what it does on the other half.

    Measured on the leads by which it was chosen, any threshold looks better than it is.
    """
    score = best_threshold(chosen_by)
    if score is None:
        return None
    above = totals({each: count for each, count in measured_by.items() if each >= score})
    below = totals({each: count for each, count in measured_by.items() if each < score})
    return Threshold(score, above, below)
