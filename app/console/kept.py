"""Answers that take long, kept for a while for all who ask the same. Pages say how old they are."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Hashable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from app.background import has_failed

MAX_KEPT = 200

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class KeptValue(Generic[Value]):
    """An answer, and how many seconds ago it was made."""

    value: Value
    age: float


class KeptAnswers:
    """The newest answers of one process. Those who ask at once share one computation."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._kept: OrderedDict[Hashable, tuple[float, asyncio.Task[Any]]] = OrderedDict()

    async def get(
        self,
        key: Hashable,
        seconds: float,
        make: Callable[[], Coroutine[Any, Any, Value]],
        *,
        keeps: Callable[[Value], bool] = lambda _: True,
    ) -> KeptValue[Value]:
        """The answer for a key, at most so many seconds old. Raises what making it raises.

        One that `keeps` does not want, because it is large, is only for those who wait for it now.
        """
        now = self._clock()
        at, task = self._kept.get(key, (0.0, None))
        if task is None or has_failed(task) or (task.done() and now - at >= seconds):
            at, task = now, asyncio.create_task(make(), name="answer for the console")
            task.add_done_callback(has_failed)
            self._kept[key] = (at, task)
            self._kept.move_to_end(key)
            while len(self._kept) > MAX_KEPT:
                self._kept.popitem(last=False)
        value: Value = await asyncio.shield(task)
        if not keeps(value) and self._kept.get(key) == (at, task):
            del self._kept[key]
        return KeptValue(value, self._clock() - at)
