"""Calls to addresses that customers name, without reaching what only this service can reach.

A name is resolved, every address is checked, and the connection goes to a checked address. So a name server
that answers otherwise after the check changes nothing. TLS still proves the name.
"""

import asyncio
import re
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TypeVar

import httpx2

TIMEOUT_SECONDS = 10.0
"""How long one call may take in all: name, connection, request and answer."""
LOOK_UP_SECONDS = 2.0
"""How long the look-up of a name may take when a URL is saved."""
BODY_SECONDS = 2.0
"""How long the body of an answer is read. Only its status counts."""
MAX_ANSWER_BYTES = 64 * 1024
PORTS = frozenset((443, 8443))
MAX_URL_LENGTH = 2048
MAX_ADDRESSES = 4
"""How many addresses of one name are tried."""

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
T = TypeVar("T")
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""The addresses of a name and port. Raises OSError."""

# Stricter than any URL parser, so that no two parsers can read the same text in two ways.
_URL = re.compile(
    r"(?P<scheme>[a-z][a-z0-9+.-]*)://(?P<authority>[^/?#\\\s]*)(?P<path>(?:[/?][!-~]*)?)", re.IGNORECASE
)
_AUTHORITY = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::(?P<port>[0-9]{1,5}))?")
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")

_REFUSED_V4 = tuple(
    IPv4Network(text)
    for text in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
        "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15",
        "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
    )
)  # fmt: skip
_GLOBAL_V6 = IPv6Network("2000::/3")
# Teredo, ORCHID and benchmarks; documentation; 6to4, which holds an IPv4 address. Others of the kind, such as
# mapped addresses and NAT64, are outside of 2000::/3.
_REFUSED_V6 = tuple(IPv6Network(text) for text in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"))


class AddressRefused(Exception):
    """The service does not call this address. `code` and `detail` say why, without repeating it."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code, self.detail = code, detail


@dataclass(frozen=True, slots=True)
class Url:
    """The parts of a URL that the service may call. `path` has the query."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """The host as the header `Host` names it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.scheme == "https" else 80) else f"{host}:{self.port}"


@dataclass(frozen=True)
class AllowedHosts:
    """What the operator allows beyond the public Internet: names, and networks or single addresses.

    Plain HTTP is possible in `development`, to a loopback address that is allowed.
    """

    names: frozenset[str] = frozenset()
    networks: tuple[Network, ...] = ()
    development: bool = False

    @classmethod
    def parse(cls, text: str, *, development: bool = False) -> "AllowedHosts":
        """Read a list with commas, such as `crm.internal, 10.1.0.0/16`. Raises ValueError."""
        names, networks = set(), []
        for each in filter(None, (part.strip().lower() for part in text.split(","))):
            if _is_name(each):
                names.add(each.rstrip("."))
            else:
                networks.append(ip_network(each))
        return cls(frozenset(names), tuple(networks), development)

    def has(self, host: str, addresses: Sequence[Address]) -> bool:
        """Whether the host is allowed by its name, or each of its addresses by a network."""
        return host in self.names or bool(addresses and all(self._holds(each) for each in addresses))

    def _holds(self, address: Address) -> bool:
        return any(address.version == each.version and address in each for each in self.networks)


@dataclass(frozen=True, slots=True)
class Answer:
    """The status of an answer, and the seconds of its `Retry-After`."""

    status: int
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class Document(Answer):
    """An answer with its body, and its headers by their names in lowercase."""

    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = field(default=b"", repr=False)


class TooLarge(Exception):
    """An answer is larger than the caller takes."""


async def resolve_name(host: str, port: int) -> Sequence[str]:
    """The addresses of a name, as the system finds them. Raises OSError."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(each[4][0]) for each in found))


@dataclass
class SafeHttp:
    """Calls URLs that are checked. `resolve` finds addresses, and `context` holds the trusted authorities."""

    allowed: AllowedHosts = field(default_factory=AllowedHosts)
    resolve: Resolve = resolve_name
    context: ssl.SSLContext | None = None
    timeout_seconds: float = TIMEOUT_SECONDS

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        # Reading the authorities takes a while: once, and only where something is sent.
        return self.context or httpx2.create_ssl_context(trust_env=False)

    async def check(self, text: str) -> None:
        """Check a URL that is to be saved. A name that cannot be found now is checked at each call.

        Raises AddressRefused.
        """
        url = parse_url(text)
        try:
            async with asyncio.timeout(LOOK_UP_SECONDS):
                addresses = await self._addresses(url)
        except (OSError, TimeoutError):
            addresses = []
        check_addresses(url, addresses, self.allowed)

    async def post(self, text: str, headers: Mapping[str, str], content: bytes) -> Answer:
        """Send content, and return the answer. Redirects are not followed.

        Raises AddressRefused, TimeoutError, OSError when the name is unknown, or httpx2.TransportError.
        """
        return await self._send(self.timeout_seconds, "POST", text, headers, content, _status)

    async def get(
        self, text: str, headers: Mapping[str, str], seconds: float, max_bytes: int = MAX_ANSWER_BYTES
    ) -> Document:
        """Ask for a document within so many seconds in all. Redirects are not followed.

        Raises as `post` does, and TooLarge.
        """

        async def read(answer: httpx2.Response) -> Document:
            body = bytearray()
            async for chunk in answer.aiter_raw():
                body += chunk
                if len(body) > max_bytes:
                    raise TooLarge
            status = await _status(answer)
            return Document(status.status, status.retry_after, dict(answer.headers), bytes(body))

        # A small answer could be unpacked to a large one.
        plain = {**headers, "Accept-Encoding": "identity"}
        return await self._send(seconds, "GET", text, plain, None, read)

    async def _send(
        self,
        seconds: float,
        method: str,
        text: str,
        headers: Mapping[str, str],
        content: bytes | None,
        read: Callable[[httpx2.Response], Awaitable[T]],
    ) -> T:
        async with asyncio.timeout(seconds):
            url = parse_url(text)
            addresses = await self._addresses(url)
            check_addresses(url, addresses, self.allowed)
            if not addresses:
                raise OSError("the name has no address")
            *others, last = addresses[:MAX_ADDRESSES]
            for address in others:
                try:
                    return await self._send_to(address, url, method, headers, content, read)
                except (httpx2.ConnectError, httpx2.ConnectTimeout):
                    continue
            return await self._send_to(last, url, method, headers, content, read)

    async def _addresses(self, url: Url) -> list[Address]:
        literal = _literal(url.host)
        if literal is not None:
            return [literal]
        # An IPv6 address can name a network interface, which is of no use here.
        return [ip_address(each.partition("%")[0]) for each in await self.resolve(url.host, url.port)]

    async def _send_to(
        self,
        address: Address,
        url: Url,
        method: str,
        headers: Mapping[str, str],
        content: bytes | None,
        read: Callable[[httpx2.Response], Awaitable[T]],
    ) -> T:
        host = f"[{address}]" if address.version == 6 else str(address)
        # A connection is never kept: the next call checks again, and two names at one address are not mixed.
        async with httpx2.AsyncClient(
            verify=self._tls,
            trust_env=False,
            follow_redirects=False,
            timeout=self.timeout_seconds,
            limits=httpx2.Limits(max_keepalive_connections=0),
        ) as client:
            request = client.build_request(
                method,
                f"{url.scheme}://{host}:{url.port}{url.path}",
                headers={**headers, "Host": url.authority, "Connection": "close"},
                content=content,
                extensions={"sni_hostname": url.host},
            )
            answer = await client.send(request, stream=True)
            try:
                return await read(answer)
            finally:
                await answer.aclose()


def parse_url(text: str) -> Url:
    """The parts of a URL, which must be written plainly. Raises AddressRefused."""
    if len(text) > MAX_URL_LENGTH:
        raise AddressRefused("too_long", f"must be at most {MAX_URL_LENGTH} characters")
    whole = _URL.fullmatch(text)
    if whole is None or "#" in text:
        raise AddressRefused("invalid_url", "must be an absolute URL in ASCII, without spaces or a fragment")
    scheme = whole["scheme"].lower()
    if scheme not in ("https", "http"):
        raise AddressRefused("scheme_not_allowed", "must start with https://")
    if "@" in whole["authority"]:
        raise AddressRefused("userinfo_not_allowed", "must not have a user name or a password")
    authority = _AUTHORITY.fullmatch(whole["authority"])
    if authority is None:
        raise AddressRefused("invalid_url", "must have a host name, and may have a port")
    host = authority["host"].lower().strip("[]").removesuffix(".")
    if _literal(host) is None and not _is_name(host):
        raise AddressRefused("invalid_url", "must have a host name, or an address in its usual form")
    port = int(authority["port"]) if authority["port"] else (443 if scheme == "https" else 80)
    if not 0 < port < 65536:
        raise AddressRefused("port_not_allowed", "must have a port from 1 to 65535")
    path = whole["path"]
    return Url(scheme, host, port, path if path.startswith("/") else f"/{path}")


def check_addresses(url: Url, addresses: Sequence[Address], allowed: AllowedHosts) -> None:
    """Check what a URL leads to. Without addresses, which are not known yet, its other parts.

    Raises AddressRefused.
    """
    if url.scheme == "http":
        near = allowed.development and all(each.is_loopback for each in addresses)
        if not near or not allowed.has(url.host, addresses):
            raise AddressRefused("scheme_not_allowed", "must start with https://")
    if allowed.has(url.host, addresses):
        return
    if url.port not in PORTS:
        raise AddressRefused("port_not_allowed", "must have the port 443 or 8443")
    for address in addresses:
        if not is_public(address) and not allowed.has("", [address]):
            raise AddressRefused("address_not_allowed", "must lead to a public address")


def is_public(address: Address) -> bool:
    """Whether this is an address of the public Internet, in its plain form."""
    if isinstance(address, IPv4Address):
        return address.is_global and not any(address in each for each in _REFUSED_V4)
    plain = address in _GLOBAL_V6 and address.scope_id is None
    return plain and address.is_global and not any(address in each for each in _REFUSED_V6)


def _literal(host: str) -> Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


def _is_name(host: str) -> bool:
    """Whether this is a DNS name. One whose last label is a number would be read as an address."""
    labels = host.removesuffix(".").split(".")
    right = all(_LABEL.fullmatch(each) for each in labels) and len(host) <= 253
    return right and not _NUMBER.fullmatch(labels[-1])


async def _status(answer: httpx2.Response) -> Answer:
    """What the answer says before its body, of which what comes is read up to the limit.

    The status is known, so what breaks now is no failure.
    """
    read = 0
    if not answer.is_stream_consumed:
        with suppress(httpx2.TransportError, TimeoutError):
            async with asyncio.timeout(BODY_SECONDS):
                async for chunk in answer.aiter_raw():
                    read += len(chunk)
                    if read > MAX_ANSWER_BYTES:
                        break
    return Answer(answer.status_code, _seconds(answer.headers.get("retry-after")))


def _seconds(text: str | None) -> float | None:
    """The seconds of a `Retry-After`. A date is ignored, because clocks differ."""
    return float(text) if text is not None and text.isascii() and text.isdigit() and len(text) < 10 else None
