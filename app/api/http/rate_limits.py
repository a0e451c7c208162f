"""How often a key and a workspace may call: token buckets in memory, shared between processes.

A request costs no query and no lock: it takes from the buckets of this process. Each second every process
takes what it has used from the levels in the store. From the answer it knows how full each bucket is, and
which part of all requests for it arrive here. Until the next exchange it hands out that part of the level and
of the rate. So the processes together keep the rate: what one hands out too much lowers the level for all.
"""

import asyncio
import math
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager

import structlog

from app.api.http.auth import Caller
from app.background import in_background
from app.errors import Problem, QuotaExceeded, RateLimited
from app.logs import to_json
from app.rates import Rate
from app.store.connection.pool import Pool
from app.store.rate_levels import DEMAND_SECONDS, Level, Use, delete_full_levels, exchange_uses

EXCHANGE_SECONDS = 1.0
CLEAN_UP_ROUNDS = 600
STALE_SECONDS = 10.0
"""Without an exchange for so long, each process hands out the whole rate: nobody within it is refused."""
IDLE_SECONDS = 30.0
MIN_SHARE = 0.1
"""The smallest part that a process hands out, so that it serves callers who come over from another one."""
SMALL_SHARE = 0.02
"""A process that uses no more than this part of a rate does not exchange it."""
UNIT_BYTES = 16 * 1024
"""A body costs at least one for each of these, whatever is in it."""

POLL_RATE = Rate(10.0, 200)
"""How often all pages of a key that are open may ask whether there is news, beside the rate of the key."""

_ALMOST_ONE = 0.999999

Refused = Callable[[str], None]
"""Called with `key`, `workspace`, `quota` or `endpoint` when a request is refused."""
log = structlog.get_logger()


class Bucket:
    """The part of a bucket that this process may hand out."""

    __slots__ = (
        "asked", "at", "cap", "demand", "field", "name", "policy", "rate", "share", "speed", "tokens", "used",
    )  # fmt: skip

    def __init__(self, name: str, rate: Rate, now: float) -> None:
        self.name = name
        self.share = 1.0
        self.demand = 0.0
        self.asked = self.used = 0
        self.at = now
        self.set_rate(rate)
        self.tokens = self.cap

    def set_rate(self, rate: Rate) -> None:
        """Go on with another rate. What is left over from before stays, as far as it fits."""
        self.rate = rate
        window = math.ceil(rate.burst / rate.per_second)
        kind = self.name.partition(":")[0].encode()
        self.policy = b'"%b";q=%d;w=%d' % (kind, rate.burst, max(1, window))
        self.field = b'"%b";r=%%d;t=%%d' % kind
        self.set_share(self.share)

    def set_share(self, share: float) -> None:
        """Hand out this part of the rate from now on."""
        self.share = share
        self.speed = self.rate.per_second * share
        self.cap = max(1.0, self.rate.burst * share)

    def fill(self, now: float) -> float:
        """Add what has become free. Returns the level, which is negative after a large request."""
        tokens = min(self.cap, self.tokens + (now - self.at) * self.speed)
        self.tokens, self.at = tokens, now
        return tokens

    def take(self, units: int) -> None:
        """Take so many, even if they are not there: then the bucket has to fill up first."""
        self.tokens -= units
        self.used += units

    def wait(self) -> int:
        """Whole seconds until the next request is served."""
        return max(1, math.ceil((1.0 - self.tokens) / self.speed))

    def limit(self) -> bytes:
        """The item of the header `RateLimit`: what is left of the whole bucket, and when it is full."""
        tokens = self.tokens
        left = tokens / self.share if tokens > 0 else 0
        # A float is cut off here, which costs less than a conversion.
        return self.field % (left, (self.cap - tokens) / self.speed + _ALMOST_ONE)


class RateLimits:
    """The buckets of one process. `refused` is told of each refusal, by the kind of limit."""

    def __init__(self, refused: Refused, clock: Callable[[], float] = time.monotonic) -> None:
        self._refused = refused
        self._clock = clock
        self._buckets: dict[str, dict[str | int, Bucket]] = {
            "key": {},
            "workspace": {},
            "quota": {},
            "endpoint": {},
            "poll": {},
        }
        self._collected = self._applied = clock()

    def admit_delivery(self, workspace_id: int, endpoint_id: str, rate: Rate) -> int:
        """Take a genuine delivery from the bucket of its endpoint. Returns the seconds to wait, 0 for none.

        What is not genuine takes nothing, so that nobody who knows the path can keep the CRM out.
        """
        bucket = self._bucket("endpoint", f"{workspace_id}:{endpoint_id}", rate, self._clock())
        bucket.asked += 1
        if bucket.fill(self._clock()) < 1.0:
            self._refused("endpoint")
            return bucket.wait()
        bucket.take(1)
        return 0

    def admit(self, caller: Caller, *, decides: bool) -> None:
        """Take one from the buckets of the caller, before the body is read.

        A request that decides leads also needs a rest of the quota. Raises RateLimited or QuotaExceeded, and
        then takes nothing.
        """
        now = self._clock()
        rates = caller.rates
        key = workspace = None
        if rates.key is not None:
            key = self._bucket("key", caller.key_id, rates.key, now)
            key.asked += 1
            if key.fill(now) < 1.0:
                raise self._refusal("key", key)
        if rates.workspace is not None:
            workspace = self._bucket("workspace", caller.workspace_id, rates.workspace, now)
            workspace.asked += 1
            if workspace.fill(now) < 1.0:
                raise self._refusal("workspace", workspace)
        if decides and rates.quota is not None:
            quota = self._bucket("quota", caller.workspace_id, rates.quota, now)
            if quota.fill(now) < 1.0:
                quota.asked += 1
                raise self._refusal("quota", quota)
        if key is not None:
            key.take(1)
        if workspace is not None:
            workspace.take(1)

    def admit_poll(self, caller: Caller) -> None:
        """Take a question for news from a bucket of its own, so that an open page costs its key nothing.

        Raises RateLimited.
        """
        bucket = self._bucket("poll", caller.key_id, POLL_RATE, self._clock())
        bucket.asked += 1
        if bucket.fill(self._clock()) < 1.0:
            raise self._refusal("key", bucket)
        bucket.take(1)

    def charge(self, caller: Caller, units: int, leads: int = 0) -> None:
        """Take what a body costs beyond the one that was taken for the request, and its leads from the quota.

        A bucket may go below zero for it. While it is below, no other large body is served.
        Raises RateLimited or QuotaExceeded, and then takes nothing.
        """
        rates, now = caller.rates, self._clock()
        sizes = (
            ("key", caller.key_id, rates.key, units),
            ("workspace", caller.workspace_id, rates.workspace, units),
            ("quota", caller.workspace_id, rates.quota, leads),
        )
        found = []
        for kind, name, rate, size in sizes:
            if rate is not None and size > 0:
                bucket = self._bucket(kind, name, rate, now)
                bucket.asked += size
                if bucket.fill(now) < 0.0:
                    raise self._refusal(kind, bucket)
                found.append((bucket, size))
        for bucket, size in found:
            bucket.take(size)

    def headers(self, caller: Caller) -> list[tuple[bytes, bytes]]:
        """The headers `RateLimit-Policy` and `RateLimit` for a caller who was served."""
        key = self._buckets["key"].get(caller.key_id)
        workspace = self._buckets["workspace"].get(caller.workspace_id)
        if key is not None and workspace is not None:
            policy, limit = key.policy + b", " + workspace.policy, key.limit() + b", " + workspace.limit()
        elif (one := key or workspace) is not None:
            policy, limit = one.policy, one.limit()
        else:
            return []
        return [(b"ratelimit-policy", policy), (b"ratelimit", limit)]

    def count(self) -> int:
        """How many buckets are kept in memory."""
        return sum(map(len, self._buckets.values()))

    def uses(self) -> list[Use]:
        """What to exchange now, in the order of the names."""
        now = self._clock()
        passed = max(now - self._collected, 0.001)
        self._collected = now
        found = [use for bucket in self._all() if (use := _use(bucket, passed)) is not None]
        for of_kind in self._buckets.values():
            for name in [name for name, each in of_kind.items() if _is_idle(each, now)]:
                del of_kind[name]
        return sorted(found, key=lambda use: use.bucket)

    def apply(self, levels: Mapping[str, Level]) -> None:
        """Go on with what came back from the exchange."""
        now = self._applied = self._clock()
        for bucket in self._all():
            level = levels.get(bucket.name)
            if level is None:
                continue
            share = bucket.demand / level.demand if level.demand > 0 else 1.0
            bucket.set_share(min(1.0, max(MIN_SHARE, share)))
            # What was taken while the exchange was under way is not in the level yet.
            bucket.tokens, bucket.at = level.tokens * bucket.share - bucket.used, now

    def exchange_failed(self) -> None:
        """Go on alone when there has been no exchange for long."""
        if self._clock() - self._applied >= STALE_SECONDS:
            for bucket in self._all():
                bucket.set_share(1.0)

    def _all(self) -> Iterator[Bucket]:
        for of_kind in self._buckets.values():
            yield from of_kind.values()

    def _bucket(self, kind: str, name: str | int, rate: Rate, now: float) -> Bucket:
        of_kind = self._buckets[kind]
        bucket = of_kind.get(name)
        if bucket is None:
            bucket = of_kind[name] = Bucket(f"{kind}:{name}", rate, now)
        elif bucket.rate is not rate:
            if bucket.rate != rate:
                bucket.fill(now)
                bucket.set_rate(rate)
            bucket.rate = rate
        return bucket

    def _refusal(self, kind: str, bucket: Bucket) -> Problem:
        self._refused(kind)
        wait = bucket.wait()
        if kind == "quota":
            return QuotaExceeded(bucket.rate.burst, retry_after=wait)
        fields = {"RateLimit-Policy": bucket.policy.decode(), "RateLimit": f'"{kind}";r=0;t={wait}'}
        return RateLimited(kind, retry_after=wait, fields=fields)


def units_of(size: int, items: int) -> int:
    """What a body of so many bytes and items costs beyond the one for its request."""
    return max(items, size // UNIT_BYTES) - 1 if size >= UNIT_BYTES or items > 1 else 0


@asynccontextmanager
async def exchanging(limits: RateLimits, pool: Pool) -> AsyncIterator[None]:
    """Exchange uses for levels, once a second, while the service runs."""
    async with in_background(_exchange(limits, pool), "rate limits"):
        yield


async def _exchange(limits: RateLimits, pool: Pool) -> None:
    failing, rounds = False, 0
    while True:
        await asyncio.sleep(EXCHANGE_SECONDS)
        uses = limits.uses()
        rounds += 1
        try:
            levels = await exchange_uses(pool, uses) if uses else {}
            if rounds % CLEAN_UP_ROUNDS == 0:
                await delete_full_levels(pool)
        except Exception as error:
            # What was used meanwhile is forgotten: added up over an outage it would refuse callers for long.
            limits.exchange_failed()
            if not failing:
                log.warning("rate limits are kept by each process alone", **to_json(error))
            failing = True
        else:
            limits.apply(levels)
            failing = False


def _use(bucket: Bucket, passed: float) -> Use | None:
    asked, used = bucket.asked, bucket.used
    bucket.asked = bucket.used = 0
    if bucket.share == 1.0 and max(asked, used) <= SMALL_SHARE * bucket.rate.per_second * passed:
        return None
    bucket.demand = bucket.demand * math.exp(-passed / DEMAND_SECONDS) + asked / DEMAND_SECONDS
    return Use(bucket.name, bucket.rate, used, asked)


def _is_idle(bucket: Bucket, now: float) -> bool:
    return now - bucket.at > IDLE_SECONDS and bucket.tokens + (now - bucket.at) * bucket.speed >= bucket.cap
