"""`python -m bench.nested_ranges`: what a look-up costs in a table with two range columns.

The first of the two columns is read range by range, the second by bisection.
"""

import time
from random import Random
from statistics import median

from app.engine.lookup.rows import RowIndex
from app.plan.language.columns import Column
from app.plan.language.fields import PIPELINE, Field

LOOKUPS = 500
RUNS = 5
LARGEST = 1_000_000


def main() -> None:
    """Print the time of one look-up in microseconds, by the number of ranges in the first column."""
    print("| ranges in the first column | rows | look-up |\n| --- | --- | --- |")
    for count in (5, 20, 100, 1_000, 3_000):
        print(f"| {count:,} | {2 * count:,} | {_look_up(count, Random(count)):.0f} µs |")


def _look_up(count: int, random: Random) -> float:
    columns = ["employees", "annual_revenue"]
    firsts = [_range(random) for _ in range(count)]
    rows = [[first, _range(random)] for first in firsts for _ in range(2)]
    index = RowIndex(tuple(Column(_field(name), "range") for name in columns), columns, rows)
    values = [{name: random.randrange(LARGEST) for name in columns} for _ in range(LOOKUPS)]
    times = []
    for _ in range(RUNS):
        begun = time.perf_counter()
        for each in values:
            index.find(each)
        times.append((time.perf_counter() - begun) / LOOKUPS * 1e6)
    return median(times)


def _field(name: str) -> Field:
    field = PIPELINE.find(name)
    assert field is not None
    return field


def _range(random: Random) -> str:
    low = random.randrange(LARGEST)
    return f"{low}..{low + random.randrange(LARGEST // 20)}"


if __name__ == "__main__":
    main()
