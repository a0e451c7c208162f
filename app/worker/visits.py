"""Which workspaces a worker visits next: those with something due, and each of the others now and then."""

import time
from collections.abc import Iterable
from dataclasses import dataclass

from app.store.life.due_workspaces import WorkspaceLook

PUT_OFF_SECONDS = 5.0
"""A workspace whose lock could not be had, because it is deleted or edited for long, holds up no other."""
IDLE_SECONDS = 15.0
"""A workspace where nothing is known to be due is visited again after this time."""


@dataclass(frozen=True, slots=True)
class Visit:
    """The last visit: when it began, the newest journal entry then, and whether a duty was due."""

    at: float
    number: int
    active: bool


class Visits:
    """The last visit to each workspace, of one worker."""

    def __init__(self) -> None:
        self._last: dict[int, Visit] = {}
        self._put_off: dict[int, float] = {}

    def plan(self, looks: Iterable[WorkspaceLook]) -> tuple[list[WorkspaceLook], list[WorkspaceLook]]:
        """The workspaces to visit: those with due work, and others, the longest unvisited first.

        The others are new to this worker, were changed since its last visit, had a duty that was due then, or
        have not been visited for long. Something may have become due where there was a change: it counts as
        longer unvisited than what is merely old. Workspaces that are no longer there are forgotten.
        """
        now = time.monotonic()
        due, others, last = [], [], {}
        self._put_off = {id_: until for id_, until in self._put_off.items() if until > now}
        for look in looks:
            visit = self._last.get(look.workspace_id)
            if visit is not None:
                last[look.workspace_id] = visit
            if look.workspace_id in self._put_off:
                continue
            if look.due:
                due.append(look)
            elif visit is None or visit.active or visit.number != look.number or _is_old(visit, now):
                others.append(look)
        self._last = last
        others.sort(key=lambda look: _rank(look, last.get(look.workspace_id)))
        return due, others

    def note(self, look: WorkspaceLook, at: float, *, active: bool) -> None:
        """Remember a visit."""
        self._last[look.workspace_id] = Visit(at, look.number, active)

    def put_off(self, look: WorkspaceLook) -> None:
        """Leave this workspace out for a while."""
        self._put_off[look.workspace_id] = time.monotonic() + PUT_OFF_SECONDS


def _rank(look: WorkspaceLook, visit: Visit | None) -> float:
    if visit is None:
        return 0.0
    return visit.at if visit.number == look.number else visit.at - IDLE_SECONDS


def _is_old(visit: Visit, now: float) -> bool:
    return now - visit.at >= IDLE_SECONDS
