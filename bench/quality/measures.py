"""What a measurement says: precision, recall, and how sure they are."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from app.reports.statistics import wilson

DATA = Path(__file__).parent / "data"


@dataclass(frozen=True, slots=True)
class Share:
    """A share of a sample."""

    count: int
    of: int

    @property
    def value(self) -> float | None:
        """From 0 to 1; None without a sample."""
        return self.count / self.of if self.of else None

    def __str__(self) -> str:
        bounds = wilson(self.count, self.of)
        if bounds is None:
            return "–"
        low, high = (f"{100 * each:.1f}" for each in bounds)
        return f"{100 * self.count / self.of:.2f} % ({low}–{high}), {self.count} of {self.of}"


@dataclass(frozen=True, slots=True)
class Measure:
    """One line of the table.

    `precision` is the share of the answers that are right, `recall` the share of what has an answer that got
    the right one. The floors are what is promised; None promises nothing.
    """

    what: str
    size: int
    precision: Share
    recall: Share
    least_precision: float | None = None
    least_recall: float | None = None

    @property
    def reached(self) -> bool | None:
        """Whether the floors hold; None if nothing is promised."""
        pairs = ((self.precision, self.least_precision), (self.recall, self.least_recall))
        asked = [(share.value or 0.0) >= least for share, least in pairs if least is not None]
        return all(asked) if asked else None

    @property
    def goal(self) -> str:
        """The floors in words."""
        named = (("precision", self.least_precision), ("recall", self.least_recall))
        return ", ".join(f"{name} {100 * least:g} %" for name, least in named if least is not None)


Outcome = tuple[str | None, str | None]
"""What is true, and what was answered. None is no answer."""


def measure(
    what: str,
    outcomes: Iterable[Outcome],
    least_precision: float | None = None,
    least_recall: float | None = None,
) -> Measure:
    """The measure of these outcomes."""
    every = list(outcomes)
    answered = [(truth, answer) for truth, answer in every if answer is not None]
    expected = [(truth, answer) for truth, answer in every if truth is not None]
    right = sum(truth == answer for truth, answer in answered)
    return Measure(
        what,
        len(every),
        Share(right, len(answered)),
        Share(right, len(expected)),
        least_precision,
        least_recall,
    )


def read_labels(name: str) -> Iterator[list[str]]:
    """The rows of a file of labels. Lines that begin with # say where they come from."""
    for line in (DATA / name).read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            yield line.split("\t")
