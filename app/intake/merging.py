"""The fields of a lead after it came again: what was stored, with everything that is new."""

from collections.abc import Mapping
from typing import Any

from app.plan.language.fields import LEAD, Kind

_DERIVED = {"email": "email_domain", "website": "website_domain"}
"""A field that intake derives from another one, and that goes with it."""
MAX_ITEMS = 1000
"""The most items of a list that are kept. The oldest go first."""
_SAME_ENGAGEMENT = ("at", "type", "name", "product")


def _names_of(*kinds: Kind) -> tuple[str, ...]:
    """The fields of these types. Custom attributes may be of any type."""
    return (*(name for name, field in LEAD.fields.items() if field.kind in kinds), "attributes")


_FIELDS_OF = {
    "number": _names_of(Kind.INTEGER, Kind.NUMBER),
    "date": _names_of(Kind.TIMESTAMP),
    "boolean": ("attributes",),
}
"""The fields that a flag about a kind of value can be about."""


def merged(stored: Mapping[str, Any], sent: Mapping[str, Any]) -> dict[str, Any]:
    """The stored fields with the sent ones. The newest value of a field counts, and no field is lost.

    Lists and nested objects are merged too. Flags go with their fields.
    """
    kept = {name: value for name, value in stored.items() if name != "flags"}
    for source, derived in _DERIVED.items():
        if source in sent:
            kept.pop(derived, None)
    fields = {**kept, **{name: _merge(name, kept.get(name), value) for name, value in sent.items()}}
    flags = [*sent.get("flags", ()), *_flags_kept(stored, sent)]
    if flags:
        fields["flags"] = list(dict.fromkeys(flags))
    return fields


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


def _flags_kept(stored: Mapping[str, Any], sent: Mapping[str, Any]) -> list[str]:
    """The flags of fields that were not sent again."""
    return [flag for flag in stored.get("flags", ()) if not _is_settled(flag, stored, sent)]


def _is_settled(flag: str, stored: Mapping[str, Any], sent: Mapping[str, Any]) -> bool:
    """Whether every field that the flag can be about was sent again."""
    names = _FIELDS_OF.get(flag.partition("_")[0])
    if names is None:
        return any(flag.startswith(f"{name}_") for name in sent)
    return all(name in sent for name in names if isinstance(stored.get(name), (str, dict)))
