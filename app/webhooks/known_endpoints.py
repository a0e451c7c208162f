"""Endpoints by their public path, kept in memory for a few seconds, like API keys.

An unknown path costs a query, and a caller may try many. So only a few such queries run at once, and
deliveries to known paths do not wait for them. A caller who has tried too many costs one query a second: it
lists the paths that exist, so that what is sent to these from the same address still arrives.
"""

import asyncio
import math
import time
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import orjson
import structlog

from app.background import has_failed
from app.dispatch.failures import is_database_error
from app.errors import NotFound
from app.logs import to_json
from app.secrets import SecretBox
from app.store.clocks import read_now
from app.store.connection.pool import Pool, transaction
from app.store.crm import endpoints as store
from app.store.directory import records
from app.webhooks.crm_events import EndpointTerms
from app.webhooks.endpoints import RESOURCE_TYPE, path_hash, system_of

CACHE_SECONDS = 4.0
"""An edit takes effect within five seconds, and at once in the process that makes it."""
REFRESH_SECONDS = 1.0
"""A delivery that is not genuine may be signed with a newer secret: then the endpoint is read again."""
WAIT_SECONDS = 1.0
"""How long a delivery waits for an endpoint to be read again. Form tools give handshakes three seconds."""
MAX_CACHED = 4096
MAX_LOOK_UPS = 4
"""Queries for unknown paths that run at once."""
MAX_LISTED = 20_000
"""Paths that are listed for callers who have tried too many."""
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class KnownEndpoint:
    """An endpoint as deliveries are checked against it.

    `paths` are all its live public paths. The one that was asked for ends at `ends_at`, if it does.
    """

    workspace_id: int
    id: str
    kind: str
    system: str
    active: bool
    terms: EndpointTerms
    secret_ids: tuple[str, ...]
    read_at: float
    mapping: Mapping[str, Any] = field(default_factory=dict)
    paths: tuple[str, ...] = field(default=(), repr=False)
    ends_at: datetime | None = None
    is_deleted: bool = False


class KnownEndpoints:
    """Finds endpoints. `base_url` is the public address of the setting, for endpoints without their own."""

    def __init__(
        self, pool: Pool, box: SecretBox, base_url: str | None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._pool = pool
        self._box = box
        self._base_url = base_url
        self._clock = clock
        self._known: dict[bytes, KnownEndpoint] = {}
        self._unknown: dict[bytes, float] = {}
        self._refreshing: dict[bytes, asyncio.Task[KnownEndpoint | None]] = {}
        self._look_ups = asyncio.Semaphore(MAX_LOOK_UPS)
        self._listing = asyncio.Lock()
        self._listed: frozenset[bytes] = frozenset()
        self._listed_at = -math.inf

    async def find(self, path: str, max_age: float = CACHE_SECONDS, *, look_up: bool = True) -> KnownEndpoint:
        """The endpoint with this path, as it was at most `max_age` seconds ago, also one that is not active.

        While the database is away or slow it is the one that was read last. Without `look_up`, a path that
        nobody has asked for lately is asked for only if it is among the newest ones. Raises NotFound for an
        unknown one.
        """
        key = path_hash(path)
        known = self._known.get(key)
        if known is None:
            if self._clock() - self._unknown.get(key, -math.inf) < CACHE_SECONDS:
                raise NotFound
            if not look_up and key not in await self._existing_paths():
                raise NotFound
            async with self._look_ups:
                known = await self._read(key)
        elif self._clock() - known.read_at >= max_age:
            known = await self._refreshed(key, known)
        if known is None:
            raise NotFound
        return known

    async def _existing_paths(self) -> Container[bytes]:
        """The hashes of the newest paths, as they were at most a second ago."""
        async with self._listing:
            if self._clock() - self._listed_at >= REFRESH_SECONDS:
                self._listed_at = self._clock()
                newest = await store.list_newest(self._pool, MAX_LISTED)
                self._listed = frozenset(key for key, _, _ in newest)
            return self._listed

    async def learn(self, kinds: Container[str]) -> None:
        """Read endpoints of these kinds before anything comes to them, the newest first.

        So their handshakes are answered also while the database is away. What cannot be read now is read when
        it is asked for.
        """
        now = self._clock()
        try:
            for key, workspace_id, id_ in await store.list_newest(self._pool, MAX_CACHED // 2):
                known = await self._load(workspace_id, id_, key, now) if key not in self._known else None
                if known is not None and known.kind in kinds:
                    self._known.setdefault(key, known)
        except Exception as error:
            log.warning("endpoints not read at the start", **to_json(error))

    def forget(self, workspace_id: int, id_: str) -> None:
        """Read this endpoint again when its next delivery comes."""
        self._unknown.clear()
        self._listed_at = -math.inf
        for key, known in self._known.items():
            if (known.workspace_id, known.id) == (workspace_id, id_):
                self._known[key] = replace(known, read_at=-math.inf)

    async def _refreshed(self, key: bytes, known: KnownEndpoint) -> KnownEndpoint | None:
        """The endpoint, read again; as it was known while the database is away, or takes too long."""
        task = self._refreshing.get(key)
        if task is None:
            task = asyncio.create_task(self._read(key), name="endpoint")
            self._refreshing[key] = task
            task.add_done_callback(has_failed)
            task.add_done_callback(lambda _: self._refreshing.pop(key, None))
        await asyncio.wait({task}, timeout=WAIT_SECONDS)
        if not task.done():
            return known
        error = task.exception()
        if error is not None and not is_database_error(error):
            raise error
        return task.result() if error is None else known

    async def close(self) -> None:
        """End what is being read."""
        tasks = list(self._refreshing.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _read(self, key: bytes) -> KnownEndpoint | None:
        # The age counts from before the query, which may have read just before an edit.
        now = self._clock()
        found = await store.find_endpoint(self._pool, key)
        known = await self._load(*found, key, now) if found is not None else None
        self._known.pop(key, None)
        self._unknown.pop(key, None)
        if known is not None:
            if len(self._known) >= MAX_CACHED:
                self._known.pop(next(iter(self._known)))
            self._known[key] = known
        else:
            if len(self._unknown) >= MAX_CACHED:
                self._unknown.pop(next(iter(self._unknown)))
            self._unknown[key] = now
        return known

    async def _load(self, workspace_id: int, id_: str, key: bytes, now: float) -> KnownEndpoint | None:
        async with transaction(self._pool, workspace_id, read_only=True) as connection:
            record = await records.find_record(connection, workspace_id, RESOURCE_TYPE, id_)
            paths = (await store.find_paths(connection, workspace_id, [id_]))[id_]
            kept = (await store.list_secrets(connection, workspace_id, [id_]))[id_]
            time_now = await read_now(connection, workspace_id)
        asked = next((each for each in paths if each.path_hash == key), None)
        if asked is None or (asked.ends_at is not None and asked.ends_at <= time_now):
            return None
        deleted = next((each.deleted for each in paths if each.deleted is not None), b"null")
        body = record.body if record is not None else orjson.loads(deleted)
        if body is None:
            return None
        return KnownEndpoint(
            workspace_id=workspace_id,
            id=id_,
            kind=body["kind"],
            system=system_of(body["kind"], body["organization_id"]),
            active=body["active"] and record is not None,
            terms=EndpointTerms(
                secrets=tuple(self._box.decrypt(each.secret) for each in kept),
                base_url=body["base_url"] or self._base_url or "",
                organization_id=body["organization_id"],
                options=body["options"],
            ),
            secret_ids=tuple(each.id for each in kept),
            read_at=now,
            mapping=body["mapping"],
            paths=tuple(self._box.decrypt(each.path).decode() for each in paths),
            ends_at=asked.ends_at,
            is_deleted=record is None,
        )
