"""Reads the values of a lead with the readers that plans and tables use.

What cannot be read stays as it was sent, and a flag says so.
"""

from collections.abc import Iterator
from typing import Any

from app.values.countries import COUNTRIES, country_code
from app.values.languages import read_languages, unknown_languages
from app.values.postal_codes import postal_code
from app.values.states import read_state

READ = ("country", "state", "postal_code", "language")
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
    if "state" in values:
        state = read_state(values["state"], known)
        values["state"] = state or values["state"]
        if state is None:
            yield "state_unknown"
    if "postal_code" in values:
        form = postal_code(values["postal_code"], known)
        values["postal_code"] = form or values["postal_code"]
        if form is None:
            yield "postal_code_invalid"


def _languages(values: dict[str, Any]) -> Iterator[str]:
    text = values.get("language")
    if text is None:
        return
    if isinstance(text, list):
        text = ", ".join(text)
    unknown = unknown_languages(text)
    codes = read_languages(text)
    if codes is not None:
        all_ = [*codes, *dict.fromkeys(unknown)]
        values["language"] = all_[0] if len(all_) == 1 else all_
    if unknown:
        yield "language_unknown"
