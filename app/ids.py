"""Identifiers made in the process, ordered by the time they were made."""

import os
import time


def uuid7() -> str:
    """A UUID of version 7 (RFC 9562, section 5.7): 48 bits of milliseconds, then 74 random bits."""
    random = int.from_bytes(os.urandom(10), "big")
    number = (
        (time.time_ns() // 1_000_000 & 0xFFFFFFFFFFFF) << 80
        | 0x7000 << 64
        | (random >> 68) << 64
        | 0b10 << 62
        | random & 0x3FFFFFFFFFFFFFFF
    )
    text = f"{number:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
