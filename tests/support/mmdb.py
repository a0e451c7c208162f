"""Writes database files in the format of MaxMind: countries of networks."""

import ipaddress
from collections.abc import Mapping
from typing import Any

RECORD_BITS = 24
_MAP, _TEXT, _LIST = 7, 2, 11
_UNSIGNED = {"node_count": 6, "record_size": 5, "ip_version": 5, "binary_format_major_version": 5,
             "binary_format_minor_version": 5, "build_epoch": 9}  # fmt: skip


def country_file(networks: Mapping[str, str | None], *, version: int = 6) -> bytes:
    """A file with the country of each network; None is a network without a country.

    A file of version 6 has IPv4 networks too.
    """
    tree: list[list[int | bytes | None]] = [[None, None]]
    for network, country in networks.items():
        record = {"country": {"iso_code": country}} if country else {"registered_country": {}}
        _insert(tree, _bits(network, version), _encoded(record))
    data, places = b"", dict[bytes, int]()
    for leaf in (each for node in tree for each in node if isinstance(each, bytes)):
        if leaf not in places:
            places[leaf] = len(data)
            data += leaf
    count = len(tree)
    nodes = b"".join(
        (places[each] + count + 16 if isinstance(each, bytes) else count if each is None else each).to_bytes(
            3
        )
        for node in tree
        for each in node
    )
    about = {
        "node_count": count, "record_size": RECORD_BITS, "ip_version": version, "database_type": "Countries",
        "languages": [], "binary_format_major_version": 2, "binary_format_minor_version": 0, "build_epoch": 1,
        "description": {},
    }  # fmt: skip
    return nodes + bytes(16) + data + b"\xab\xcd\xefMaxMind.com" + _encoded(about)


def _bits(network: str, version: int) -> str:
    parsed = ipaddress.ip_network(network)
    bits = f"{int(parsed.network_address):0{parsed.max_prefixlen}b}"[: parsed.prefixlen]
    return "0" * 96 + bits if version == 6 and parsed.version == 4 else bits


def _insert(tree: list[list[int | bytes | None]], bits: str, leaf: bytes) -> None:
    place = 0
    for bit in bits[:-1]:
        following = tree[place][int(bit)]
        if not isinstance(following, int):
            tree.append([None, None])
            tree[place][int(bit)] = following = len(tree) - 1
        place = following
    tree[place][int(bits[-1])] = leaf


def _encoded(value: Any, kind: int | None = None) -> bytes:
    if isinstance(value, str):
        text = value.encode()
        return bytes([(_TEXT << 5) | len(text)]) + text
    if isinstance(value, dict):
        items = (_encoded(name) + _encoded(each, _UNSIGNED.get(name)) for name, each in value.items())
        return bytes([(_MAP << 5) | len(value)]) + b"".join(items)
    if isinstance(value, list):
        return bytes([len(value), _LIST - 7]) + b"".join(map(_encoded, value))
    number = int(value).to_bytes((value.bit_length() + 7) // 8)
    if kind is None or kind > 7:
        return bytes([len(number), (kind or 9) - 7]) + number
    return bytes([(kind << 5) | len(number)]) + number
