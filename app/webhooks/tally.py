"""What came to endpoints since it was last written down. What a killed process has counted is lost."""

import asyncio
import time
from collections import defaultdict
from datetime import UTC, datetime

import structlog

from app.errors import WorkspaceDeleted
from app.logs import to_json
from app.store.connection.pool import Pool, transaction
from app.store.crm import endpoint_hours, endpoints
from app.store.crm.endpoint_hours import Counts

WRITE_EVERY_SECONDS = 5.0
log = structlog.get_logger()


class Tally:
    """Counts deliveries in memory, so that they do not wait for one another at a row of the database."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._counts: defaultdict[int, dict[str, Counts]] = defaultdict(dict)
        self._used: defaultdict[int, dict[tuple[str, str], datetime]] = defaultdict(dict)
        self._handshakes: defaultdict[int, set[str]] = defaultdict(set)
        self._next = 0.0
        self._later: asyncio.Task[None] | None = None
        self._writing = asyncio.Lock()

    def of(self, workspace_id: int, endpoint_id: str) -> Counts:
        """The counts of an endpoint, to be added to."""
        return self._counts[workspace_id].setdefault(endpoint_id, Counts())

    def used(self, workspace_id: int, endpoint_id: str, secret_id: str) -> None:
        """A secret has just fitted."""
        self._used[workspace_id][endpoint_id, secret_id] = datetime.now(UTC)

    def shook_hands(self, workspace_id: int, endpoint_id: str) -> None:
        """An endpoint has just answered a handshake."""
        self._handshakes[workspace_id].add(endpoint_id)

    def write_soon(self) -> None:
        """Write down what was counted in the background, now or when the last time is long enough ago."""
        if self._later is None:
            self._later = asyncio.create_task(self._write_later())

    async def close(self) -> None:
        """Write down the last counts."""
        if self._later is not None:
            self._later.cancel()
        await self.write()

    async def _write_later(self) -> None:
        while self._counts or self._used or self._handshakes:
            await asyncio.sleep(max(self._next - time.monotonic(), 0))
            await self.write()
        self._later = None

    async def write(self) -> None:
        """Write down what was counted until now. Without a database it is lost."""
        async with self._writing:
            self._next = time.monotonic() + WRITE_EVERY_SECONDS
            counts, self._counts = self._counts, defaultdict(dict)
            used, self._used = self._used, defaultdict(dict)
            shaken, self._handshakes = self._handshakes, defaultdict(set)
            for workspace_id in counts.keys() | used.keys() | shaken.keys():
                try:
                    async with transaction(self._pool, workspace_id) as connection:
                        if counts[workspace_id]:
                            await endpoint_hours.add_counts(connection, workspace_id, counts[workspace_id])
                        await endpoints.note_use(connection, workspace_id, used[workspace_id])
                        await endpoints.note_handshakes(connection, workspace_id, list(shaken[workspace_id]))
                except WorkspaceDeleted:
                    continue
                except Exception as error:
                    log.warning("counts of endpoints lost", **to_json(error))
