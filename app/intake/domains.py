"""Which part of a host name somebody registered, and which domains are those of free mail."""

import re
from functools import cache
from pathlib import Path

from publicsuffixlist import PublicSuffixList

_HOST = re.compile(r"(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)+(?:[a-z]{2,63}|xn--[a-z0-9-]{1,59})")
_FREE_MAIL = Path(__file__).with_name("free_email_domains.txt")


@cache
def _suffixes() -> PublicSuffixList:
    """The public suffix list that is installed; none is ever fetched."""
    return PublicSuffixList()


def registrable(host: str) -> str | None:
    """The registrable domain of a host in lower-case ASCII: `walmart.com` of `stock.walmart.com`.

    By the public suffix list, private suffixes among them, for what is registered below one belongs to
    somebody of its own. A host that is a public suffix itself stands as it is; None for what is no name of a
    host, such as an address of the internet.
    """
    if len(host) > 253 or not _HOST.fullmatch(host):
        return None
    return str(_suffixes().privatesuffix(host) or host)


@cache
def _free_mail() -> frozenset[str]:
    lines = _FREE_MAIL.read_text(encoding="ascii").split("\n")
    return frozenset(word for line in lines if not line.startswith("#") for word in line.split())


def is_free_mail(domain: str) -> bool:
    """Whether anybody may have an address below this registrable domain, so that it is no company's."""
    return domain in _free_mail()
