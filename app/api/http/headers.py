"""The headers of requests and answers: names in lower case, each with its value."""

from collections.abc import Iterable, Sequence

Headers = Sequence[tuple[bytes, bytes]]


def lines_of(headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Headers as they are sent."""
    return b"".join([b"%b: %b\r\n" % header for header in headers])
