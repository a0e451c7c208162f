"""Parts of junk that keep good leads from owners."""

from collections.abc import Iterable, Iterator
from math import comb

from app.diagnosis.findings import Effect, Hypothesis, Kind, Subject, percent
from app.reports.statistics import wilson
from app.store.diagnosis.junk_signals import SignalCount

CODE = "junk_signal_stops_good_leads"
TOLERATED = 0.2
"""So large a share of good leads among those that a part helped to stop is none of our business."""
MIN_LEADS = 20


def signal_tests(counts: Iterable[SignalCount]) -> Iterator[Hypothesis]:
    """One test for each part with enough stopped leads of which somebody knows what they were."""
    for each in counts:
        known = each.spam + each.good
        if known >= MIN_LEADS:
            yield _tested(each, known)


def _tested(count: SignalCount, known: int) -> Hypothesis:
    share = count.good / known
    low, high = wilson(count.good, known) or (0.0, 1.0)
    return Hypothesis(
        code=CODE,
        subject=Subject(Kind.SIGNAL, count.signal),
        text=(
            f"{percent(share)} of the leads that `{count.signal}` helped to block or to put into a review, "
            "and of which somebody knows what they were, are real."
        ),
        effect=Effect("good_leads_stopped", "share", share, low, high),
        look_at=f"`junk.points.{count.signal}` of the plan, and the report `quality` by `signal`.",
        p_value=_at_least(count.good, known),
        method="binomial_exact",
        worth=share > TOLERATED,
        data=(count.signal, known, count.good),
        evidence={"stopped": count.stopped, "known": known, "good": count.good, "spam": count.spam},
    )


def _at_least(good: int, known: int) -> float:
    """How likely so many good ones, or more, are if the tolerated share is the true one."""
    chances = (
        comb(known, count) * TOLERATED**count * (1 - TOLERATED) ** (known - count)
        for count in range(good, known + 1)
    )
    return min(1.0, sum(chances))
