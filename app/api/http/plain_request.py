"""Reads a request of the most ordinary form in a few steps, for answers that must cost next to nothing.

What it reads, the parser of the protocol would read in the same way. It leaves everything else to it: what
is unusual, what could be read in two ways, and what is not exactly one whole request.
"""

import re
from collections.abc import Iterable
from hashlib import sha256
from typing import Any

from app.api.http.auth import credentials_digest
from app.api.http.headers import Headers
from app.api.http.key_lookups import make_room

MAX_SIZE = 64 * 1024
"""What comes at once from a connection is seldom larger."""
MAX_FIRST_LINE = 80
MAX_HEAD = 8 * 1024
MAX_HEADERS = 50
HOST = re.compile(rb"([A-Za-z0-9._~!$&'()*+,;=%-]*|\[[0-9A-Fa-f:.]+\])(:[0-9]{0,5})?")
"""The values that the header Host may have."""

MAX_KNOWN = 1024
"""Heads that are remembered."""

_END = b"\r\n\r\n"
_FIELDS = re.compile(rb"(?:[!#$%&'*+.^_`|~0-9A-Za-z-]++: ?[!-~]++(?: ++[!-~]++)*+\r\n)++\r\n")
"""Lines of names and values that are printable ASCII, without spaces at their ends."""
_LENGTH = re.compile(rb"0|[1-9][0-9]{0,5}")
_NAMED = frozenset((b"x-request-id", b"traceparent"))
"""Headers that are mostly different in each request, and matter for the answer."""
_UNUSUAL = frozenset(
    (
        b"expect",
        b"proxy-connection",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
        b"x-http-method",
        b"x-http-method-override",
        b"x-method-override",
    )
)
"""Headers that change how a request is read."""


class PlainRequests:
    """Reads requests to a few fixed paths, each given by its method and path.

    The heads of one caller are mostly alike. So they are remembered, by a hash: no process keeps the secrets
    of keys. What is read again is without its headers, and has a hash of its credentials instead. With
    `wants_headers` nothing is remembered.
    """

    def __init__(self, targets: Iterable[tuple[str, str]], *, wants_headers: bool = False) -> None:
        self._first_lines = {
            f"{method} {path} HTTP/1.1\r\n".encode(): {"type": "http", "method": method, "path": path}
            for method, path in targets
        }
        self._wants_headers = wants_headers
        self._known: dict[bytes, tuple[int, dict[str, Any]]] = {}

    def read(self, data: bytes) -> dict[str, Any] | None:
        """What is known of a request, as in a scope, if `data` is exactly one plain request."""
        end = data.find(_END, 0, MAX_HEAD) + len(_END)
        name = sha256(data[:end]).digest()
        size, scope = self._known.get(name, (-1, None))
        if scope is not None and size == len(data) - end:
            return {**scope}
        scope = self._parse(data)
        if scope is not None and not self._wants_headers and _NAMED.isdisjoint(dict(scope["headers"])):
            make_room(self._known, MAX_KNOWN)
            digest = credentials_digest(scope)
            self._known[name] = len(data) - end, {**scope, "headers": (), "credentials": digest}
        return scope

    def _parse(self, data: bytes) -> dict[str, Any] | None:
        start = data.find(b"\n", 0, MAX_FIRST_LINE) + 1
        first = self._first_lines.get(data[:start])
        if first is None or len(data) > MAX_SIZE:
            return None
        head = _FIELDS.match(data, start, MAX_HEAD)
        if head is None:
            return None
        headers = [_header(line) for line in data[start : head.end() - 4].split(b"\r\n")]
        if not _are_plain(headers, len(data) - head.end()):
            return None
        return {**first, "headers": headers}


def _header(line: bytes) -> tuple[bytes, bytes]:
    name, _, value = line.partition(b":")
    return name.lower(), value.lstrip(b" ")


def _are_plain(headers: Headers, size: int) -> bool:
    """Whether no header comes twice, and they say nothing unusual about a body of this size."""
    by_name = dict(headers)
    return (
        len(by_name) == len(headers) <= MAX_HEADERS
        and _UNUSUAL.isdisjoint(by_name)
        and by_name.get(b"connection", b"keep-alive").lower() == b"keep-alive"
        and HOST.fullmatch(by_name.get(b"host", b" ")) is not None
        and _LENGTH.fullmatch(length := by_name.get(b"content-length", b"")) is not None
        and int(length) == size
    )
