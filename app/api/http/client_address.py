"""The address of the caller, also behind proxies that the operator trusts."""

import ipaddress
import re
from collections.abc import Iterator, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from starlette.types import Scope

Address = IPv4Address | IPv6Address
Networks = Sequence[IPv4Network | IPv6Network]

MAX_HOPS = 20
"""Longer chains of trusted proxies do not exist, and each hop costs time."""

# With a port, as some load balancers write it: `192.0.2.1:4711` or `[2001:db8::1]:4711`.
_NODE = re.compile(r"(?:(\d[\d.]*)|\[([^\[\]]+)\])(?::\d{1,5})?")
_FORWARDED_FOR = re.compile(r"(?:^|;)[ \t]*for=(\"[^\"]*\"|[^;\"]*?)[ \t]*(?=;|$)", re.IGNORECASE)


def client_of(scope: Scope) -> str:
    """The address of the caller: seen from the service, the first one that is not a trusted proxy's.

    Each trusted proxy (`LEAD_ASSIGNMENT_TRUSTED_PROXIES`) names the address before it in `X-Forwarded-For` or
    `Forwarded`. An entry that is no address ends the walk, and the proxy that sent it counts. Where the two
    headers disagree, one of them comes from the caller, so the address of the connection counts.
    """
    host: str = (scope.get("client") or ("",))[0]
    trusted: Networks = getattr(scope["app"].state, "trusted_proxies", ()) if "app" in scope else ()
    if not trusted:
        return host
    peer = address_of(host)
    if peer is None or not is_trusted(peer, trusted):
        return host
    walks = {
        _walk(peer, entries, trusted)
        for entries in (_x_forwarded_for(scope), _forwarded(scope))
        if entries is not None
    }
    return str(walks.pop()) if len(walks) == 1 else str(peer)


def is_trusted(address: Address, trusted: Networks) -> bool:
    """Whether the address belongs to one of these networks."""
    return any(address in network for network in trusted)


def address_of(text: str) -> Address | None:
    """The address in a text, or None if it is not one.

    An IPv4 address that is written as IPv6 becomes IPv4, so that networks and limits fit it.
    """
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def peer_of(host: str) -> str:
    """The name under which callers from this address are counted.

    For IPv6 it is the /64 network, because one customer owns all of it.
    """
    address = address_of(host)
    if address is None:
        return host
    return str(ipaddress.ip_network((address, 64), strict=False)) if address.version == 6 else str(address)


def _walk(hop: Address, entries: Iterator[str], trusted: Networks) -> Address:
    for entry, _ in zip(entries, range(MAX_HOPS), strict=False):
        before = _address_of_node(entry)
        if before is None:
            return hop
        hop = before
        if not is_trusted(hop, trusted):
            return hop
    return hop


def _x_forwarded_for(scope: Scope) -> Iterator[str] | None:
    return _entries(scope, b"x-forwarded-for")


def _forwarded(scope: Scope) -> Iterator[str] | None:
    entries = _entries(scope, b"forwarded")
    return None if entries is None else map(_for, entries)


def _for(element: str) -> str:
    found: list[str] = _FORWARDED_FOR.findall(element)
    return found[0].strip('"') if len(found) == 1 else ""


def _entries(scope: Scope, wanted: bytes) -> Iterator[str] | None:
    """The entries of all headers with this name from the last to the first, or None without such a header."""
    values = [value for name, value in scope["headers"] if name == wanted]
    if not values:
        return None
    return (entry.strip() for entry in reversed(b",".join(values).decode("latin-1").split(",")))


def _address_of_node(text: str) -> Address | None:
    # Only the address of a connection has a zone.
    if "%" in text:
        return None
    found = _NODE.fullmatch(text)
    return address_of((found[1] or found[2]) if found else text)
