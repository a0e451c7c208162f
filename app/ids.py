"""Identifiers made in the process, ordered by the time they were made."""

import os
import time
from uuid import UUID


def uuid7() -> str:
    """A UUID of version 7 (RFC 9562, section 5.7): 48 bits of milliseconds, then 74 random bits."""
    milliseconds = time.time_ns() // 1_000_000
    random = int.from_bytes(os.urandom(10), "big")
    high = (milliseconds & 0xFFFFFFFFFFFF) << 80
    number = (
        high
        | (0x7 << 76)
        | ((random >> 68) << 64) & (0xFFF << 64)
        | (0b10 << 62)
        | (random & ((1 << 62) - 1))
    )
    return str(UUID(int=number))
