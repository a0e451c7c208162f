"""Test whether a share of leads is far worse in one group than in the others of its pool."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from app.diagnosis.findings import Effect, Hypothesis, Kind, Subject, percent
from app.diagnosis.groups import MIN_LEADS, Compared, Groups, compare_groups

MIN_POINTS = 0.10
"""A smaller difference is not worth a finding."""


@dataclass(frozen=True, slots=True)
class Measure:
    """A share of leads, and which side of it is bad. `says` and `look_at` speak to people.

    `per` is what makes a stratum: leads of one day, or of one week, are compared with one another.
    """

    code: str
    name: str
    bad_is_high: bool
    says: str
    look_at: str
    per: str = "day"
    min_leads: int = MIN_LEADS


@dataclass(frozen=True, slots=True)
class Pool:
    """Groups that are compared with one another: all rules and steps, or the owners of one team.

    `name` is the team or queue of owners, and empty otherwise. `kinds` says what each group is.
    """

    name: str
    groups: Groups
    kinds: Mapping[str, Kind]


def rate_tests(measure: Measure, pools: Iterable[Pool], outcome: str) -> Iterator[Hypothesis]:
    """One test for each group that is large enough."""
    for pool in pools:
        for each in compare_groups(pool.groups):
            if each.is_large_enough(measure.min_leads):
                yield _tested(
                    measure, Subject(pool.kinds[each.group], each.group, pool.name or None), each, outcome
                )


def _tested(measure: Measure, subject: Subject, found: Compared, outcome: str) -> Hypothesis:
    comparison = found.comparison
    low, high = comparison.interval
    difference = comparison.difference
    other = comparison.other_hits / comparison.other_leads
    return Hypothesis(
        code=measure.code,
        subject=subject,
        text=measure.says.format(
            rate=percent(found.rate),
            subject=named(subject),
            other=percent(min(1.0, max(0.0, found.rate - difference))),
            outcome=outcome,
        ),
        effect=Effect(measure.name, "share", difference, low, high),
        look_at=measure.look_at,
        p_value=comparison.p_value,
        method=f"mantel_haenszel_{comparison.method}",
        worth=(difference if measure.bad_is_high else -difference) >= MIN_POINTS,
        data=found.strata,
        evidence={
            "leads": comparison.leads,
            "hits": comparison.hits,
            "rate": found.rate,
            "other_leads": comparison.other_leads,
            "other_hits": comparison.other_hits,
            "other_rate": other,
            "expected": comparison.expected,
            "odds_ratio": comparison.odds_ratio,
            "adjusted_for": [measure.per],
        },
    )


def named(subject: Subject) -> str:
    """The subject in a sentence."""
    within = f" (team {subject.team})" if subject.team is not None else ""
    return f"the {subject.kind.value} `{subject.id}`{within}"
