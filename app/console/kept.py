"""Answers that take long, kept for a while for all who ask the same. Pages say how old they are."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Hashable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from app.background import KeptTasks

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
        self._answers: KeptTasks[float, Any] = KeptTasks("answer for the console", MAX_KEPT)

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
        kept = self._answers.find(key)
        if kept is None or (kept[1].done() and now - kept[0] >= seconds):
            kept = (now, self._answers.begin(key, now, make()))
        at, task = kept
        value: Value = await asyncio.shield(task)
        if not keeps(value):
            self._answers.drop(key, task)
        return KeptValue(value, self._clock() - at)
