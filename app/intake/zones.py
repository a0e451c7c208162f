"""The time zones that a person may be in, by what is known of them.

What was sent comes first, then the state, the phone number, and the country. Where several are possible, all
are returned.
"""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any
from zoneinfo import available_timezones

from phonenumbers import NumberParseException, PhoneNumberType, number_type, parse
from phonenumbers.timezone import time_zones_for_number

_STATES = {
    "America/New_York": "US-CT US-DC US-DE US-GA US-MA US-MD US-ME US-NC US-NH US-NJ US-NY US-OH US-PA US-RI"
    " US-SC US-VA US-VT US-WV US-FL US-IN US-KY US-MI US-TN",
    "America/Chicago": "US-AL US-AR US-IA US-IL US-LA US-MN US-MO US-MS US-OK US-WI US-FL US-IN US-KS US-KY"
    " US-MI US-ND US-NE US-SD US-TN US-TX",
    "America/Denver": "US-CO US-MT US-NM US-UT US-WY US-ID US-KS US-ND US-NE US-OR US-SD US-TX",
    "America/Los_Angeles": "US-CA US-NV US-WA US-ID US-OR",
    "America/Phoenix": "US-AZ",
    "America/Anchorage": "US-AK",
    "America/Adak": "US-AK",
    "Pacific/Honolulu": "US-HI",
    "America/Toronto": "CA-ON CA-QC",
    "America/Winnipeg": "CA-MB CA-ON",
    "America/Regina": "CA-SK",
    "America/Edmonton": "CA-AB CA-NT CA-BC",
    "America/Vancouver": "CA-BC",
    "America/Whitehorse": "CA-YT",
    "America/Halifax": "CA-NS CA-NB CA-PE CA-QC",
    "America/St_Johns": "CA-NL",
    "Australia/Sydney": "AU-NSW AU-ACT",
    "Australia/Melbourne": "AU-VIC",
    "Australia/Brisbane": "AU-QLD",
    "Australia/Hobart": "AU-TAS",
    "Australia/Adelaide": "AU-SA",
    "Australia/Darwin": "AU-NT",
    "Australia/Perth": "AU-WA",
}
"""The states of countries with several zones. A state with two stands in both."""
_LINES_OF_A_PLACE = frozenset((PhoneNumberType.FIXED_LINE, PhoneNumberType.FIXED_LINE_OR_MOBILE))
_UNKNOWN = "Etc/Unknown"


def zones_of(values: Mapping[str, Any]) -> tuple[str, ...]:
    """The zones of a lead, or none if nothing tells."""
    sent = values.get("timezone")
    if isinstance(sent, str) and sent in available_timezones():
        return (sent,)
    country = values.get("country")
    zones = _zones_of_countries().get(country, ()) if isinstance(country, str) else ()
    state = values.get("state")
    if isinstance(country, str) and isinstance(state, str):
        found = tuple(zone for zone, states in _zones_of_states() if f"{country}-{state}" in states)
        if found:
            return found
    return _zones_of_phone(values.get("phone")) or zones


def _zones_of_phone(phone: object) -> tuple[str, ...]:
    if not isinstance(phone, str) or not phone.startswith("+"):
        return ()
    try:
        number = parse(phone)
    except NumberParseException:
        return ()
    found = tuple(zone for zone in time_zones_for_number(number) if zone != _UNKNOWN)
    # A number of no place, such as a toll-free one, has all zones of the countries that share its code.
    return found if len(found) == 1 or number_type(number) in _LINES_OF_A_PLACE else ()


@cache
def _zones_of_states() -> tuple[tuple[str, frozenset[str]], ...]:
    return tuple((zone, frozenset(states.split())) for zone, states in _STATES.items())


@cache
def _zones_of_countries() -> dict[str, tuple[str, ...]]:
    """The zones of each country, from `zone.tab` of the time zone database."""
    found: dict[str, tuple[str, ...]] = {}
    table = files("tzdata").joinpath("zoneinfo", "zone.tab").read_text(encoding="utf-8")
    for line in table.splitlines():
        if line and not line.startswith("#"):
            country, _, zone = line.split("\t")[:3]
            found[country] = (*found.get(country, ()), zone)
    return found
