"""What a duty has put off, so that work that fails does not delay the rest."""

import time

RETRY_SECONDS = 60.0
"""Work that failed on its own is tried again after this time."""
MAX_DEFERRED = 1000


class Deferred:
    """The ids of work that failed, for a while."""

    def __init__(self) -> None:
        self._until: dict[str, float] = {}

    def ids(self) -> list[str]:
        """What is put off now."""
        now = time.monotonic()
        self._until = {id_: until for id_, until in self._until.items() if until > now}
        return list(self._until)

    def add(self, id_: str) -> None:
        """Put something off. What does not fit in is tried again at once."""
        if len(self._until) < MAX_DEFERRED:
            self._until[id_] = time.monotonic() + RETRY_SECONDS
