"""What a duty has put off, so that work that fails does not delay the rest."""

import time
from collections.abc import Sequence
from typing import Protocol

from app.dispatch.jobs.base import Reply
from app.errors import Problem

RETRY_SECONDS = 60.0
"""Work that failed on its own is tried again after this time."""
MAX_DEFERRED = 1000


class Due(Protocol):
    """Work that is due, about an assignment."""

    @property
    def assignment_id(self) -> str:
        """The assignment."""
        ...


class Deferred:
    """The ids of work that failed, for a while."""

    def __init__(self) -> None:
        self._until: dict[str, float] = {}

    def ids(self) -> list[str]:
        """What is put off now."""
        now = time.monotonic()
        self._until = {id_: until for id_, until in self._until.items() if until > now}
        return list(self._until)

    def note(self, due: Sequence[Due], replies: Sequence[Reply | Problem]) -> None:
        """Put off what failed on its own. After a 503 it is tried again at once; so is what does not fit."""
        until = time.monotonic() + RETRY_SECONDS
        for each, reply in zip(due, replies, strict=True):
            failed = isinstance(reply, Problem) and reply.status != 503
            if failed and len(self._until) < MAX_DEFERRED:
                self._until[each.assignment_id] = until
