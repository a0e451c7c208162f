"""Looks up keys and sessions: found ones are cached for seconds, and askers share one query at a time."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from typing import Any, Generic, TypeVar

from app.background import has_failed

CACHE_SECONDS = 4.0
"""A revocation takes effect within five seconds; one is left for the look-up and clock differences."""
REFRESH_SECONDS = 2.0
"""A key that is used later than this is read again, while what is known of it is still good."""
MAX_CACHED_KEYS = 4096
MAX_UNKNOWN_IDS = 4096
MAX_QUERY_IDS = 1000
SUSPECT_PAUSE_SECONDS = 0.1
"""New ids from a peer that failed too often are asked for in one query after this pause."""

Id = TypeVar("Id", bound=Hashable)
Stored = TypeVar("Stored")


class KeyLookups(Generic[Id, Stored]):
    """The stored keys as one process knows them, or the sessions that stand for them.

    Two queries at most are under way at a time, one of them for suspect peers; ids that come meanwhile share
    the next one. So any number of wrong keys costs few queries, and nobody has to be refused for that.

    A key in use is read again before it is too old. Otherwise all its requests would wait for the store at
    times, and under a flood there are many of them.
    """

    def __init__(
        self, find: Callable[[Sequence[Id]], Awaitable[Mapping[Id, Stored]]], clock: Callable[[], float]
    ) -> None:
        self._clock = clock
        self._known: dict[Id, tuple[float, Stored]] = {}
        self._unknown: dict[Id, float] = {}
        self._refreshing: dict[Id, asyncio.Task[None]] = {}
        self._prompt = _Lookups(find, 0.0)
        self._suspect = _Lookups(find, SUSPECT_PAUSE_SECONDS)

    def known(self, key_id: Id) -> Stored | None:
        """The key with this id, if it was read lately. Called within an event loop."""
        read_at, stored = self._known.get(key_id, (-CACHE_SECONDS, None))
        age = self._clock() - read_at
        if age >= CACHE_SECONDS:
            return None
        if age >= REFRESH_SECONDS and key_id not in self._refreshing:
            task = self._refreshing[key_id] = asyncio.create_task(self._refresh(key_id), name="key refresh")
            task.add_done_callback(has_failed)  # then the next one who needs the key waits, and is told
        return stored

    async def find(self, key_id: Id, suspect: Callable[[], bool]) -> Stored | None:
        """The key with this id, or None. `suspect` tells whether the caller's peer failed too often.

        Raises what the store raises.
        """
        known = self.known(key_id)
        if known is not None:
            return known
        now = self._clock()
        if now - self._unknown.get(key_id, -CACHE_SECONDS) < CACHE_SECONDS:
            return None
        lookups = self._suspect if key_id not in self._known and suspect() else self._prompt
        stored = await lookups.find(key_id)
        # The age counts from before the look-up, which may have read just before a revocation.
        self._keep(key_id, now, stored)
        return stored

    async def _refresh(self, key_id: Id) -> None:
        try:
            now, stored = self._clock(), await self._prompt.find(key_id)
            if key_id in self._known:  # not forgotten meanwhile
                self._keep(key_id, now, stored)
        finally:
            del self._refreshing[key_id]

    def forget(self, key_id: Id) -> None:
        """Drop what is known of this one, which has just ended."""
        self._known.pop(key_id, None)

    def _keep(self, key_id: Id, now: float, stored: Stored | None) -> None:
        _, before = self._known.pop(key_id, (0.0, None))
        self._unknown.pop(key_id, None)
        if stored is not None:
            make_room(self._known, MAX_CACHED_KEYS)
            # The same object while nothing has changed: others keep what they made of it.
            self._known[key_id] = (now, before if before == stored else stored)
        else:
            # Apart from the known keys, so that no flood of wrong ones can push those out.
            make_room(self._unknown, MAX_UNKNOWN_IDS)
            self._unknown[key_id] = now


class _Lookups(Generic[Id, Stored]):
    """Queries one after another, each after a pause, for all ids that wait by then."""

    def __init__(self, find: Callable[[Sequence[Id]], Awaitable[Mapping[Id, Stored]]], pause: float) -> None:
        self._find = find
        self._pause = pause
        self._waiting: dict[Id, asyncio.Future[Stored | None]] = {}
        self._task: asyncio.Task[None] | None = None

    async def find(self, key_id: Id) -> Stored | None:
        found = self._waiting.get(key_id)
        if found is None:
            found = self._waiting[key_id] = asyncio.get_running_loop().create_future()
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run(), name="key look-ups")
        return await asyncio.shield(found)

    async def _run(self) -> None:
        while self._waiting:
            await asyncio.sleep(self._pause)
            ids = list(self._waiting)[:MAX_QUERY_IDS]
            asked = {key_id: self._waiting.pop(key_id) for key_id in ids}
            try:
                stored = await self._find(ids)
            except Exception as error:
                for found in asked.values():
                    found.set_exception(error)
                    found.exception()  # those who waited may have gone
            else:
                for key_id, found in asked.items():
                    found.set_result(stored.get(key_id))
            finally:
                for found in asked.values():
                    found.cancel()  # only when this task is canceled; otherwise it has no effect


def make_room(entries: dict[Any, Any], most: int) -> None:
    """Drop the oldest entry when there are this many."""
    if len(entries) >= most:
        del entries[next(iter(entries))]
