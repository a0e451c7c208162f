"""Fields of a lead that nobody sees until somebody claims it."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

_DERIVED = {"email": ("email_domain",), "website": ("website_domain",)}
"""The fields that intake derives from others."""
MIN_SECRET = 3
"""Shorter values are too common to look for in other texts."""


def hidden_names(hide: Iterable[str]) -> tuple[str, ...]:
    """The names of hidden fields, with those that are derived from them."""
    return tuple(name for each in hide for name in (each, *_DERIVED.get(each, ())))


def without_hidden(values: Mapping[str, Any], hide: Sequence[str]) -> Mapping[str, Any]:
    """The fields of a lead without the hidden ones. `crm.lead_id` is a field inside another."""
    if not hide:
        return values
    shown = dict(values)
    for name in hidden_names(hide):
        _drop(shown, name.split("."))
    return shown


def hidden_values(values: Mapping[str, Any], hide: Sequence[str]) -> frozenset[str]:
    """What the hidden fields of a lead hold, as texts without case."""
    found = (_value_of(values, name.split(".")) for name in hidden_names(hide))
    texts = (text.casefold() for value in found for text in _texts(value))
    return frozenset(text for text in texts if len(text) >= MIN_SECRET)


def redacted(document: Any, secrets: frozenset[str]) -> Any:
    """A document without the entries whose text holds one of these values."""
    if isinstance(document, Mapping):
        return {key: redacted(each, secrets) for key, each in document.items() if not _tells(each, secrets)}
    if isinstance(document, (list, tuple)):
        return [redacted(each, secrets) for each in document if not _tells(each, secrets)]
    return document


def _tells(value: Any, secrets: frozenset[str]) -> bool:
    if not isinstance(value, str):
        return False
    text = value.casefold()
    return any(secret in text for secret in secrets)


def _drop(values: dict[str, Any], path: Sequence[str]) -> None:
    first, *rest = path
    inner = values.get(first)
    if not rest:
        values.pop(first, None)
    elif isinstance(inner, Mapping):
        values[first] = dict(inner)
        _drop(values[first], rest)


def _value_of(values: Any, path: Sequence[str]) -> Any:
    for name in path:
        values = values.get(name) if isinstance(values, Mapping) else None
    return values


def _texts(value: Any) -> Iterable[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, (list, tuple)):
        for each in value:
            yield from _texts(each)
