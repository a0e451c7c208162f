"""The keys of an incoming lead."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from app.engine.model.lead_keys import CRM_LEAD, EMAIL, EMAIL_ALIAS, EXTERNAL_ID, PHONE, LeadKey
from app.intake.mailboxes import email_alias, email_key
from app.values.crm_ids import crm_id_key

_NO_PHONE = frozenset(("phone_malformed", "phone_implausible"))


def keys_of(values: Mapping[str, Any], flags: Collection[str], source: str) -> tuple[LeadKey, ...]:
    """The keys of a normalized lead, strongest first. `source` is where its external id comes from."""
    found: list[LeadKey] = []
    if external_id := values.get("external_id"):
        found.append(LeadKey(EXTERNAL_ID, external_id, source))
    if (crm := values.get("crm")) and (crm_lead := crm.get("lead_id")):
        found.append(LeadKey(CRM_LEAD, crm_id_key(crm_lead)))
    if (email := values.get("email")) and "email_malformed" not in flags:
        found.append(LeadKey(EMAIL, email_key(email)))
    return (*found, *phone_keys(values, flags))


def phone_keys(values: Mapping[str, Any], flags: Collection[str]) -> Iterator[LeadKey]:
    """The key of the lead's phone number, if it has one that can be somebody's."""
    if (phone := values.get("phone")) and _NO_PHONE.isdisjoint(flags):
        yield LeadKey(PHONE, phone)


def alias_of(keys: Collection[LeadKey]) -> str | None:
    """The alias of the lead's address, which is the address itself if it has no tag and no dots."""
    for key in keys:
        if key.kind == EMAIL:
            return email_alias(key.value)
    return None


def stored_keys(keys: Collection[LeadKey]) -> list[LeadKey]:
    """The keys to store for a lead: its own, and the alias of its address if the two differ."""
    alias = alias_of(keys)
    if alias is None or LeadKey(EMAIL, alias) in keys:
        return list(keys)
    return [*keys, LeadKey(EMAIL_ALIAS, alias)]


def look_ups(keys: tuple[LeadKey, ...]) -> tuple[LeadKey, ...]:
    """The keys to look up leads that may be the same person, aliases included."""
    alias = alias_of(keys)
    if alias is None:
        return keys
    own = LeadKey(EMAIL, alias)
    return (*keys, *(() if own in keys else (own,)), LeadKey(EMAIL_ALIAS, alias))
