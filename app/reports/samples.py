"""Samples of times by group, out of rows that say how often each time occurs."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping

from app.pace import finished, paced
from app.reports.groups import Key
from app.reports.statistics import MEDIAN, P90, P99, Quantile, Sample, value_of

QUANTILES = {"median": MEDIAN, "p90": P90, "p99": P99}


class Samples:
    """The sample of each group, and of all groups together. `binned` rows have numbers of bins as times."""

    def __init__(self, *, binned: bool = False) -> None:
        self._binned = binned
        self._values: dict[Key, Counter[float]] = {}
        self._waiting: dict[Key, Counter[float]] = {}

    def add(self, key: Key, value: float, *, waits: bool, count: int = 1) -> None:
        """Add a time to a group."""
        found = self._waiting if waits else self._values
        found.setdefault(key, Counter())[float(value)] += count

    def keys(self) -> set[Key]:
        """The groups that have something."""
        return {*self._values, *self._waiting}

    def of(self, key: Key) -> Sample:
        """The sample of one group."""
        return Sample(self._values.get(key, {}), self._waiting.get(key, {}))

    async def total(self) -> Sample:
        """The sample of all groups."""
        return Sample(await _sum(self._values.values()), await _sum(self._waiting.values()))

    async def merged(self, group: Callable[[Key], Key]) -> "Samples":
        """The same with larger groups: `group` says to which one each of these belongs."""
        merged = Samples(binned=self._binned)
        for mine, others in ((merged._values, self._values), (merged._waiting, self._waiting)):
            async for key, counts in paced(others.items()):
                mine.setdefault(group(key), Counter()).update(counts)
        return merged

    async def quantiles(self, prefix: str, sample: Sample) -> dict[str, Quantile]:
        """Median, p90 and p99 of a sample, as cells of the columns that begin with `prefix`."""
        found = await finished(sample.quantiles(list(QUANTILES.values())))
        return {f"{prefix}_{name}": self._shown(value) for name, value in zip(QUANTILES, found, strict=True)}

    def _shown(self, value: Quantile) -> Quantile:
        if value is None or isinstance(value, str):
            return value
        value = value_of(int(value)) if self._binned else value
        return int(value) if float(value).is_integer() else round(value, 1)


async def _sum(counters: Iterable[Mapping[float, int]]) -> Counter[float]:
    total: Counter[float] = Counter()
    async for each in paced(counters):
        total.update(each)
    return total
