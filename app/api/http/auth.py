"""Who is calling, and may he? Asked before a byte of the body is read."""

import hmac
import ipaddress
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Annotated, Any, TypeVar

from fastapi import Depends
from starlette.requests import Request
from starlette.types import Scope

from app import keys
from app.contract.limits import BodyLimits
from app.errors import Forbidden, TooManyFailures, Unauthenticated
from app.keys import DEVELOPMENT_KEY, SCOPES, StoredKey

# Revocation is to be felt within five seconds; one is left for the look-up and the clocks.
CACHE_SECONDS = 4.0
CACHED_KEYS = 4096

# An unknown id is compared against this, so that it takes as long as a known one.
_NOBODY = b"\0" * 32

Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls, for which workspace, with which scopes; `owner_id` when the key is bound to one owner."""

    workspace_id: int
    key_id: str
    scopes: frozenset[str]
    owner_id: str | None = None

    def may(self, scope: str) -> bool:
        """Whether this scope was granted; `admin` holds all."""
        return scope in self.scopes or "admin" in self.scopes


@dataclass(frozen=True, slots=True)
class Access:
    """What an endpoint declares: the scope it needs (None: open to all), and how much body it reads.

    Any of `others` opens it as well.
    """

    scope: str | None
    body: BodyLimits
    others: tuple[str, ...] = ()


FindKey = Callable[[str], Awaitable[StoredKey | None]]


def requires(
    scope: str | None, *others: str, body: BodyLimits | None = None
) -> Callable[[Endpoint], Endpoint]:
    """Declares an endpoint's access: the scope, or any of the others.

    Every endpoint needs one; `None` makes it public, and has to be said.
    """
    for named in (scope, *others):
        if named is not None and named not in SCOPES:
            raise ValueError(f"unknown scope {named}")

    def declare(endpoint: Endpoint) -> Endpoint:
        endpoint.access = Access(scope, body or BodyLimits(), others)  # type: ignore[attr-defined]
        return endpoint

    return declare


def access_of(endpoint: Callable[..., Any]) -> Access:
    """What the endpoint declared; `LookupError` when it did not."""
    access = getattr(endpoint, "access", None)
    if not isinstance(access, Access):
        raise LookupError(f"{endpoint.__module__}.{endpoint.__qualname__} declares no scope (use @requires)")
    return access


def caller_of(request: Request) -> Caller:
    """The caller of a request whose route needs a scope."""
    caller = request.scope["caller"]
    assert isinstance(caller, Caller)  # noqa: S101 - set by the route before its endpoint runs
    return caller


async def _caller(request: Request) -> Caller:
    return caller_of(request)


CallerParameter = Annotated[Caller, Depends(_caller)]
"""An endpoint's parameter of this type is its caller."""


@dataclass(slots=True)
class FailureLimit:
    """At most `allowed` failures in a window of `window` seconds for each name; knows at most `names` names.

    When it is full the oldest window is forgotten, so memory stays bounded whoever attacks.
    """

    allowed: int
    window: float
    clock: Callable[[], float]
    names: int = 10_000
    _failures: dict[str, tuple[float, int]] = field(default_factory=dict)

    def wait(self, name: str) -> int:
        """Whole seconds until this name may fail again; 0 while it may."""
        began, count = self._failures.get(name, (0.0, 0))
        left = began + self.window - self.clock()
        return int(left) + 1 if count >= self.allowed and left > 0 else 0

    def failed(self, name: str) -> None:
        """Counts one failure."""
        now = self.clock()
        began, count = self._failures.pop(name, (now, 0))
        if now - began >= self.window:
            began, count = now, 0
        if len(self._failures) >= self.names:
            self._failures.pop(next(iter(self._failures)))
        self._failures[name] = (began, count + 1)


class Authentication:
    """Turns a request's key into its caller; one for a process.

    `find_key` asks the store. `development_workspace` makes `dev-key` a key with all scopes for that
    workspace, from and at a loopback address only; leave it None in production, and `dev-key` is a key nobody
    knows.
    """

    def __init__(
        self,
        find_key: FindKey,
        *,
        development_workspace: int | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._find_key = find_key
        self._development_workspace = development_workspace
        self._clock = clock
        self._cache: dict[str, tuple[float, StoredKey]] = {}
        self._peers = FailureLimit(allowed=30, window=60.0, clock=clock)
        self._ids = FailureLimit(allowed=10, window=60.0, clock=clock)

    async def caller(self, scope: Scope) -> Caller:
        """The caller, or `Unauthenticated`, or `TooManyFailures` when he failed too often.

        A key that proves right is never refused because others failed with its id.
        """
        text = _bearer(scope)
        if text == DEVELOPMENT_KEY and self._development_workspace is not None and _is_local(scope):
            return Caller(self._development_workspace, DEVELOPMENT_KEY, frozenset({"admin"}))
        key = keys.parse(text) if text else None
        stored = await self._stored(key.id, scope) if key else None
        right = hmac.compare_digest(
            key.secret_hash() if key else _NOBODY, stored.secret_hash if stored else _NOBODY
        )
        if stored is None or not right or stored.revoked:
            raise self._refusal(key.id if key else None, scope)
        return Caller(stored.workspace_id, stored.id, stored.scopes, stored.owner_id)

    async def _stored(self, key_id: str, scope: Scope) -> StoredKey | None:
        now = self._clock()
        cached = self._cache.get(key_id)
        if cached and now - cached[0] < CACHE_SECONDS:
            return cached[1]
        # A peer that failed too often costs the database nothing more.
        if wait := self._peers.wait(_peer(scope)):
            raise TooManyFailures(retry_after=wait)
        stored = await self._find_key(key_id)
        self._cache.pop(key_id, None)
        if stored is not None:
            if len(self._cache) >= CACHED_KEYS:
                self._cache.pop(next(iter(self._cache)))
            # Counted from before the look-up: it may have read just before a revocation.
            self._cache[key_id] = (now, stored)
        return stored

    def _refusal(self, key_id: str | None, scope: Scope) -> Unauthenticated | TooManyFailures:
        if _bearer(scope) is None:
            return Unauthenticated()
        peer = _peer(scope)
        wait = max(self._peers.wait(peer), self._ids.wait(key_id) if key_id else 0)
        self._peers.failed(peer)
        if key_id:
            self._ids.failed(key_id)
        return TooManyFailures(retry_after=wait) if wait else Unauthenticated()


def permit(caller: Caller, scope: str, *others: str) -> None:
    """`Forbidden` unless the caller holds one of these scopes."""
    if not any(map(caller.may, (scope, *others))):
        raise Forbidden(f"This needs a key with the scope {' or '.join((scope, *others))}.")


def _bearer(scope: Scope) -> str | None:
    """What the one Authorization header carries as its bearer token; two such headers are none."""
    found = [value for name, value in scope["headers"] if name == b"authorization"]
    if len(found) != 1:
        return None
    scheme, _, token = found[0].decode("latin-1").partition(" ")
    return token.strip() if scheme.lower() == "bearer" and token.strip() else None


def _is_local(scope: Scope) -> bool:
    """Whether both ends are loopback addresses, and nobody stands between who speaks for somebody else."""
    forwarded = any(name in (b"forwarded", b"x-forwarded-for", b"x-real-ip") for name, _ in scope["headers"])
    return not forwarded and _is_loopback(scope.get("server")) and _is_loopback(scope.get("client"))


def _is_loopback(end: tuple[str, int | None] | None) -> bool:
    try:
        return end is not None and ipaddress.ip_address(end[0]).is_loopback
    except ValueError:
        return False


def _peer(scope: Scope) -> str:
    """The caller's address; of IPv6 the network, for one customer has the whole of it."""
    host = (scope.get("client") or ("",))[0]
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return str(host)
    return str(ipaddress.ip_network((host, 64), strict=False)) if address.version == 6 else str(address)
