"""Values that fill fields of a lead, put into the form that intake gives to what is sent.

What cannot be read fills nothing: a doubtful value is worse than none.
"""

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any

from app.engine.model.accounts import Account
from app.engine.model.enrichment_terms import EnrichmentTerms
from app.engine.model.filled import FilledField, value_of, where_empty, with_filled, with_origins
from app.intake.contact_quality import quality_of
from app.intake.job_titles import job_of
from app.intake.junk import WRITTEN, junk_parts
from app.intake.readings import NUMBERS, is_unread, read_fields
from app.intake.website import website_domain

MAX_LENGTH = 1000
_ATTRIBUTES = "attributes."
_OF_PLACE = ("country", "state", "postal_code")
_OF_FLAGS = {
    "country_unknown": "country",
    "state_unknown": "state",
    "postal_code_invalid": "postal_code",
    "language_unknown": "language",
}


def read_filled(found: Mapping[str, Any], origin: str, values: Mapping[str, Any]) -> dict[str, FilledField]:
    """The fields that these values fill in a lead with these fields."""
    plain = {name: clean for name, value in found.items() if (clean := _plain(name, value)) is not None}
    fields = {name: value for name, value in plain.items() if not name.startswith(_ATTRIBUTES)}
    if "country" not in fields and isinstance(values.get("country"), str):
        fields["country"] = values["country"]
    doubtful = {_OF_FLAGS[flag] for flag in read_fields(fields).flags if flag in _OF_FLAGS}
    plain |= {name: fields[name] for name in plain if name in fields}
    read = {
        name: FilledField(value, origin)
        for name, value in plain.items()
        if name not in doubtful and not is_unread(name, value)
    }
    if "website" in read:
        domain = website_domain(plain["website"])
        if domain is None:
            del read["website"]
        else:
            read["website_domain"] = FilledField(domain, origin)
    if "title" in read:
        read |= {name: FilledField(value, origin) for name, value in job_of(plain).items()}
    return where_empty(read, values)


def filled_from_account(
    account: Account | None, terms: EnrichmentTerms, values: Mapping[str, Any]
) -> dict[str, FilledField]:
    """The fields that the account of a lead fills."""
    if account is None or not terms.accounts:
        return {}
    missing = {name: place for name, place in terms.accounts.items() if value_of(values, name) is None}
    if not missing:
        return {}
    fields = account.fields()
    return read_filled(
        {name: _at(fields, place.split(".")) for name, place in missing.items()}, terms.accounts_name, values
    )


def with_quality(values: Mapping[str, Any], filled: Mapping[str, FilledField]) -> Mapping[str, Any]:
    """The fields of a lead, with what they say of its place, and of junk, together with what was filled."""
    found = values
    if not filled.keys().isdisjoint(_OF_PLACE):
        kept = {name: value for name, value in values.items() if name != "geo_conflict_parts"}
        found = {**kept, **quality_of(with_filled(values, filled))}
    if filled.keys().isdisjoint(WRITTEN):
        return found
    parts = junk_parts(with_filled(found, filled))
    if parts == list(found.get("junk_parts") or ()):
        return found
    return {**found, "junk_parts": parts} if parts else {n: v for n, v in found.items() if n != "junk_parts"}


def shown_with(
    normalized: Mapping[str, Any], values: Mapping[str, Any], filled: Mapping[str, FilledField]
) -> Mapping[str, Any]:
    """What an answer shows of a lead: what was filled, its origins, and what `values` say of its place."""
    kept = {name: value for name, value in normalized.items() if name != "geo_conflict_parts"}
    judged = {name: values[name] for name in ("geo_conflict", "geo_conflict_parts") if name in values}
    return with_origins({**kept, **judged}, filled)


def _at(place: Any, path: Sequence[str]) -> Any:
    for name in path:
        place = place.get(name) if isinstance(place, Mapping) else None
    return place


def _plain(name: str, value: Any) -> Any:
    """A text, number or truth value that can stand in a field; None for anything else.

    A text has no NUL and no halves of surrogate pairs, as if it had been sent.
    """
    if isinstance(value, str):
        text = value if value.isascii() else value.encode("utf-8", "replace").decode()
        return text.replace("\0", "").strip()[:MAX_LENGTH] or None
    if isinstance(value, bool):
        return value if name.startswith(_ATTRIBUTES) else None
    if isinstance(value, (int, float)):
        if not isfinite(value):
            return None
        if name in NUMBERS:
            return value if value >= 0 else None
        return value if name.startswith(_ATTRIBUTES) else str(value)
    return None
