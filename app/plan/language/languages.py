"""Languages: of a tag the first part counts, `de-AT` and `de_CH` are `de` (RFC 5646, section 2.2.1)."""

import re

_PARTS = re.compile("[-_]")


def primary(tag: str) -> str:
    """The language of a tag, in folded case."""
    return _PARTS.split(tag.strip(), maxsplit=1)[0].casefold()
