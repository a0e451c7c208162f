"""Countries: ISO 3166-1 codes, names in many languages, and the variants that forms and CRMs send.

The form of a country is its alpha-2 code. Codes and English names are looked up in one small dictionary; the
names in other languages are read from a file when the first of them is asked for.
"""

import re
from functools import cache, lru_cache
from importlib.resources import files

from app.values.folding import MAX_NAME_LENGTH, fold, read_rows


def _read() -> dict[str, str]:
    table = files("tzdata.zoneinfo").joinpath("iso3166.tab").read_text(encoding="utf-8")
    rows = (line.split("\t") for line in table.splitlines() if line and not line.startswith("#"))
    # The code of Kosovo is user-assigned, but in general use.
    return dict(rows) | {"XK": "Kosovo"}


COUNTRIES: dict[str, str] = _read()
"""Code -> English name."""

# `na` stands for "not available" far more often than for Namibia, so only `NA` is a code.
_PLAIN = {
    **{name.casefold(): code for code, name in COUNTRIES.items()},
    **{code.casefold(): code for code in COUNTRIES if code != "NA"},
    "uk": "GB", "usa": "US",
}  # fmt: skip

# "Republic of …", "Islamic Republic of …": what follows is the name.
_STYLE = re.compile(
    r"(?:\w+ )*?(?:republic|kingdom|state|states|principality|commonwealth|sultanate|province) of (?:the )?"
)
_DOTTED = re.compile(r"(?:[A-Za-z]\.\s?){1,2}[A-Za-z]\.?")
_FLAG = range(0x1F1E6, 0x1F200)
"""The letters of flags: 🇩🇪 is DE."""


def country_code(text: str) -> str | None:
    """The ISO 3166 alpha-2 code of a code, a name or a usual variant; None if it is not a country.

    `N/A`, `n.a.` and `na` are no country; `NA` is Namibia. `Georgia` and `Jersey` are the countries.
    """
    if text in COUNTRIES:
        return text
    plain = text.strip()
    if plain in COUNTRIES:
        return plain
    return _PLAIN.get(plain.casefold()) or _by_name(plain) or _of_parts(plain)


@lru_cache(2048)
def _by_name(text: str) -> str | None:
    if not 1 < len(text) <= MAX_NAME_LENGTH:
        return None
    if all(ord(letter) in _FLAG for letter in text):
        code = "".join(chr(ord(letter) - _FLAG.start + ord("A")) for letter in text)
        return code if code in COUNTRIES else None
    if _DOTTED.fullmatch(text):
        return _PLAIN.get(text.replace(".", "").replace(" ", "").casefold()) or _names().get(fold(text))
    return next(filter(None, map(_names().get, _tries(text))), None)


def _of_parts(text: str) -> str | None:
    """The country that every part names: `Schweiz / Suisse`, `Germany, DE`. `Germany/Austria` is none."""
    parts = [part.strip() for part in re.split("[/,]", text)] if len(text) <= MAX_NAME_LENGTH else []
    found = {_PLAIN.get(part.casefold()) or _by_name(part) for part in parts if part}
    return found.pop() if len(parts) > 1 and len(found) == 1 else None


def _tries(text: str) -> list[str]:
    """The ways to read a name: as written, turned around ("Korea, Republic of"), without what is added."""
    whole = fold(text)
    tries = [whole]
    name, comma, style = text.partition(",")
    if comma:
        tries.append(fold(f"{style} {name}"))
    tries.append(_STYLE.sub("", whole, count=1))
    if comma and _STYLE.fullmatch(f"{fold(style)} "):
        tries.append(fold(name))
    if text.endswith((")", "]")):
        tries.append(fold(re.split(r"[(\[]", text, maxsplit=1)[0]))
    if " - " in text:
        tries.append(fold(text.rpartition(" - ")[2]))
    return [each for each in tries if each]


@cache
def _names() -> dict[str, str]:
    """Codes by folded name. What is written here by hand comes before the names of the CLDR."""
    found: dict[str, str] = {}
    for file in ("countries.tab", "country_variants.tab"):
        for code, *names in read_rows(file):
            found.update(dict.fromkeys(names, code))
    found.update({fold(name): code for code, name in COUNTRIES.items()})
    return found
