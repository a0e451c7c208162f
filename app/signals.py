"""SIGTERM and SIGINT end a server with code 0, whenever they come.

Python's own way, an exception in whatever runs just then, can be lost in a destructor, and becomes another
one in a class body. So a signal ends a server that does not serve yet at once. That leaves nothing behind: a
transaction that is not committed is rolled back. Once it serves, signals reach its event loop.

Nothing is imported here that takes long, because a signal can come during imports.
"""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio

SIGNALS = (signal.SIGINT, signal.SIGTERM)


def _nothing() -> None:
    pass


def end_at_once(last: Callable[[], None] = _nothing) -> None:
    """From now on a signal ends the process. `last` is called first, and must take no lock."""

    def end(_number: int, _frame: object) -> None:
        try:
            last()
        finally:
            os._exit(0)

    for number in SIGNALS:
        signal.signal(number, end)


@contextmanager
def told(
    loop: "asyncio.AbstractEventLoop", tell: Callable[[int], None], last: Callable[[], None] = _nothing
) -> Iterator[None]:
    """Within the block the loop calls `tell` with each signal. After it, one ends the process at once."""
    for number in SIGNALS:
        signal.signal(number, lambda number, _: loop.call_soon_threadsafe(tell, number))
    try:
        yield
    finally:
        end_at_once(last)
