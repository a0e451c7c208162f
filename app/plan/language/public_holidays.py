"""Public holidays of regions, and of countries that the library for working hours does not know.

The dates are those of the package `holidays`. They replace the word PH in a text of working hours.
"""

import re
from collections.abc import Iterator
from datetime import date
from functools import lru_cache
from importlib.metadata import version

_REGION = re.compile(r"([A-Z]{2})(?:-([A-Z0-9]{1,3}))?")
_QUOTED = re.compile(r'"[^"]*"')
_HOLIDAY = re.compile(r"\bPH\b")
_DAY = "(?:Mo|Tu|We|Th|Fr|Sa|Su)"
_IN_LIST = re.compile(rf"((?:{_DAY}(?:-{_DAY})?,)*)PH((?:,{_DAY}(?:-{_DAY})?)*)(?=\s|$)(?!\s*[+-]\d)")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class UnknownHolidays(ValueError):
    """`PH` has no country, or the public holidays of the country or region are not known."""


def mentions(text: str, word: str) -> bool:
    """Whether working hours use a word, such as PH, outside of comments."""
    return re.search(rf"\b{word}\b", _QUOTED.sub("", text)) is not None


@lru_cache(maxsize=1)
def holidays_version() -> str:
    """The versions of the two packages that the dates of holidays come from."""
    return f"{version('holidays')} {version('opening-hours-py')}"


@lru_cache(maxsize=512)
def holidays_of(region: str, year: int) -> tuple[date, ...]:
    """The public holidays of a country (`DE`) or region (`DE-BY`, ISO 3166-2) in a year, in order.

    Raises UnknownHolidays.
    """
    # The package takes a fifth of a second to import, and few calendars need it.
    import holidays

    found = _REGION.fullmatch(region)
    try:
        days = holidays.country_holidays(found[1], subdiv=found[2], years=year) if found else {}
    except NotImplementedError:
        days = {}
    if not days:
        raise UnknownHolidays("has PH, but the public holidays of this country or region are not known")
    return tuple(sorted(days))


def with_dates(text: str, region: str, years: range) -> str:
    """Working hours with the dates of the holidays in place of PH.

    Raises UnknownHolidays, and ValueError when PH does not stand among the weekdays of a rule.
    """
    days = [day for year in years for day in holidays_of(region, year)]
    dates = ",".join(f"{day.year} {_MONTHS[day.month - 1]} {day.day:02d}" for day in days)
    return "; ".join(part for rule in rules_of(text) for part in _replaced(rule, dates))


def rules_of(text: str) -> Iterator[str]:
    """The rules of working hours, which semicolons separate."""
    start = 0
    plain = _QUOTED.sub(lambda found: "_" * len(found[0]), text)
    for at, character in enumerate(plain):
        if character == ";":
            yield text[start:at].strip()
            start = at + 1
    if text[start:].strip():
        yield text[start:].strip()


def _replaced(rule: str, dates: str) -> Iterator[str]:
    """The rule without PH; then, as a rule of their own, its hours on the holidays."""
    if not _HOLIDAY.search(_QUOTED.sub("", rule)):
        yield rule
        return
    listed = _IN_LIST.match(rule)
    if listed is None or _HOLIDAY.search(_QUOTED.sub("", rule[listed.end() :])):
        raise ValueError("PH must stand at the start of a rule, or in its list of weekdays.")
    weekdays = ",".join(day for part in listed.groups() for day in part.split(",") if day)
    if weekdays:
        yield f"{weekdays}{rule[listed.end() :]}"
    yield f"{dates}{rule[listed.end() :]}"
