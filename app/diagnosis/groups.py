"""Compare each group with the others of its pool: owners within a team, rules, teams and sources in all."""

from collections import defaultdict
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from app.diagnosis.statistics.strata import Comparison, Stratum, compare

MIN_LEADS = 30
"""Leads that a group, and the others, need in strata that can be compared."""
MIN_EXPECTED = 5.0
"""Hits, and misses, that the group would have if it were like the others."""


class Count(NamedTuple):
    """Leads, and how many of them had what is counted."""

    leads: int
    hits: int


Strata = Mapping[Hashable, Count]
Groups = Mapping[str, Strata]


@dataclass(frozen=True, slots=True)
class Compared:
    """A group with its comparison, and the strata it was made of."""

    group: str
    strata: tuple[Stratum, ...]
    comparison: Comparison

    @property
    def rate(self) -> float:
        """The share of the group, in the strata that can be compared."""
        return self.comparison.hits / self.comparison.leads

    @property
    def expected_rate(self) -> float:
        """The share that the leads of the group would have if all groups were alike."""
        return self.comparison.expected / self.comparison.leads

    def is_large_enough(self, min_leads: int = MIN_LEADS) -> bool:
        """Whether the sample is large enough to be tested."""
        found = self.comparison
        return (
            min(found.leads, found.other_leads) >= min_leads
            and MIN_EXPECTED <= found.expected <= found.leads - MIN_EXPECTED
        )


def compare_groups(groups: Groups) -> Iterator[Compared]:
    """Each group against all others together, by name. Those that are alone are left out."""
    total: defaultdict[Hashable, tuple[int, int]] = defaultdict(lambda: (0, 0))
    for strata in groups.values():
        for key, count in strata.items():
            leads, hits = total[key]
            total[key] = (leads + count.leads, hits + count.hits)
    for group in sorted(groups):
        strata_of = tuple(
            Stratum(count.leads, count.hits, total[key][0] - count.leads, total[key][1] - count.hits)
            for key, count in sorted(groups[group].items(), key=lambda each: str(each[0]))
        )
        comparison = compare(strata_of)
        if comparison is not None:
            yield Compared(group, tuple(each for each in strata_of if each.other_leads), comparison)
