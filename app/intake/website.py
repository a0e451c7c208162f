"""The host name of a company's website."""

import re

import idna

_SCHEME = re.compile(r"(?:[a-z][a-z0-9+.-]*:)?//", re.IGNORECASE | re.ASCII)
_AUTHORITY_END = re.compile(r"[/?#\\]")
_HOST = re.compile(r"(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)+(?:[a-z]{2,63}|xn--[a-z0-9-]{1,59})")


def website_domain(text: str) -> str | None:
    """The host in lower-case ASCII without scheme, login, port and leading `www.`, or None."""
    scheme = _SCHEME.match(text)
    authority = _AUTHORITY_END.split(text[scheme.end() if scheme else 0 :], maxsplit=1)[0]
    host = authority.rpartition("@")[2].partition(":")[0].strip().rstrip(".").lower()
    if not host.isascii():
        try:
            host = idna.encode(host, uts46=True).decode()
        except (idna.IDNAError, UnicodeError):
            return None
    if len(host) > 253 or not _HOST.fullmatch(host):
        return None
    without = host.removeprefix("www.")
    return without if "." in without else host
