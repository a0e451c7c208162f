"""What the head of a request may be: how large, and such that two recipients read it in the same way."""

import re

from app.api.http.headers import Headers
from app.api.http.plain_request import HOST
from app.errors import BadRequest, HeadersTooLarge, Problem

KIB = 1024
MAX_URL = 8 * KIB
MAX_HEAD = 32 * KIB
MAX_HEADERS = 100

_ABSOLUTE = re.compile(rb"https?://([^/?#@]*)/[^#]*", re.IGNORECASE)


def problem_of_head(method: bytes, url: bytes, version: str, headers: Headers) -> Problem | None:
    """Why a request with this head is refused."""
    return _problem_of_target(method, url, headers) or _problem_of_headers(method, version, headers)


def head_without_upgrade(method: bytes, url: bytes, version: str, headers: Headers) -> bytes:
    """The head again. The parser takes no body of a request that asks for an upgrade."""
    lines = [b"%b %b HTTP/%b" % (method, url, version.encode())]
    lines += [b"%b: %b" % header for header in headers if header[0] != b"upgrade"]
    return b"\r\n".join([*lines, b"\r\n"])


def _problem_of_target(method: bytes, url: bytes, headers: Headers) -> Problem | None:
    if b"#" in url:
        return BadRequest("The URL has a fragment.")
    if url[:1] != b"/" and url != b"*" and method != b"CONNECT":
        # The host of the URL replaces the header. A proxy may have gone by the other one.
        absolute = _ABSOLUTE.fullmatch(url)
        hosts = [value.lower() for name, value in headers if name == b"host"]
        if absolute is None or hosts != [absolute[1].lower()]:
            return BadRequest("The URL is not valid, or is not that of the header Host.")
    return None


def _problem_of_headers(method: bytes, version: str, headers: Headers) -> Problem | None:
    size, hosts = 0, 0
    for name, value in headers:
        size += len(name) + len(value) + 4
        if name == b"host":
            hosts += 1
            if not HOST.fullmatch(value):
                return BadRequest("The header Host is not valid.")
        elif name == b"transfer-encoding" and (value.lower() != b"chunked" or version == "1.0"):
            return BadRequest("The only Transfer-Encoding is chunked, in HTTP/1.1.")
    if size > MAX_HEAD or len(headers) > MAX_HEADERS:
        return HeadersTooLarge()
    if hosts > 1 or (hosts == 0 and version != "1.0"):
        return BadRequest("Send the header Host exactly once.")
    if version not in ("1.1", "1.0"):
        return BadRequest("Use HTTP/1.1.")
    if method == b"CONNECT":
        return BadRequest("The service is not a proxy.")
    return None
