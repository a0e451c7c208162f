"""Limits on request bodies."""

from dataclasses import dataclass

KIB = 1024


@dataclass(frozen=True, slots=True)
class BodyLimits:
    """What a route accepts: bytes, nesting, keys per object, items per list, bytes per string, and seconds.

    The items of the list named by `isolate_items` are checked one by one: an invalid item does not affect
    the others.
    """

    size: int = 64 * KIB
    depth: int = 32
    keys: int = 500
    items: int = 1000
    text: int = 8 * KIB
    seconds: float = 10.0
    isolate_items: str | None = None
