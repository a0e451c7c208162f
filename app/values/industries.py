"""Industries, from what people and CRMs write to the names of one list."""

from functools import cache, lru_cache

from app.values.folding import MAX_NAME_LENGTH, fold, read_rows

_AROUND = frozenset(
    ("industry", "industries", "sector", "branche", "branch", "industrie", "industria", "secteur", "settore")
)
"""Words that people put before or after the name of an industry."""


@cache
def _names() -> dict[str, str]:
    names: dict[str, str] = {}
    for name, *written in read_rows("industries.tab"):
        for each in (name.replace("_", " "), *written):
            names.setdefault(fold(each), name)
    return names


def industries() -> tuple[str, ...]:
    """Every name of the list."""
    return tuple(dict.fromkeys(_names().values()))


@lru_cache(maxsize=2048)
def read_industry(text: str) -> str | None:
    """The name on the list, such as `machinery` for `Maschinenbau`, or None for what it does not know."""
    if len(text) > MAX_NAME_LENGTH:
        return None
    words = fold(text).split()
    found = _names().get(" ".join(words))
    if found is None and len(words) > 1:
        inner = words[1:] if words[0] in _AROUND else words[:-1] if words[-1] in _AROUND else []
        found = _names().get(" ".join(inner).removesuffix(" and"))
    return found
