"""Working time between many moments."""

from bisect import bisect_right
from collections.abc import Mapping
from datetime import datetime, timedelta

from app.engine.life.working_time import WorkingTime, working_time_of
from app.engine.model.directory import Directory


class WorkedUntil:
    """How long owners have worked until `now`, or until earlier. It looks up the shifts of each owner once.

    Somebody without shifts always works: an owner who was deleted, or nobody, while a lead waits for one. So
    what waits stays in the sample, and is never taken for done.
    """

    def __init__(self, directory: Directory, earliest: Mapping[str, datetime], now: datetime) -> None:
        self._now = now
        self._spans: dict[str, tuple[list[datetime], list[datetime], list[timedelta]]] = {}
        for owner_id, start in earliest.items():
            owner = directory.owners.get(owner_id)
            if owner is not None:
                self._spans[owner_id] = _spans(working_time_of(owner), start, now)

    def seconds(self, owner_id: str | None, start: datetime, end: datetime | None = None) -> float:
        """The working time of an owner from `start` until `end`, else until now, in whole seconds."""
        worked = self._since(owner_id, start)
        if end is not None:
            worked -= self._since(owner_id, end)
        return float(round(worked.total_seconds()))

    def _since(self, owner_id: str | None, start: datetime) -> timedelta:
        found = self._spans.get(owner_id or "")
        if found is None:
            return max(self._now - start, timedelta())
        begins, ends, after = found
        position = bisect_right(ends, start)
        if position == len(ends):
            return timedelta()
        return ends[position] - max(begins[position], start) + after[position]


def _spans(
    working: WorkingTime, start: datetime, now: datetime
) -> tuple[list[datetime], list[datetime], list[timedelta]]:
    """When each span begins and ends, and how much is worked after it."""
    begins, ends = [], []
    for begun, over in working.spans(start):
        if begun >= now:
            break
        begins.append(begun)
        ends.append(min(over, now))
    after = [timedelta()] * len(ends)
    for position in range(len(ends) - 2, -1, -1):
        after[position] = after[position + 1] + (ends[position + 1] - begins[position + 1])
    return begins, ends, after
