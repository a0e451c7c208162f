"""A lead as it arrives: its fields in one form, what was odd about them, and the keys it is known by.

Pure and total: whatever the wire let through has a result, and nothing a person mistyped loses the lead.
"""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from app.intake.contact import address, telephone
from app.intake.country import code_of_country
from app.intake.website import website_domain

_SHOWN = ("email", "email_domain", "phone", "country", "language", "website_domain")
_NOTHING: tuple[Any, ...] = (None, "", [], {})
_LANGUAGE = re.compile(r"([a-z]{2,3})(?:[-_][a-z0-9]{1,8})*", re.IGNORECASE | re.ASCII)


@dataclass(frozen=True, slots=True)
class IncomingLead:
    """What intake made of a lead.

    values:     its fields, nested, without the missing ones; instants are aware datetimes in UTC.
    keys:       (kind, key) by which the person is known again, the most telling first.
    flags:      what was odd, such as `email_malformed`.
    normalized: what was changed or derived, ready for JSON.
    """

    # What a person is, is shown by no repr: it would end up in a log.
    values: dict[str, Any] = field(repr=False)
    keys: tuple[tuple[str, str], ...] = field(repr=False)
    flags: tuple[str, ...]
    normalized: dict[str, Any] = field(repr=False)


def normalize(sent: Mapping[str, Any]) -> IncomingLead:
    """Brings a validated lead into its one form. Never raises on what the schema let through."""
    values = _tidy_fields(sent)
    flags = [*_place(values), *_email(values), *_phone(values), *_website(values)]
    normalized = {name: values[name] for name in _SHOWN if name in values}
    if flags:
        values["flags"] = list(flags)
    normalized["flags"] = list(flags)
    return IncomingLead(values, _keys(values, flags), tuple(flags), normalized)


def _tidy_fields(fields: Mapping[str, Any]) -> dict[str, Any]:
    tidy = ((name, _tidy(value)) for name, value in fields.items())
    return {name: value for name, value in tidy if value not in _NOTHING}


def _tidy(value: Any) -> Any:
    """Text composed (NFC) and trimmed, times in UTC, whole numbers whole; what is empty counts as missing."""
    if isinstance(value, str):
        return (value if value.isascii() else unicodedata.normalize("NFC", value)).strip()
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, datetime):
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    if isinstance(value, dict):
        return _tidy_fields(value)
    if isinstance(value, list):
        return [tidy for tidy in map(_tidy, value) if tidy not in _NOTHING]
    return value


def _place(values: dict[str, Any]) -> list[str]:
    flags = []
    if country := values.get("country"):
        code = code_of_country(country)
        values["country"] = code or country
        flags += [] if code else ["country_unknown"]
    if language := values.get("language"):
        tag = _LANGUAGE.fullmatch(language)
        values["language"] = tag[1].lower() if tag else language
        flags += [] if tag else ["language_unknown"]
    return flags


def _email(values: dict[str, Any]) -> list[str]:
    if "email" not in values:
        return []
    found = address(values["email"])
    if found is None:
        return ["email_malformed"]
    values["email"], values["email_domain"] = found.whole, found.domain
    return []


def _phone(values: dict[str, Any]) -> list[str]:
    if "phone" not in values:
        return []
    found = telephone(values["phone"], values.get("country"))
    values["phone"] = found or values["phone"]
    return [] if found else ["phone_malformed"]


def _website(values: dict[str, Any]) -> list[str]:
    if "website" not in values:
        return []
    domain = website_domain(values["website"])
    if domain is None:
        return ["website_malformed"]
    values["website_domain"] = domain
    return []


def _keys(values: Mapping[str, Any], flags: list[str]) -> tuple[tuple[str, str], ...]:
    found = (
        ("external_id", values.get("external_id")),
        ("crm_lead", values.get("crm", {}).get("lead_id")),
        ("email", None if "email_malformed" in flags else values.get("email")),
        ("phone", None if "phone_malformed" in flags else values.get("phone")),
    )
    return tuple((kind, key) for kind, key in found if key)
