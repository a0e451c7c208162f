"""States, provinces, regions and counties of the countries that route by them: ISO 3166-2.

The form of a state is its code without the country (`CA`) if the country of the lead is known, and with it
(`US-CA`) if only the name tells the country. A bare code without a country stays as it is, and means that
code in any country.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

from app.values.folding import MAX_NAME_LENGTH, fold, read_rows

STATE_COUNTRIES = frozenset(("US", "CA", "AU", "BR", "MX", "IN", "DE", "AT", "CH", "IT", "ES", "GB", "FR"))
"""The countries whose states are known."""

_FULL = re.compile(r"([A-Za-z]{2})[-_:./ ]\s*([A-Za-z0-9]{1,3})")
_STORED = re.compile(r"[a-z]{2}-[a-z0-9]{1,3}")
_DOTTED = re.compile(r"[A-Z]{2,3}\.|(?:[A-Z]\.\s?){1,2}[A-Z]\.?")
_DOTS = re.compile(r"[.\s]")
_PARTS = re.compile(r"\s*[,;/|()]\s*|\s+[-–—:]\s+")
_STYLE = re.compile(
    r"^(?:free )?(?:state|land|bundesland|freistaat|province|provincia|provincia autonoma|kanton|canton"
    r"|cantone|estado|region|regione|comunidad|comunidad autonoma|county) (?:of |de la |de |di |du |del )?"
)
_LEAST = 3
"""Letters that a name needs to tell its country."""


@dataclass(frozen=True)
class _States:
    """The states by country: codes, and codes by folded name. `meanings` are the full codes of a name."""

    codes: Mapping[str, frozenset[str]]
    names: Mapping[str, Mapping[str, str]]
    meanings: Mapping[str, frozenset[str]]
    shown: Mapping[str, tuple[str, ...]]

    @property
    def all_codes(self) -> frozenset[str]:
        return frozenset().union(*self.codes.values())


@cache
def _states() -> _States:
    codes: dict[str, set[str]] = defaultdict(set)
    names: dict[str, dict[str, str]] = defaultdict(dict)
    meanings: dict[str, set[str]] = defaultdict(set)
    shown: dict[str, tuple[str, ...]] = {}
    for full, *written in read_rows("states.tab"):
        country, code = full.split("-")
        codes[country].add(code)
        shown[full] = tuple(written)
        for key in map(_key, written):
            names[country][key] = code
            meanings[key].add(full)
    return _States(
        {country: frozenset(each) for country, each in codes.items()},
        names,
        {key: frozenset(each) for key, each in meanings.items()},
        shown,
    )


def _code(text: str) -> str:
    """The text as a code: `NY` for `ny` and `N.Y.`, `VA` for `Va.`."""
    plain = text.strip().upper()
    return _DOTS.sub("", plain) if _DOTTED.fullmatch(plain) else plain


def _key(text: str) -> str:
    return fold(text).replace(" ", "")


def _without_style(text: str) -> str:
    """The name in `State of Texas`, `Provincia di Milano` or `Kanton Zug`."""
    return _STYLE.sub("", fold(text), count=1).replace(" ", "")


def read_state(text: str, country: str | None = None) -> str | None:
    """The form of a state, or None if it is none of that country.

    In a country whose states are not known, every text is its own form. Without a country, a name that is
    that of several states is its own form too, and so is a code.
    """
    if country is not None and country not in STATE_COUNTRIES:
        return text
    return _read(text, country) if len(text) <= MAX_NAME_LENGTH else None


@lru_cache(4096)
def _read(text: str, country: str | None) -> str | None:
    if country is not None:
        return _within(text, country)
    found = _full_code(text)
    if found is not None:
        return found
    states, code, key = _states(), _code(text), _key(text)
    key = key if key in states.meanings else _without_style(text)
    if len(code) > 1 and code in states.all_codes:
        return code
    meanings = states.meanings.get(key, frozenset()) if len(key) >= _LEAST else frozenset()
    if meanings:
        return next(iter(meanings)) if len(meanings) == 1 else text.strip()
    return _of_parts(text, lambda part: _read(part, None))


def _within(text: str, country: str) -> str | None:
    """The code in this country."""
    states, names = _states(), _states().names[country]
    if text.strip().upper() in states.codes[country]:
        return text.strip().upper()
    named = names.get(_key(text)) or names.get(_without_style(text))
    if named is not None:
        return named
    if _code(text) in states.codes[country]:
        return _code(text)
    full = _full_code(text)
    if full is not None:
        return full[3:] if full[:2] == country else None
    return _of_parts(text, lambda part: _within(part, country))


def _full_code(text: str) -> str | None:
    """`US-CA` for `US-CA`, `us ca` or `US_CA`."""
    found = _FULL.fullmatch(text.strip())
    if found is None:
        return None
    country, code = found[1].upper(), found[2].upper()
    states = _states()
    if country not in STATE_COUNTRIES:
        return None
    code = code if code in states.codes[country] else states.names[country].get(code.lower(), "")
    return f"{country}-{code}" if code else None


def _of_parts(text: str, read: Callable[[str], str | None]) -> str | None:
    """The state of which all parts that can be read are names: `CA - California`, `Bayern (Bavaria)`."""
    parts = [part for part in _PARTS.split(text.strip()) if part]
    if len(parts) < 2:
        return None
    found = [form for part in parts if (form := read(part)) is not None]
    tails = {tail(form.casefold()) for form in found}
    return max(found, key=len) if len(tails) == 1 else None


def tail(form: str) -> str:
    """The code without its country."""
    return form[3:] if _STORED.fullmatch(form) else form


def read_option(text: str) -> str | None:
    """A state as a plan or a table names it: `US-CA`, a bare code, or a name of several states as written.

    `Col.` is Colorado and the code of Colima, so it stays as it is too.
    """
    return text.strip() if "." in text and len(meanings_of(text)) > 1 else read_state(text)


@lru_cache(4096)
def meanings_of(option: str) -> frozenset[str]:
    """What an option can mean, in lower case: full codes, a bare code, or the text itself."""
    plain = option.strip()
    full = _full_code(plain)
    if full is not None:
        return frozenset({full.casefold()})
    states = _states()
    found = {each.casefold() for each in states.meanings.get(_key(plain), ()) if _key(plain)}
    if _code(plain) in states.all_codes:
        # `WA` is that code in every country; `NL` is also short for a state of Mexico, `Col.` for Colorado.
        short = len(_code(plain)) < _LEAST or "." in plain
        found = {each for each in found if short} | {_code(plain).casefold()}
    return frozenset(found or {plain.casefold()})


def tails_of(option: str) -> frozenset[str]:
    """The codes, without their countries, of the states that an option can mean."""
    return frozenset(map(tail, meanings_of(option)))


def is_same_state(one: str, other: str) -> bool:
    """Whether two options mean the same state, or one of them means the other too, as `CA` does `US-CA`."""
    left, right = meanings_of(one), meanings_of(other)
    return (
        left == right
        or any(tail(each) in right for each in left)
        or any(tail(each) in left for each in right)
    )


def is_within(one: str, other: str) -> bool:
    """Whether every state that an option can mean is one that the other can mean: `US-CA` is within `CA`."""
    wider = meanings_of(other)
    return all(each in wider or tail(each) in wider for each in meanings_of(one))


def known_names() -> list[str]:
    """All names of states, in lower case."""
    return [name.casefold() for names in _states().shown.values() for name in names]


class StateOptions:
    """The states that a condition or a cell names, to be compared with those of leads."""

    __slots__ = ("_all", "_tails")

    def __init__(self, options: Iterable[str]) -> None:
        self._all = frozenset().union(*map(meanings_of, options))
        self._tails = frozenset(map(tail, self._all))

    def has(self, state: str, country: object) -> bool:
        """Whether the state of a lead is one of these."""
        return any(key in self._all for key in keys_of_state(state, country)) or (
            not isinstance(country, str) and form_of_lead(state, country).casefold() in self._tails
        )


def form_of_lead(state: str, country: object) -> str:
    """The form of a lead's state. A lead that an earlier version stored has a name, such as `California`."""
    if len(state) <= 3:
        return state
    return read_state(state, country if isinstance(country, str) else None) or state


def keys_of_state(state: str, country: object) -> tuple[str, ...]:
    """The keys under which a lead's state is found: with its country first, then the bare code."""
    plain = form_of_lead(state, country).casefold()
    if isinstance(country, str):
        return (f"{country.casefold()}-{plain}", plain)
    return (plain, plain[3:]) if _STORED.fullmatch(plain) else (plain,)


def names_of_state(state: str, country: object) -> tuple[str, ...]:
    """The code and the names of a lead's state, for comparisons of text."""
    state = form_of_lead(state, country)
    full = f"{country}-{state}" if isinstance(country, str) else state
    return (state, *_states().shown.get(full, ()))


def all_keys_of_state(values: Mapping[str, Any]) -> tuple[str, ...] | None:
    """The keys of a lead's state for a look-up. A code without a country may be that of any country."""
    state, country = values.get("state"), values.get("country")
    if not isinstance(state, str):
        return None
    keys = keys_of_state(state, country)
    if isinstance(country, str) or len(keys) > 1:
        return keys
    full = (f"{each.casefold()}-{keys[0]}" for each in sorted(STATE_COUNTRIES))
    return (*keys, *full)
