"""A field of a form, as every tool has it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class FormField:
    """A field of a form: its stable key, what it holds, and, where the tool says them, its label and type.

    `name` is what it is called if it becomes an attribute; without one it is its label, or else its key.
    """

    key: str
    value: Any = field(repr=False)
    label: str = ""
    type: str = ""
    name: str = ""


def fields_of(form: Mapping[str, Any]) -> list[FormField]:
    """The fields of a flat form or object. Objects inside of it are fields of their own, joined by dots."""
    return list(_flat("", form))


def _flat(prefix: str, form: Mapping[str, Any]) -> Iterator[FormField]:
    for name, value in form.items():
        if isinstance(value, dict):
            yield from _flat(f"{prefix}{name}.", value)
        else:
            yield FormField(f"{prefix}{name}", value)
