"""What goes wrong around the service: counted each time, and logged once a minute for each kind."""

import time
from collections.abc import Callable, Mapping

import structlog

LOG_SECONDS = 60.0
KINDS = (
    "files_exhausted", "connections_exhausted", "pool_exhausted", "worker_stuck", "duty_failed",
    "clock_jumped", "clock_differs", "clock_set",
    "database_read_only", "database_full", "database_stalled", "schema_older", "pgbouncer_not_set",
    "not_ready",
)  # fmt: skip
"""Every kind of trouble."""


class Troubles:
    """The troubles of one process. `kind` is one of a few words, which are also labels of a metric."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._counts: dict[str, int] = {}
        self._seen: dict[str, float] = {}
        self._logged: dict[str, float] = {}

    @property
    def counts(self) -> Mapping[str, int]:
        """How often each kind was noted."""
        return self._counts

    def note(self, kind: str, **fields: object) -> None:
        """Count a trouble, and log it unless one of its kind was logged within the last minute."""
        now = self._clock()
        self._seen[kind] = now
        self._counts[kind] = self._counts.get(kind, 0) + 1
        logged = self._logged.get(kind)
        if logged is None or now - logged >= LOG_SECONDS:
            self._logged[kind] = now
            structlog.get_logger().error("trouble", kind=kind, so_far=self._counts[kind], **fields)

    def is_recent(self, kind: str, seconds: float) -> bool:
        """Whether one of this kind was noted within these seconds."""
        seen = self._seen.get(kind)
        return seen is not None and self._clock() - seen < seconds
