"""The time zones that a person may be in, by what is known of them.

What was sent comes first, then the state and the postal code, the phone number, and the country. Where
several are possible, all are returned.
"""

from collections.abc import Iterator, Mapping
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any
from zoneinfo import available_timezones

from phonenumbers import (
    NumberParseException,
    PhoneNumberType,
    country_code_for_region,
    number_type,
    parse,
)
from phonenumbers.timezone import time_zones_for_number

from app.intake.lists import read_lines
from app.values.postal_states import states_of_postal_code
from app.values.states import tail

Zones = tuple[str, ...]
_LINES_OF_A_PLACE = frozenset((PhoneNumberType.FIXED_LINE, PhoneNumberType.FIXED_LINE_OR_MOBILE))
_UNKNOWN = "Etc/Unknown"
_TELLING = ("timezone", "state", "country", "postal_code", "phone")
_LONGEST = 5
"""The most characters of a postal code that tell a zone."""


def zones_of(values: Mapping[str, Any]) -> Zones:
    """The zones of a lead, or none if nothing tells."""
    texts = {name: text for name in _TELLING if isinstance(text := values.get(name), str)}
    sent, state, country = texts.get("timezone"), texts.get("state"), texts.get("country")
    if sent is not None and sent in _known_zones():
        return (sent,)
    if country is None and state is not None and _code(state) != state:
        country = state[:2]
    phone = texts.get("phone", "")
    if country is None:
        return _zones_of_phone(phone)
    of_country = _zones_of_country(country)
    return (
        _zones_of_place(country, state, texts.get("postal_code"))
        or (() if len(of_country) == 1 and _is_in(country, phone) else _zones_of_phone(phone))
        or of_country
    )


def _zones_of_country(country: str) -> Zones:
    return _parts().get((country, "country", "-")) or _zones_of_countries().get(country, ())


@lru_cache(maxsize=4096)
def _zones_of_place(country: str, state: str | None, postal_code: str | None) -> Zones:
    """The zones of a state and a postal code: those of both, unless they contradict each other."""
    of_state = _parts().get((country, "state", _code(state)), ()) if state is not None else ()
    of_code = _zones_of_postal_code(country, postal_code) if postal_code is not None else ()
    if not of_state or not of_code:
        return of_state or of_code
    both = tuple(zone for zone in of_state if zone in of_code)
    return both or (*of_state, *of_code)


def _code(state: str) -> str:
    """The code of a state without its country."""
    return tail(state.casefold()).upper()


def _zones_of_postal_code(country: str, code: str) -> Zones:
    for length in range(_LONGEST, 0, -1):
        found = _parts().get((country, "postal", code[:length]))
        if found is not None:
            return found
    states = states_of_postal_code(code, country) or ()
    zones = [_parts().get((country, "state", state), ()) for state in sorted(states)]
    return tuple(dict.fromkeys(zone for each in zones for zone in each)) if all(zones) else ()


def _is_in(country: str, phone: str) -> bool:
    """Whether a number has the code of the country, so that it says no more about the zone than that does."""
    return phone.startswith(f"+{country_code_for_region(country)}")


@lru_cache(maxsize=4096)
def _zones_of_phone(phone: str) -> Zones:
    if not phone.startswith("+"):
        return ()
    try:
        number = parse(phone)
    except NumberParseException:
        return ()
    found = tuple(zone for zone in time_zones_for_number(number) if zone != _UNKNOWN)
    # A number of no place, such as a toll-free one, has all zones of the countries that share its code.
    return found if len(found) == 1 or number_type(number) in _LINES_OF_A_PLACE else ()


@cache
def _known_zones() -> frozenset[str]:
    return frozenset(available_timezones())  # looks through the files of the database each time


@cache
def _parts() -> Mapping[tuple[str, str, str], Zones]:
    """The zones of states and of beginnings of postal codes."""
    found: dict[tuple[str, str, str], Zones] = {}
    for line in read_lines("zones.tab"):
        country, kind, names, *zones = line.split("\t")
        for written in names.split():
            for name in _beginnings(written) if kind == "postal" else (written,):
                found[country, kind, name] = tuple(zones)
    return found


def _beginnings(written: str) -> Iterator[str]:
    first, _, last = written.partition("-")
    if not last:
        yield first
        return
    for number in range(int(first), int(last) + 1):
        yield str(number).zfill(len(first))


@cache
def _zones_of_countries() -> Mapping[str, Zones]:
    """The zones of each country, from `zone.tab` of the time zone database."""
    found: dict[str, Zones] = {}
    table = files("tzdata").joinpath("zoneinfo", "zone.tab").read_text(encoding="utf-8")
    for line in table.splitlines():
        if line and not line.startswith("#"):
            country, _, zone = line.split("\t")[:3]
            found[country] = (*found.get(country, ()), zone)
    return found
