"""Long computations in steps, so that other work can go on between two of them."""

from collections.abc import Generator, Iterable, Iterator
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

ITEMS_OF_STEP = 200
"""A step over many small items takes a fraction of a millisecond."""


def at_once(steps: Generator[None, None, Result]) -> Result:
    """The result of all steps, without a pause."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: Result = end.value
            return result


def counted(items: Iterable[Item]) -> Iterator[tuple[Item, bool]]:
    """The items, each with whether a step ends after it."""
    for number, item in enumerate(items, 1):
        yield item, not number % ITEMS_OF_STEP
