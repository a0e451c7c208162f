"""Reads the values of a lead with the readers that plans and tables use.

What cannot be read stays as it was sent, and a flag says so.
"""

import re
from collections.abc import Iterator
from typing import Any

from app.values.countries import COUNTRIES, country_code
from app.values.postal_codes import postal_code

_LANGUAGE = re.compile(r"([a-z]{2,3})(?:[-_][a-z0-9]{1,8})*", re.IGNORECASE | re.ASCII)

READ = ("country", "postal_code", "language")
"""The fields that are read here, which the answer shows as `normalized`."""


def read_fields(values: dict[str, Any]) -> list[str]:
    """Put the values of a lead into their form, in place. Returns the flags."""
    return [*_places(values), *_languages(values)]


def _places(values: dict[str, Any]) -> Iterator[str]:
    country = values.get("country")
    if country is not None:
        code = country_code(country)
        values["country"] = code or country
        if code is None:
            yield "country_unknown"
    known = values.get("country") if values.get("country") in COUNTRIES else None
    if "postal_code" in values:
        form = postal_code(values["postal_code"], known)
        values["postal_code"] = form or values["postal_code"]
        if form is None:
            yield "postal_code_invalid"


def _languages(values: dict[str, Any]) -> Iterator[str]:
    if language := values.get("language"):
        tag = _LANGUAGE.fullmatch(language)
        values["language"] = tag[1].lower() if tag else language
        if tag is None:
            yield "language_unknown"
