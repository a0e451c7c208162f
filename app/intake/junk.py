"""The signs that a lead is junk, as far as the lead itself shows them."""

import ipaddress
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address
from typing import Any

from app.engine.model.junk import GIBBERISH, HONEYPOT, PLACEHOLDER
from app.intake.gibberish import gibberish_in
from app.intake.mail_domains import DISPOSABLE, FREE, RELAY
from app.intake.mailboxes import email_key
from app.intake.person_names import is_placeholder
from app.values.booleans import read_boolean

HONEYPOT_FILLED = "honeypot_filled"
"""The flag of a lead whose form had a field filled that people do not see."""
_PRIVATE = """
10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 127.0.0.0/8 169.254.0.0/16 100.64.0.0/10 0.0.0.0/8 ::/127 fc00::/7
fe80::/10
"""
_OF_PROXIES = tuple(map(ipaddress.ip_network, _PRIVATE.split()))
_NETWORK = 64
"""One visitor has so many bits of an IPv6 address."""
_WITH_PORT = re.compile(r"\[([^\[\]]+)\](?::[0-9]{1,5})?|([0-9.]+):[0-9]{1,5}")
_PLATFORM_ADDRESSES = frozenset(("test@meta.com", "test@fb.com"))
_DUMMY = re.compile(r"<?\s*test lead:\s*dummy data for|^\s*(?:<|&lt;)?\s*dummy data for", re.I)
WRITTEN = ("first_name", "last_name", "company", "title", "city", "email", "phone", "postal_code", "state")
"""The fields that a person writes, as far as they may say that a lead is junk."""


def take_honeypot(values: dict[str, Any]) -> list[str]:
    """Take the honeypot out of the fields of a lead. The flag says whether it was filled."""
    filled = values.pop("honeypot", None)
    return [] if filled is None or read_boolean(filled) is False else [HONEYPOT_FILLED]


def junk_parts(values: Mapping[str, Any]) -> list[str]:
    """The parts of junk in a normalized lead with its `contact`. How fast leads come is counted elsewhere."""
    return list(_parts(values))


def _parts(values: Mapping[str, Any]) -> Iterator[str]:
    contact = values["contact"]
    if HONEYPOT_FILLED in values.get("flags", ()):
        yield HONEYPOT
    if DISPOSABLE in contact["email_flags"]:
        yield "disposable_email"
    if contact["phone"] == "implausible":
        yield "implausible_phone"
    if _is_unreachable(values, contact):
        yield "unreachable"
    if gibberish_in(values):
        yield GIBBERISH
    elif is_placeholder(values):
        yield PLACEHOLDER
    if _is_dummy(values):
        yield "platform_test"


def _is_unreachable(values: Mapping[str, Any], contact: Mapping[str, Any]) -> bool:
    """Whether no channel that the lead names works.

    A lead of another system that comes without any channel may well have one there.
    """
    if contact["email"] == "valid" or contact["phone"] == "valid":
        return False
    if contact["email"] == contact["phone"] == "missing":
        return "external_id" not in values and "crm" not in values
    return True


def _is_dummy(values: Mapping[str, Any]) -> bool:
    """Whether the texts are those that ad platforms put into their test leads."""
    if values.get("email") in _PLATFORM_ADDRESSES:
        return True
    for text in map(values.get, WRITTEN):
        if type(text) is str and "ummy" in text and _DUMMY.search(text):
            return True
    return False


def subjects_of(values: Mapping[str, Any]) -> dict[str, str]:
    """What a lead is counted by: `ip`, `identity` and `domain`, as far as it has them."""
    found = {"ip": _network(values), "identity": _identity(values), "domain": _domain(values)}
    return {name: value for name, value in found.items() if value}


def visitor_of(values: Mapping[str, Any]) -> IPv4Address | IPv6Address | None:
    """The address of the visitor who sent a lead. Private ones are those of proxies."""
    ip = values.get("ip") or (values.get("attributes") or {}).get("ip")
    return _address_of_visitor(ip.strip()) if isinstance(ip, str) else None


@lru_cache(maxsize=4096)
def _address_of_visitor(text: str) -> IPv4Address | IPv6Address | None:
    """Of a list, as proxies write it, the first address is the visitor's. A port is no part of it."""
    first = text.partition(",")[0].strip()
    written = _WITH_PORT.fullmatch(first)
    try:
        address = ipaddress.ip_address((written[1] or written[2]) if written is not None else first)
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    if any(address in each for each in _OF_PROXIES if each.version == address.version):
        return None
    return address


def _network(values: Mapping[str, Any]) -> str | None:
    address = visitor_of(values)
    if address is None or address.version == 4:
        return str(address) if address is not None else None
    return str(ipaddress.ip_network((address, _NETWORK), strict=False).network_address)


def _identity(values: Mapping[str, Any]) -> str | None:
    contact = values["contact"]
    if contact["email"] == "valid":
        return email_key(str(values["email"]))
    phone = values.get("phone")
    return str(phone) if phone else None


def _domain(values: Mapping[str, Any]) -> str | None:
    if {FREE, RELAY} & set(values["contact"]["email_flags"]):
        return None
    domain = values.get("email_domain")
    return str(domain) if domain else None
