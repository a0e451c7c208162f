"""Registrable domains of host names."""

import re
from functools import cache, lru_cache

from publicsuffixlist import PublicSuffixList

_HOST = re.compile(r"(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)+(?:[a-z]{2,63}|xn--[a-z0-9-]{1,59})")


@cache
def _suffixes() -> PublicSuffixList:
    """The installed public suffix list. It is never fetched."""
    return PublicSuffixList()


def load_suffixes() -> None:
    """Read the list of public suffixes now. It takes longer than many decisions, so not in the first one."""
    _suffixes()


# Most leads of a day share few domains, and the list takes longer than all else about an address.
@lru_cache(maxsize=4096)
def registrable(host: str) -> str | None:
    """The registrable domain of a host in lower-case ASCII: `walmart.com` for `stock.walmart.com`.

    Private suffixes of the public suffix list count, because each name below one has its own registrant. A
    host that is a public suffix is returned unchanged. IP addresses and other non-names return None.
    """
    if len(host) > 253 or not _HOST.fullmatch(host):
        return None
    return str(_suffixes().privatesuffix(host) or host)


def is_public_suffix(host: str) -> bool:
    """Whether names right below this one have registrants of their own, as below `co.uk`."""
    return _suffixes().is_public(host)


def is_top_level(name: str) -> bool:
    """Whether this is a top-level domain, such as `io`."""
    return "." not in name and str(_suffixes().publicsuffix(name, accept_unknown=False) or "") == name
