"""Long computations in steps, so that other work can go on between two of them."""

from collections.abc import Generator, Iterable, Iterator
from typing import Any, TypeVar

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


def emptied_in_steps(entries: dict[Any, Any]) -> Generator[None, None, None]:
    """Empty a dictionary that nobody needs any more, and those in it.

    To free a hundred thousand values at once takes long.
    """
    for _, ends_step in counted(range(len(entries))):
        _, value = entries.popitem()
        if isinstance(value, dict):
            yield from emptied_in_steps(value)
            yield
        elif ends_step:
            yield
