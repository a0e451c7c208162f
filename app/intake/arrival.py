"""Normalizes an incoming lead: its fields, flags for what could not be read, and its keys.

Pure and total: every lead that passes the schema has a result, and no typing error loses a lead.
"""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from app.intake.contact import parse_email, parse_phone
from app.intake.readings import READ, read_fields
from app.intake.website import website_domain

_REPORTED = ("email", "email_domain", "phone", *READ, "website_domain")
_EMPTY: tuple[Any, ...] = (None, "", [], {})


@dataclass(frozen=True, slots=True)
class IncomingLead:
    """A normalized lead.

    values:     its fields, nested, without empty ones; times are aware datetimes in UTC.
    keys:       (kind, key) pairs that identify the lead, strongest first.
    flags:      what could not be read, such as `email_malformed`.
    normalized: the fields that were changed or derived, ready for JSON.
    """

    # No repr shows personal data, because it could end up in a log.
    values: dict[str, Any] = field(repr=False)
    keys: tuple[tuple[str, str], ...] = field(repr=False)
    flags: tuple[str, ...]
    normalized: dict[str, Any] = field(repr=False)


def normalize(sent: Mapping[str, Any]) -> IncomingLead:
    """Normalize a validated lead. Never raises for a lead that passed the schema."""
    values = _clean_fields(sent)
    flags = [
        *read_fields(values),
        *_normalize_email(values),
        *_normalize_phone(values),
        *_normalize_website(values),
    ]
    normalized = {name: values[name] for name in _REPORTED if name in values}
    if flags:
        values["flags"] = list(flags)
    normalized["flags"] = list(flags)
    return IncomingLead(values, _keys(values, flags), tuple(flags), normalized)


def _clean_fields(fields: Mapping[str, Any]) -> dict[str, Any]:
    cleaned = ((name, _clean(value)) for name, value in fields.items())
    return {name: value for name, value in cleaned if value not in _EMPTY}


def _clean(value: Any) -> Any:
    """Trim text and compose it (NFC), convert times to UTC and whole floats to integers, drop empty items."""
    if isinstance(value, str):
        return (value if value.isascii() else unicodedata.normalize("NFC", value)).strip()
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, datetime):
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    if isinstance(value, dict):
        return _clean_fields(value)
    if isinstance(value, list):
        return [item for item in map(_clean, value) if item not in _EMPTY]
    return value


def _normalize_email(values: dict[str, Any]) -> list[str]:
    if "email" not in values:
        return []
    found = parse_email(values["email"])
    if found is None:
        return ["email_malformed"]
    values["email"], values["email_domain"] = found.whole, found.domain
    return []


def _normalize_phone(values: dict[str, Any]) -> list[str]:
    if "phone" not in values:
        return []
    found = parse_phone(values["phone"], values.get("country"))
    values["phone"] = found or values["phone"]
    return [] if found else ["phone_malformed"]


def _normalize_website(values: dict[str, Any]) -> list[str]:
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
