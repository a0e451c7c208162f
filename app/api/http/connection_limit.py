"""How many connections there may be in total, and from one address."""

import resource
from collections import Counter
from collections.abc import Callable

from app.api.http.client_address import Networks, address_of, is_trusted, peer_of
from app.errors import Overloaded, Problem, TooManyConnections
from app.settings import Settings

MIN_CONNECTIONS = 16
"""With fewer the service does not start: it could not even answer its probes."""
DEFAULT_PER_PEER = 256
SPARE_CONNECTIONS = 64
"""How many connections beyond the total are still told why they are closed."""
SPARE_FILES = 128
"""File descriptors that are not for callers, beside those of the pool: plugins, targets, checks of plans."""


class ConnectionLimit:
    """How many connections there may be in total, and from one address.

    Trusted proxies have no limit of their own. Nor has the machine itself, unless `per_peer` is given.
    `full` is called when a connection is refused because of the total.
    """

    def __init__(
        self,
        total: int,
        per_peer: int | None = None,
        trusted: Networks = (),
        full: Callable[[], object] = lambda: None,
    ) -> None:
        self._total, self._per_peer, self._trusted, self._full = total, per_peer, trusted, full
        self._open: Counter[str] = Counter()
        self.count = 0

    @property
    def exhausted(self) -> bool:
        """Whether a connection is not even told that it is one too many."""
        return self.count >= self._total + SPARE_CONNECTIONS

    def admit(self, host: str) -> tuple[str, Problem | None]:
        """Counts a connection. Returns the name under which it is counted, and why it cannot stay."""
        peer, limit = self._peer_and_limit(host)
        problem: Problem | None = None
        if self.count >= self._total:
            self._full()
            problem = Overloaded("The service has too many connections.")
        elif limit is not None and self._open[peer] >= limit:
            problem = TooManyConnections()
        self.count += 1
        self._open[peer] += 1
        return peer, problem

    def closed(self, peer: str) -> None:
        """Stops counting a connection."""
        self.count -= 1
        self._open[peer] -= 1
        if not self._open[peer]:
            del self._open[peer]

    def _peer_and_limit(self, host: str) -> tuple[str, int | None]:
        address = address_of(host)
        if address is None or is_trusted(address, self._trusted):
            return host, None
        limit = self._per_peer
        if limit is None and not address.is_loopback:
            limit = DEFAULT_PER_PEER
        return peer_of(host), limit


def files_for_callers(settings: Settings) -> int:
    """How many connections of callers the process may open beside its own files."""
    return _files() - SPARE_FILES - settings.pool_size


def _files() -> int:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return 1 << 30 if soft == resource.RLIM_INFINITY else soft
