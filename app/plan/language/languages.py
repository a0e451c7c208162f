"""Languages. Only the first part of a tag counts: `de-AT` and `de_CH` are `de` (RFC 5646, 2.2.1)."""

import re

_PARTS = re.compile("[-_]")


def primary(tag: str) -> str:
    """The language of a tag, in lower case."""
    return _PARTS.split(tag.strip(), maxsplit=1)[0].casefold()
