"""Regular expressions of a plan. google-re2 runs in time linear in the length of the text."""

from typing import Protocol

import re2  # type: ignore[import-untyped]

MAX_PATTERN_LENGTH = 1_000
MEMORY = 1 << 20
"""The most bytes a compiled pattern may take, its automaton included."""


class Pattern(Protocol):
    """A compiled pattern. `search` returns None when there is no match."""

    def search(self, text: str) -> object: ...


def compile_pattern(text: str) -> Pattern:
    """Compile an unanchored search. Raises ValueError when it is too long, too large or malformed."""
    if len(text) > MAX_PATTERN_LENGTH:
        raise ValueError(f"Must be at most {MAX_PATTERN_LENGTH} characters.")
    options = re2.Options()
    options.log_errors = False
    options.never_capture = True
    options.max_mem = MEMORY
    try:
        pattern: Pattern = re2.compile(text, options=options)
    except re2.error:
        raise ValueError(
            "Must be a regular expression of RE2, which has no look-around and no back-references."
        ) from None
    return pattern
