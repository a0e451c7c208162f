"""Normalizes an incoming lead: its fields, flags for what could not be read, and its keys.

Pure and total: every lead that passes the schema has a result, and no typing error loses a lead.
"""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from app.engine.model.attribution_rules import NO_RULES, AttributionRules
from app.engine.model.lead_keys import LeadKey
from app.intake.attribution import as_sent, attributed, collect_tags
from app.intake.contact import parse_email, read_mailbox, read_phone
from app.intake.contact_quality import quality_of
from app.intake.job_titles import job_of
from app.intake.junk import junk_parts, take_honeypot
from app.intake.lead_keys import keys_of, look_ups
from app.intake.readings import NO_HINTS, READ, Hints, read_declared, read_fields, read_places
from app.intake.website import website_domain
from app.plan.language.fields import Field
from app.values.full_names import split_full_name
from app.values.industries import read_industry

_REPORTED = ("email", "email_domain", "phone", *READ, "website_domain")
_OF_COUNTRY = ("state", "postal_code", "phone")
"""The fields that are read by the country of the lead."""
_FLAGS_OF_PLACES = ("state_unknown", "postal_code_invalid")
_NAMES = ("first_name", "last_name")
"""The fields that the name of a mailbox fills if there are none."""
SUBMITTED_AT = "submitted_at"
_EMPTY: tuple[Any, ...] = (None, "", [], {})
_CLEAN = frozenset((bool, int, type(None)))
"""The types whose values are kept as they are sent."""


@dataclass(frozen=True, slots=True)
class IncomingLead:
    """A normalized lead.

    values:     its fields, nested, without empty ones; times are aware datetimes in UTC.
    keys:       what identifies the lead, strongest first.
    look_ups:   the keys to look up leads that may be the same person, aliases included.
    flags:      what could not be read, such as `email_malformed`.
    normalized: the fields that were changed or derived, ready for JSON.
    hints:      how its file writes what is ambiguous.
    """

    # No repr shows personal data, because it could end up in a log.
    values: dict[str, Any] = field(repr=False)
    keys: tuple[LeadKey, ...] = field(repr=False)
    look_ups: tuple[LeadKey, ...] = field(repr=False)
    flags: tuple[str, ...]
    normalized: dict[str, Any] = field(repr=False)
    hints: Hints = field(default=NO_HINTS, repr=False)


def normalize(sent: Mapping[str, Any], source: str = "", hints: Hints = NO_HINTS) -> IncomingLead:
    """Normalize a validated lead. Never raises for a lead that passed the schema.

    `source` is where its external id comes from, unless the lead says so itself.
    """
    values = _clean_fields(sent, hints)
    trapped = take_honeypot(values)
    names = values.keys() & _NAMES
    collect_tags(values)
    read = read_fields(values, hints)
    flags = [
        *read.flags,
        *_normalize_email(values),
        *_normalize_phone(values),
        *_normalize_website(values),
        *trapped,
    ]
    reported = (*_REPORTED, *read.changed, *(_NAMES if not names else ()))
    normalized = {name: values[name] for name in reported if name in values}
    if flags:
        values["flags"] = list(flags)
    normalized["flags"] = list(flags)
    derived = {**quality_of(values), **job_of(values), **attributed(values)}
    # The lead of a plan's test may have them already.
    values |= {name: value for name, value in derived.items() if name not in values}
    normalized |= {name: values[name] for name in derived}
    if parts := junk_parts(values):
        values.setdefault("junk_parts", parts)
    if "industry" in values and (industry := read_industry(values["industry"])) is not None:
        normalized["industry"] = industry
    keys = keys_of(values, flags, values.get("external_id_source") or source)
    return IncomingLead(values, keys, look_ups(keys), tuple(flags), normalized, hints)


def with_rules(arrival: IncomingLead, rules: AttributionRules) -> IncomingLead:
    """The lead with its origin by the rules of a plan."""
    if rules is NO_RULES or "attribution" not in arrival.values:
        return arrival
    sent = as_sent(arrival.values)
    found = attributed(sent, rules)
    kept = {name: value for name, value in arrival.normalized.items() if name in sent or name == "flags"}
    return replace(arrival, values={**sent, **found}, normalized={**kept, **found})


def with_declared(arrival: IncomingLead, declared: Sequence[Field]) -> IncomingLead:
    """The lead with its custom attributes in the types that a plan declares."""
    attributes = arrival.values.get("attributes")
    if not declared or not isinstance(attributes, dict):
        return arrival
    read, more = read_declared(attributes, declared, arrival.hints, arrival.values.get("country"))
    if read is attributes and not more:
        return arrival
    flags = tuple(dict.fromkeys((*arrival.flags, *more)))
    values = {**arrival.values, "attributes": read}
    if flags:
        values["flags"] = list(flags)
    normalized = {**arrival.normalized, "flags": list(flags)}
    if changed := _changed(attributes, read):
        normalized["attributes"] = changed
    return replace(arrival, values=values, flags=flags, normalized=normalized)


def submitted_until(arrival: IncomingLead, now: datetime) -> IncomingLead:
    """The lead as it arrives now. It cannot have been sent later: then the clock of its sender is wrong."""
    at = arrival.values.get(SUBMITTED_AT)
    if not isinstance(at, datetime) or at <= now:
        return arrival
    flags = list(dict.fromkeys((*arrival.flags, "submitted_in_future")))
    values = {**arrival.values, SUBMITTED_AT: now, "flags": flags}
    normalized = {**arrival.normalized, SUBMITTED_AT: now, "flags": flags}
    return replace(arrival, values=values, flags=tuple(flags), normalized=normalized)


def _changed(sent: Mapping[str, Any], read: Mapping[str, Any]) -> dict[str, Any]:
    """The attributes that were read as another type, without the others."""
    return {
        name: _changed(sent[name], value) if isinstance(value, dict) else value
        for name, value in read.items()
        if value is not sent[name]
    }


def read_in_country(values: Mapping[str, Any], country: str | None) -> Mapping[str, Any]:
    """The fields of a lead with its state, postal code and unreadable phone read in this country.

    Nothing changes if they were read in it before.
    """
    if country is None or values.get("country") == country or values.keys().isdisjoint(_OF_COUNTRY):
        return values
    read = {**values, "country": country}
    flags = [flag for flag in values.get("flags", ()) if flag not in _FLAGS_OF_PLACES]
    flags += read_places(read)
    if "phone_malformed" in flags:
        flags = [flag for flag in flags if not flag.startswith("phone_")]
        flags += _normalize_phone(read)
    read.pop("flags", None)
    restored = {name: read[name] for name in read if name in values}
    if "country" in values:
        restored["country"] = values["country"]
    return {**restored, "flags": flags} if flags else restored


def _clean_fields(fields: Mapping[str, Any], hints: Hints) -> dict[str, Any]:
    cleaned: dict[str, Any] = {}
    for name, value in fields.items():
        if type(value) is str:
            clean = _clean_text(value)
        else:
            clean = value if type(value) in _CLEAN else _clean(value, hints)
        if clean or clean not in _EMPTY:
            cleaned[name] = clean
    return cleaned


def _clean_text(text: str) -> str:
    return (text if text.isascii() else unicodedata.normalize("NFC", text)).strip()


def _clean(value: Any, hints: Hints) -> Any:
    """Trim text and compose it (NFC), convert times to UTC and whole floats to integers, drop empty items."""
    if isinstance(value, str):
        return _clean_text(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, datetime):
        return hints.moment(value) if value.tzinfo is None else value.astimezone(UTC)
    if isinstance(value, dict):
        return _clean_fields(value, hints)
    if isinstance(value, list):
        items = [_clean(each, hints) for each in value]
        return [item for item in items if item or item not in _EMPTY]
    return value


def _normalize_email(values: dict[str, Any]) -> list[str]:
    if "email" not in values:
        return []
    address, name = read_mailbox(values["email"])
    found = parse_email(address)
    if found is None:
        return ["email_malformed"]
    if name and not values.keys() & _NAMES:
        values.update(split_full_name(name))
    values["email"], values["email_domain"] = found.whole, found.domain
    return []


def _normalize_phone(values: dict[str, Any]) -> list[str]:
    if "phone" not in values:
        return []
    found = read_phone(values["phone"], values.get("country"))
    values["phone"] = found.e164 or values["phone"]
    flags = [] if found.e164 else ["phone_malformed"]
    return [*flags, "phone_implausible"] if found.implausible else flags


def _normalize_website(values: dict[str, Any]) -> list[str]:
    if "website" not in values:
        return []
    domain = website_domain(values["website"])
    if domain is None:
        return ["website_malformed"]
    values["website_domain"] = domain
    return []
