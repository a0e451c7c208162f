"""Regular expressions of a plan: google-re2, whose time grows only linearly with the text."""

from typing import Protocol

import re2  # type: ignore[import-untyped]

MAX_PATTERN_LENGTH = 1_000
MEMORY = 1 << 20
"""Bytes a compiled pattern may take, its automaton included."""


class Pattern(Protocol):
    """A compiled expression; `search` gives something that is not None where it is found."""

    def search(self, text: str) -> object: ...


def compile_pattern(text: str) -> Pattern:
    """Compiles an unanchored search. Raises ValueError when it is too long, too large or malformed."""
    if len(text) > MAX_PATTERN_LENGTH:
        raise ValueError(f"Write a pattern of at most {MAX_PATTERN_LENGTH} characters.")
    options = re2.Options()
    options.log_errors = False
    options.never_capture = True
    options.max_mem = MEMORY
    try:
        pattern: Pattern = re2.compile(text, options=options)
    except re2.error:
        raise ValueError(
            "Write a pattern in the syntax of RE2: no look-around, no back-references."
        ) from None
    return pattern
