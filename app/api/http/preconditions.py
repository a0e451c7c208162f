"""If-Match and If-None-Match (RFC 9110, section 13.1): write only if the record is as the caller knows it."""

import re

from starlette.requests import Request

from app.directory.records import Precondition
from app.errors import ValidationFailed, refused_at

_TAGS = re.compile(r'(?:W/)?"[^"]*"(?:[ \t]*,[ \t]*(?:W/)?"[^"]*")*')
_STRONG = re.compile(r'(?<!W/)"(\d{1,19})"')
HEADERS = [
    {
        "name": name,
        "in": "header",
        "required": False,
        "schema": {"type": "string"},
        "description": text,
    }
    for name, text in (
        ("If-Match", "Write only if the record has this ETag."),
        ("If-None-Match", "With `*`: write only if the record does not exist."),
    )
]
"""The headers in the OpenAPI document."""


async def precondition(request: Request) -> Precondition:
    """What the request's headers require of the record.

    Raises ValidationFailed for a header that cannot be read.
    """
    match, none = request.headers.get("if-match"), request.headers.get("if-none-match")
    if none is not None and none.strip() != "*":
        raise _unreadable("If-None-Match", "must be *")
    absent, exists = none is not None, match is not None and match.strip() == "*"
    if match is None or exists:
        return Precondition(exists=exists, absent=absent)
    if not _TAGS.fullmatch(match.strip()):
        raise _unreadable("If-Match", 'must be * or ETags such as "17"')
    return Precondition(frozenset(map(int, _STRONG.findall(match))), absent=absent)


def _unreadable(header: str, detail: str) -> ValidationFailed:
    return refused_at((header,), "invalid_format", detail, "header")
