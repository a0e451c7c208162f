"""Fields that a lead came without, and that something else filled.

Requests keep them apart from what was sent. Where a lead is shown, or decided again, they stand among its
fields, and `origins` says where each one comes from.
"""

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

ORIGINS = "origins"
_ATTRIBUTES = "attributes"
_PREFIX = f"{_ATTRIBUTES}."
_FOLLOWS = {"website_domain": "website", "seniority": "title", "function": "title"}
"""Fields that intake makes of another one, and that are filled with it."""


class FilledField(NamedTuple):
    """The value of a field that the lead came without, and the name of what it comes from."""

    value: Any
    origin: str


def value_of(values: Mapping[str, Any], name: str) -> Any:
    """The value of a field that can be filled; None if there is none."""
    if name.startswith(_PREFIX):
        return (values.get(_ATTRIBUTES) or {}).get(name.removeprefix(_PREFIX))
    return values.get(name)


def where_empty(filled: Mapping[str, FilledField], values: Mapping[str, Any]) -> dict[str, FilledField]:
    """Those fields that the lead has no value for: what a person said comes first."""
    return {
        name: each
        for name, each in filled.items()
        if value_of(values, name) is None and value_of(values, _FOLLOWS.get(name, name)) is None
    }


def with_filled(values: Mapping[str, Any], filled: Mapping[str, FilledField]) -> Mapping[str, Any]:
    """The fields of a lead with those that were filled."""
    if not filled:
        return values
    found = dict(values)
    for name, each in filled.items():
        if name.startswith(_PREFIX):
            found[_ATTRIBUTES] = {
                name.removeprefix(_PREFIX): each.value,
                **(found.get(_ATTRIBUTES) or {}),
            }
        else:
            found.setdefault(name, each.value)
    return found


def with_origins(values: Mapping[str, Any], filled: Mapping[str, FilledField]) -> Mapping[str, Any]:
    """The same, with `origins`. Fields that were filled before keep theirs."""
    if not filled:
        return values
    return {**with_filled(values, filled), ORIGINS: origins_of(values, filled)}


def origins_of(values: Mapping[str, Any], filled: Mapping[str, FilledField]) -> dict[str, str]:
    """Where the fields come from that were filled, now or before."""
    before = values.get(ORIGINS)
    if not before and not filled:
        return {}
    found = {**(before or {}), **{name: each.origin for name, each in filled.items()}}
    return {name: found[name] for name in sorted(found)}


def overridden(values: Mapping[str, Any], names: Collection[str]) -> Mapping[str, Any]:
    """The fields of a lead of which these get a better value: they are no longer filled ones."""
    origins = values.get(ORIGINS)
    if not origins or origins.keys().isdisjoint(names):
        return values
    return {**values, ORIGINS: {name: each for name, each in origins.items() if name not in names}}


def as_sent(values: Mapping[str, Any]) -> Mapping[str, Any]:
    """The fields of a stored lead without those that were filled."""
    origins = values.get(ORIGINS)
    if not origins:
        return values
    found = {name: value for name, value in values.items() if name not in origins and name != ORIGINS}
    attributes = {
        name: value
        for name, value in (found.pop(_ATTRIBUTES, None) or {}).items()
        if f"{_PREFIX}{name}" not in origins
    }
    return {**found, _ATTRIBUTES: attributes} if attributes else found
