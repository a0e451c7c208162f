"""Owners whose leads convert more or less than the quality of these leads explains.

Only leads that came by turn are compared, because nobody chose who gets them. Each owner is compared with the
others of the team among leads of the same band, source, type and week.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from app.diagnosis.findings import Effect, Hypothesis, Kind, Subject, percent
from app.diagnosis.groups import Compared, Groups, compare_groups
from app.diagnosis.statistics.shrinkage import shrunk, spread_between
from app.diagnosis.statistics.strata import odds_ratio_interval

MIN_POINTS = 0.02
MIN_RATIO = 1.25
"""How far the rate must be from what is expected, after shrinking: in points, and as a ratio."""
ADJUSTED_FOR = ("band", "source", "lead_type", "week")
CREDIT = "at_event"


@dataclass(frozen=True, slots=True)
class OwnerRow:
    """One owner's conversion beside what the leads let expect.

    `shrunk` is the difference from the others, pulled toward 0 as far as it is uncertain.
    """

    team: str
    found: Compared
    shrunk: float

    @property
    def tested(self) -> bool:
        """Whether the sample is large enough."""
        return self.found.is_large_enough()


def owner_rows(by_team: Mapping[str, Groups]) -> Iterator[OwnerRow]:
    """Every owner who can be compared with others of the team."""
    for team in sorted(by_team):
        rows = list(compare_groups(by_team[team]))
        large = [each.comparison for each in rows if each.is_large_enough()]
        spread = spread_between([each.difference for each in large], [each.error for each in large])
        for each in rows:
            found = each.comparison
            yield OwnerRow(team, each, shrunk(found.difference, found.error, spread))


def owner_tests(rows: Iterator[OwnerRow], outcome: str) -> Iterator[Hypothesis]:
    """One test for each owner with enough leads."""
    return (_test(row, outcome) for row in rows if row.tested)


def _test(row: OwnerRow, outcome: str) -> Hypothesis:
    found, comparison = row.found, row.found.comparison
    expected = found.expected_rate
    odds = odds_ratio_interval(found.strata)
    more = comparison.difference > 0
    return Hypothesis(
        code="owner_conversion",
        subject=Subject(Kind.OWNER, found.group, row.team),
        text=(
            f"{percent(found.rate)} of the leads of the owner `{found.group}` (team {row.team}) came to"
            f" `{outcome}`. Of these leads {percent(expected)} would, if they were treated like those of the"
            f" others."
        ),
        effect=Effect("conversion", "share", comparison.difference, *comparison.interval),
        look_at=(
            "What this owner does differently: ask before you change anything."
            if more
            else "The owner's open load, hours and leads, before you look at the person."
        ),
        p_value=comparison.p_value,
        method=f"mantel_haenszel_{comparison.method}",
        worth=_is_worth(row, expected),
        evidence={
            "leads": comparison.leads,
            "converted": comparison.hits,
            "rate": found.rate,
            "expected": comparison.expected,
            "expected_rate": expected,
            "other_leads": comparison.other_leads,
            "other_converted": comparison.other_hits,
            "difference": comparison.difference,
            "shrunk": row.shrunk,
            "odds_ratio": comparison.odds_ratio,
            "odds_ratio_interval": list(odds) if odds else None,
            "adjusted_for": list(ADJUSTED_FOR),
            "credit": CREDIT,
        },
    )


def _is_worth(row: OwnerRow, expected: float) -> bool:
    if abs(row.shrunk) < MIN_POINTS:
        return False
    rate = max(0.0, expected + row.shrunk)
    low, high = sorted((rate, expected))
    return low == 0 or high / low >= MIN_RATIO
