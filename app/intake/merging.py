"""The fields of a lead after it came again: what was stored, with everything that is new."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from app.intake.arrival import read_in_country
from app.intake.attribution import as_sent
from app.intake.contact_quality import quality_of
from app.intake.job_titles import job_of
from app.intake.junk import HONEYPOT_FILLED, junk_parts
from app.intake.readings import NUMBERS, flags_of_unread, is_unread
from app.plan.language.fields import DERIVED, Field, Kind
from app.values.countries import COUNTRIES
from app.values.languages import read_language

UNREADABLE = "unreadable"
"""The field that holds what was sent later and could not be read, where a readable value is kept."""
_DERIVED = {"email": "email_domain", "website": "website_domain"}
"""A field that intake derives from another one, and that goes with it."""
MAX_ITEMS = 1000
"""The most items of a list that are kept. The oldest go first."""
_SAME_ENGAGEMENT = ("at", "type", "name", "product")
_FLAGS_OF = {
    "email": ("email_malformed",),
    "phone": ("phone_malformed", "phone_implausible"),
    "website": ("website_malformed",),
    "country": ("country_unknown",),
    "state": ("state_unknown",),
    "postal_code": ("postal_code_invalid",),
    "language": ("language_unknown",),
}
"""The flags that are about one field."""
_FIELD_OF = {flag: name for name, flags in _FLAGS_OF.items() for flag in flags}
_BY_VALUE = frozenset(
    ("consent_unreadable", "number_unreadable", "date_unreadable", "date_ambiguous", "boolean_unreadable")
)
"""The flags that the values themselves show, because what cannot be read stays as it was sent."""


def merged(
    stored: Mapping[str, Any], sent: Mapping[str, Any], declared: Sequence[Field] = ()
) -> dict[str, Any]:
    """The stored fields with the sent ones. The newest value of a field counts, and no field is lost.

    Lists and nested objects are merged too. What depends on the country is read again if only one of the two
    names it. A value that cannot be read replaces none that can: it goes under `unreadable`. Flags go with
    their fields. `declared` are the custom attributes whose type the plan declares.
    """
    origin = _origin(stored, sent)
    stored, sent = _without_derived(stored), _without_derived(sent)
    country = _country_of(sent) or _country_of(stored)
    aside, flags_aside, stored = _split(stored)
    stored, sent = read_in_country(stored, country), read_in_country(sent, country)
    unread = {name for name in sent if name in stored and _lost(name, sent) and not _lost(name, stored)}
    new = {name: value for name, value in sent.items() if name not in unread and name != "flags"}
    aside = {name: value for name, value in aside.items() if name not in new}
    aside |= {name: sent[name] for name in unread}
    kept = {name: value for name, value in stored.items() if name != "flags"}
    for source, derived in _DERIVED.items():
        if source in new:
            kept.pop(derived, None)
    fields = {**kept, **{name: _merge(name, kept.get(name), value) for name, value in new.items()}}
    flags = [
        *sent.get("flags", ()),
        *(flag for flag in flags_aside if _FIELD_OF[flag] in aside),
        *_flags_kept(stored, new, {**fields, **aside}, declared),
    ]
    if aside:
        fields[UNREADABLE] = aside
    if flags:
        fields["flags"] = list(dict.fromkeys(flags))
    fields |= {**quality_of(fields), **job_of(fields), **origin}
    parts = junk_parts(fields)
    return {**fields, "junk_parts": parts} if parts else fields


def _origin(stored: Mapping[str, Any], sent: Mapping[str, Any]) -> dict[str, Any]:
    """`attribution` and the fields that it fills: those of the newest submission that has an origin.

    What was ever sent in these fields stays.
    """
    newest = sent if sent.get("attribution", {}).get("by") or "attribution" not in stored else stored
    found = newest.get("attribution")
    if found is None:
        return {}
    before = {*as_sent(stored), *as_sent(sent)}
    filled = [name for name in found.get("filled", ()) if name not in before]
    origin = {name: value for name, value in found.items() if name != "filled"}
    if filled:
        origin["filled"] = filled
    return {"attribution": origin, **{name: newest[name] for name in filled}}


def stricter_consent(one: Any, other: Any) -> dict[str, Any]:
    """The consents of two leads that are one person, by channel. What one of them has withdrawn is so."""
    both = [each for each in (one, other) if isinstance(each, Mapping)]
    found: dict[str, Any] = {}
    for consent in reversed(both):
        found |= {channel: given for channel, given in consent.items() if found.get(channel) is not False}
    return found


def _without_derived(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in as_sent(values).items() if name not in DERIVED}


def _split(stored: Mapping[str, Any]) -> tuple[Mapping[str, Any], list[str], Mapping[str, Any]]:
    """What is kept under `unreadable`, the flags about it, and the fields without both."""
    aside = stored.get(UNREADABLE)
    if not aside:
        return {}, [], stored
    flags = [flag for flag in stored.get("flags", ()) if _FIELD_OF.get(flag) in aside]
    fields = {name: value for name, value in stored.items() if name != UNREADABLE}
    return aside, flags, {**fields, "flags": [flag for flag in stored["flags"] if flag not in flags]}


def _country_of(values: Mapping[str, Any]) -> str | None:
    country = values.get("country")
    return country if country in COUNTRIES else None


def _lost(name: str, values: Mapping[str, Any]) -> bool:
    """Whether the value of a field could not be read, or is one that identifies nobody."""
    if name == "language":
        languages = values[name] if isinstance(values[name], list) else [values[name]]
        return all(read_language(each) is None for each in languages)
    flags = _FLAGS_OF.get(name)
    return is_unread(name, values[name]) if flags is None else not _flags(values).isdisjoint(flags)


def _flags(values: Mapping[str, Any]) -> frozenset[str]:
    return frozenset(values.get("flags", ()))


def _merge(name: str, stored: Any, sent: Any) -> Any:
    if isinstance(stored, dict) and isinstance(sent, dict):
        return {**stored, **{key: _merge(key, stored.get(key), value) for key, value in sent.items()}}
    if isinstance(stored, list) and isinstance(sent, list):
        return _with_earlier(sent, stored, _engagement_key if name == "engagement" else _plain_key)
    return sent


def _with_earlier(sent: list[Any], stored: list[Any], key: Any) -> list[Any]:
    """The sent items first, then the stored ones that were not sent again."""
    known = {key(each) for each in sent}
    earlier = [each for each in stored if key(each) not in known]
    return [*sent, *earlier[: max(0, MAX_ITEMS - len(sent))]]


def _plain_key(item: Any) -> str:
    return item.casefold() if isinstance(item, str) else repr(item)


def _engagement_key(item: Any) -> str:
    """An engagement is the same one when only its count differs: then it went on."""
    return repr([item.get(name) for name in _SAME_ENGAGEMENT]) if isinstance(item, dict) else repr(item)


def _flags_kept(
    stored: Mapping[str, Any], new: Mapping[str, Any], fields: Mapping[str, Any], declared: Sequence[Field]
) -> Iterator[str]:
    """The stored flags that are still about something in the merged fields."""
    flags = stored.get("flags", ())
    shown = set(flags_of_unread(fields, declared)) if not _BY_VALUE.isdisjoint(flags) else set()
    for flag in flags:
        if flag == HONEYPOT_FILLED:
            holds = False  # it is about one form that was sent, not about the person
        elif flag in _FIELD_OF:
            holds = _FIELD_OF[flag] not in new
        elif flag in _BY_VALUE:
            holds = flag in shown
        else:
            holds = flag != "number_ambiguous" or _keeps_numbers(stored, new, fields, declared)
        if holds:
            yield flag


def _keeps_numbers(
    stored: Mapping[str, Any], new: Mapping[str, Any], fields: Mapping[str, Any], declared: Sequence[Field]
) -> bool:
    """Whether a stored number stays, which may be the ambiguous one."""
    if any(name in stored and name not in new for name in NUMBERS):
        return True
    sent_again = new.get("engagement", ())
    if any("count" in each and each not in sent_again for each in fields.get("engagement", ())):
        return True
    numbers = [each.name.split(".")[1:] for each in declared if each.kind in (Kind.INTEGER, Kind.NUMBER)]
    before, now = stored.get("attributes"), new.get("attributes")
    return any(_has(before, path) and not _has(now, path) for path in numbers)


def _has(place: Any, path: Collection[str]) -> bool:
    for name in path:
        if not isinstance(place, dict) or name not in place:
            return False
        place = place[name]
    return True
