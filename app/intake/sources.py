"""What is known of the sources that tags and referrers name: search engines, social sites, assistants."""

import re
from functools import cache, lru_cache
from typing import NamedTuple

from app.intake.domains import registrable
from app.intake.lists import read_lines, read_words

SEARCH, SOCIAL, SHOPPING, VIDEO, ASSISTANT = "search", "social", "shopping", "video", "assistant"
_ANY = "{}"
_NEAR = ("www", "m", "mobile", "l", "lm", "www2")
"""Labels before a domain that stand for the same site."""
_BETWEEN = re.compile(r"[ _-]+")
_PLACEMENTS = frozenset(
    (
        "ad", "ads", "paid", "organic", "feed", "feeds", "mobile", "desktop", "story", "stories", "reel",
        "reels", "right", "column", "marketplace", "explore", "instream", "video", "inbox", "post", "page",
    )
)  # fmt: skip
"""Words behind the name of a site: what is booked there, and where it is shown."""
_ADS = (" ad", " ads", "_ad", "_ads", "-ad", "-ads", " paid", "_paid", "-paid")


class Source(NamedTuple):
    """A source: its category, if it has one, and the name it is known by."""

    category: str | None
    name: str


@cache
def _known() -> dict[str, Source]:
    known: dict[str, Source] = {}
    for name in ("sources.tab", "more_sources.tab"):
        for line in read_lines(name):
            source, category, brand = line.split("\t")
            known[source] = Source(category, brand)
    return known


@cache
def _ad_products() -> frozenset[str]:
    return read_words("ad_products.txt")


@cache
def _no_referrers() -> frozenset[str]:
    return read_words("no_referrers.txt")


def load_sources() -> None:
    """Read the lists now, so that no decision waits for them."""
    known_source("google")
    is_way_back("google.com")
    is_ad_product("google")


@lru_cache(maxsize=4096)
def known_source(source: str) -> Source:
    """What a source is: a name or a host in lower case, without blanks around it.

    A host that is not listed has the category of the domain above it, but for search engines: what else lives
    below them is no search.
    """
    known = _known()
    found = known.get(source)
    if found is not None or "." not in source:
        return found or known.get(_without_placement(source)) or Source(None, source)
    host = source.removeprefix("www.")
    domain = registrable(host)
    if domain is None:
        return Source(None, source)
    return known.get(host) or _by_pattern(host, domain) or _by_parents(host, domain) or Source(None, host)


def _without_placement(source: str) -> str:
    """The site in names such as `instagram_stories` and `reddit ads`, or nothing."""
    words = _BETWEEN.split(source)
    return words[0] if len(words) > 1 and _PLACEMENTS.issuperset(words[1:]) else ""


def _by_pattern(host: str, domain: str) -> Source | None:
    """The source whose last or first part is left open in the list, such as `google.{}`."""
    known = _known()
    below = host.removesuffix(domain).rstrip(".")
    label = domain.partition(".")[0]
    name = label if below in ("", *_NEAR) else f"{below}.{label}"
    return known.get(f"{name}.{_ANY}") or known.get(f"{_ANY}.{host.partition('.')[2]}")


def _by_parents(host: str, domain: str) -> Source | None:
    known = _known()
    first, _, rest = host.partition(".")
    near = first in _NEAR
    while len(rest) >= len(domain):
        found = known.get(rest)
        if found is not None and (near or found.category not in (SEARCH, ASSISTANT)):
            return found
        near, rest = False, rest.partition(".")[2]
    return None


def is_way_back(host: str) -> bool:
    """Whether people come from this host only because they paid or signed in there."""
    while host:
        if host in _no_referrers():
            return True
        host = host.partition(".")[2]
    return False


def is_ad_product(source: str) -> bool:
    """Whether this is the name of an advertising product, such as `google ads`."""
    plain = source.replace(" ", "").replace("-", "").replace("_", "")
    if plain in _ad_products():
        return True
    return source.endswith(_ADS) and _without_placement(source) in _known()
