"""API keys and scopes. A caller is authenticated before a byte of the body is read."""

import hashlib
import hmac
import ipaddress
import re
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from starlette.requests import Request
from starlette.types import Scope

from app import keys
from app.api.http.client_address import client_of, peer_of
from app.api.http.key_lookups import CACHE_SECONDS, MAX_CACHED_KEYS, KeyLookups, make_room
from app.contract.limits import BodyLimits
from app.errors import Forbidden, Problem, TooManyFailures, Unauthenticated
from app.keys import DEVELOPMENT_KEY, SCOPES, StoredKey
from app.rates import UNLIMITED, Rates

_HOST = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([0-9A-Za-z.-]+))(?::\d{1,5})?")

# An unknown key id is compared with this, so that it takes as long as a known one.
_NO_HASH = b"\0" * 32

Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])
FindKeys = Callable[[Sequence[str]], Awaitable[Mapping[str, StoredKey]]]
FindWorkspace = Callable[[], Awaitable[int | None]]
"""Finds the id of the workspace for development, or None."""
FailureObserver = Callable[[str], None]
"""Called with the reason of a failed authentication."""


@dataclass(frozen=True, slots=True)
class Caller:
    """The authenticated caller. `owner_id` is set when the key is bound to one owner."""

    workspace_id: int
    key_id: str
    scopes: frozenset[str]
    owner_id: str | None = None
    own_source: str | None = None
    rates: Rates = UNLIMITED

    @property
    def source(self) -> str:
        """The system of the caller, in which ids of events are unique: that of the key, or the key itself."""
        return self.own_source or self.key_id

    def may(self, scope: str) -> bool:
        """Whether the key has this scope. `admin` includes all scopes."""
        return scope in self.scopes or "admin" in self.scopes


@dataclass(frozen=True, slots=True)
class Access:
    """What an endpoint declares with `@requires`.

    Any one of `scopes` grants access; an endpoint without scopes is public. `problems` are the kinds of
    problem that only this endpoint has. Keys that are bound to an owner are refused, unless `for_owner` says
    that the endpoint limits them to what concerns this owner.
    """

    scopes: tuple[str, ...]
    body: BodyLimits
    problems: tuple[type[Problem], ...] = ()
    for_owner: bool = False
    decides_leads: bool = False


def requires(
    *scopes: str,
    body: BodyLimits | None = None,
    problems: tuple[type[Problem], ...] = (),
    for_owner: bool = False,
    decides_leads: bool = False,
) -> Callable[[Endpoint], Endpoint]:
    """Declares the scopes of an endpoint, of which any one is enough. See also `public`.

    Leads of an endpoint that decides leads count toward the quota of the workspace.
    """
    if not scopes or not SCOPES.issuperset(scopes):
        raise ValueError(f"unknown scopes: {scopes}")
    return _declare(Access(scopes, body or BodyLimits(), problems, for_owner, decides_leads))


def public(*, problems: tuple[type[Problem], ...] = ()) -> Callable[[Endpoint], Endpoint]:
    """Declares that an endpoint needs no key."""
    return _declare(Access((), BodyLimits(), problems))


def _declare(access: Access) -> Callable[[Endpoint], Endpoint]:
    def declare(endpoint: Endpoint) -> Endpoint:
        endpoint.access = access  # type: ignore[attr-defined]
        return endpoint

    return declare


def access_of(endpoint: Callable[..., Any]) -> Access:
    """The access that an endpoint declares. Raises LookupError when it declares none."""
    access = getattr(endpoint, "access", None)
    if not isinstance(access, Access):
        raise LookupError(f"{endpoint.__module__}.{endpoint.__qualname__} declares no scope (use @requires)")
    return access


async def caller_of(request: Request) -> Caller:
    """The caller of a request to a route with scopes."""
    caller = request.scope["caller"]
    assert isinstance(caller, Caller)  # noqa: S101 - the route sets it before its endpoint runs
    return caller


def permit(caller: Caller, access: Access) -> None:
    """Raises Forbidden unless the caller has one of the scopes, and where no key of an owner is allowed."""
    if not any(map(caller.may, access.scopes)):
        raise Forbidden(f"This needs a key with the scope {' or '.join(access.scopes)}.")
    if caller.owner_id is not None and not access.for_owner:
        raise Forbidden("A key that is bound to an owner cannot do this.")


@dataclass(slots=True)
class FailureLimit:
    """At most `allowed` failures per name in a window of `window` seconds.

    It keeps at most `names` names and drops the oldest window first, so memory stays bounded under attack.
    """

    allowed: int
    window: float
    clock: Callable[[], float]
    names: int = 10_000
    _failures: dict[str, tuple[float, int]] = field(default_factory=dict)

    def wait(self, name: str) -> int:
        """Whole seconds until this name may fail again, 0 when it may now."""
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


def _not_observed(reason: str) -> None:
    """Counts nothing."""


class _DevelopmentWorkspace:
    """The workspace of `dev-key`. One that was deleted, and created again, is found within seconds."""

    def __init__(self, find: FindWorkspace, clock: Callable[[], float]) -> None:
        self._find, self._clock = find, clock
        self._id: int | None = None
        self._found_at = 0.0

    async def id(self) -> int | None:
        """Its id, or None while there is none."""
        now = self._clock()
        if self._id is None or now - self._found_at >= CACHE_SECONDS:
            self._id, self._found_at = await self._find(), now
        return self._id


class Authentication:
    """Authenticates requests. One instance serves a process.

    `find_keys` reads keys from the store. With `find_development_workspace`, `dev-key` has all scopes in that
    workspace, between loopback addresses only. In production it is None, and `dev-key` is an unknown key.
    `failed` is told of each failure.
    """

    def __init__(
        self,
        find_keys: FindKeys,
        *,
        find_development_workspace: FindWorkspace | None = None,
        clock: Callable[[], float] = time.monotonic,
        failed: FailureObserver = _not_observed,
    ) -> None:
        self._keys = KeyLookups(find_keys, clock)
        find = find_development_workspace
        self._development = _DevelopmentWorkspace(find, clock) if find is not None else None
        self._failed = failed
        self._callers: dict[bytes, tuple[StoredKey, Caller]] = {}
        self._peers = FailureLimit(allowed=30, window=60.0, clock=clock)
        self._without_key = FailureLimit(allowed=300, window=60.0, clock=clock)
        self._ids = FailureLimit(allowed=10, window=60.0, clock=clock)

    async def caller(self, scope: Scope) -> Caller:
        """The caller of a request. A valid key is never refused because of failures, by anybody.

        Raises Unauthenticated, or TooManyFailures after too many failures.
        """
        known = self.known_caller(scope)
        if known is not None:
            return known
        stored, caller = await self._check(_bearer_token(scope), scope)
        if stored is not None:
            digest = credentials_digest(scope)
            self._callers.pop(digest, None)
            make_room(self._callers, MAX_CACHED_KEYS)
            self._callers[digest] = (stored, caller)
        return caller

    async def check(self, text: str, scope: Scope) -> Caller:
        """The caller with this key, which came otherwise than in a header. Raises like `caller`."""
        return (await self._check(text, scope))[1]

    async def _check(self, text: str | None, scope: Scope) -> tuple[StoredKey | None, Caller]:
        """The key as it is stored, and its caller. The key of development is nowhere stored."""
        if text == DEVELOPMENT_KEY and (developer := await self._developer(scope)) is not None:
            return None, developer
        key = keys.parse(text) if text else None
        stored = (
            await self._keys.find(key.id, lambda: self._peers.wait(peer_name(scope)) > 0) if key else None
        )
        matches = hmac.compare_digest(
            key.secret_hash() if key else _NO_HASH, stored.secret_hash if stored else _NO_HASH
        )
        if stored is None or not matches or stored.revoked:
            self._failed(_reason(text, key, stored is not None, matches))
            raise self._refusal(text, key.id if key else None, scope)
        return stored, _caller_with(stored)

    def known_caller(self, scope: Scope) -> Caller | None:
        """The caller, if they called with their key before and it was read lately. It asks nobody."""
        stored, caller = self._callers.get(credentials_digest(scope), (None, None))
        return caller if stored is not None and self._keys.known(stored.id) is stored else None

    async def caller_of_key(self, key_id: str, scope: Scope) -> Caller | None:
        """The caller with the key of this id, for which a session stands. None once the key is not valid."""
        if key_id == DEVELOPMENT_KEY:
            return await self._developer(scope)
        stored = await self._keys.find(key_id, lambda: False)
        return _caller_with(stored) if stored is not None and not stored.revoked else None

    async def _developer(self, scope: Scope) -> Caller | None:
        """The caller with `dev-key`, where that works."""
        if self._development is None or not is_local(scope):
            return None
        workspace_id = await self._development.id()
        if workspace_id is None:
            return None
        return Caller(workspace_id, DEVELOPMENT_KEY, frozenset({"admin"}))

    def _refusal(
        self, text: str | None, key_id: str | None, scope: Scope
    ) -> Unauthenticated | TooManyFailures:
        peer = peer_name(scope)
        if text is None:
            wait = self._without_key.wait(peer)
            self._without_key.failed(peer)
            return TooManyFailures(retry_after=wait) if wait else Unauthenticated()
        wait = max(self._peers.wait(peer), self._ids.wait(key_id) if key_id else 0)
        self._peers.failed(peer)
        if key_id:
            self._ids.failed(key_id)
        return TooManyFailures(retry_after=wait) if wait else Unauthenticated()


def credentials_digest(scope: Scope) -> bytes:
    """What stands for the Authorization headers of a request. No process keeps the secrets of keys."""
    known: bytes | None = scope.get("credentials")
    if known is not None:
        return known
    digest = hashlib.sha256()
    for name, value in scope["headers"]:
        if name == b"authorization":
            digest.update(value)
            digest.update(b"\0")
    return digest.digest()


def _caller_with(stored: StoredKey) -> Caller:
    return Caller(stored.workspace_id, stored.id, stored.scopes, stored.owner_id, stored.source, stored.rates)


def _reason(text: str | None, key: keys.Key | None, known: bool, matches: bool) -> str:
    if text is None:
        return "no_key"
    if key is None:
        return "malformed"
    if not known:
        return "unknown"
    return "revoked" if matches else "wrong_secret"


def _bearer_token(scope: Scope) -> str | None:
    """The bearer token of the only Authorization header. Two such headers count as none."""
    found = [value for name, value in scope["headers"] if name == b"authorization"]
    if len(found) != 1:
        return None
    scheme, _, token = found[0].decode("latin-1").partition(" ")
    return token.strip() if scheme.lower() == "bearer" and token.strip() else None


def is_local(scope: Scope) -> bool:
    """Whether both ends of the connection and the Host are loopback addresses, with no proxy between them.

    The Host matters because a page from elsewhere, whose name was made to lead to this machine, can let a
    browser on it connect. The browser then sends that name.
    """
    forwarded = any(name in (b"forwarded", b"x-forwarded-for", b"x-real-ip") for name, _ in scope["headers"])
    hosts = [value for name, value in scope["headers"] if name == b"host"]
    return (
        not forwarded
        and _is_loopback(scope.get("server"))
        and _is_loopback(scope.get("client"))
        and len(hosts) == 1
        and _is_loopback_host(hosts[0].decode("latin-1"))
    )


def _is_loopback(end: tuple[str, int | None] | None) -> bool:
    return end is not None and _is_loopback_address(end[0])


def _is_loopback_address(text: str) -> bool:
    try:
        return ipaddress.ip_address(text).is_loopback
    except ValueError:
        return False


def _is_loopback_host(host: str) -> bool:
    found = _HOST.fullmatch(host)
    if found is None:
        return False
    name = found[1] or found[2]
    return name.lower() == "localhost" or _is_loopback_address(name)


def peer_name(scope: Scope) -> str:
    """The name under which failures of this peer are counted."""
    return peer_of(client_of(scope))
