"""Prints how right intake is on labeled data, as one table. The exit code is 1 when a floor was missed."""

import sys
from collections.abc import Callable, Iterator

from bench.quality.channels import channels
from bench.quality.companies import companies
from bench.quality.contacts import contacts
from bench.quality.measures import Measure
from bench.quality.persons import persons
from bench.quality.places import places

ALL: dict[str, Callable[[], Iterator[Measure]]] = {
    "contacts": contacts,
    "places": places,
    "channels": channels,
    "companies": companies,
    "persons": persons,
}


def main() -> int:
    """Measure what is named, or all."""
    print("| measured | cases | precision | recall | goal | reached |\n| --- | --- | --- | --- | --- | --- |")
    missed = False
    for name in sys.argv[1:] or list(ALL):
        for each in ALL[name]():
            reached = {None: "", True: "yes", False: "**no**"}[each.reached]
            shares = f"{each.precision} | {each.recall}"
            print(f"| {each.what} | {each.size:,} | {shares} | {each.goal} | {reached} |", flush=True)
            missed |= each.reached is False
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
