"""Values of fields as CRMs write them: a text, an id, a truth or a time, alone, in objects and in lists."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from app.webhooks.vendors.payloads import moment

TRUE = frozenset(("true", "1", "yes", "active", "on"))


def text_of(value: Any) -> str | None:
    """A value as text. Of an object it is its name or value, of a list its primary item."""
    value = _one_of(value)
    if isinstance(value, Mapping):
        value = next((value[name] for name in ("name", "Name", "value", "Value") if name in value), None)
        return text_of(value) if value is not None else None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return None if value is None or value == "" else str(value).strip() or None


def id_of(value: Any) -> str | None:
    """The id that a value is, or that an object holds."""
    value = _one_of(value)
    if isinstance(value, Mapping):
        return next(
            (id_of(value[name]) for name in ("id", "Id", "ID", "value", "Value") if name in value), None
        )
    if isinstance(value, bool) or value == 0:
        return None
    return text_of(value)


def _one_of(value: Any) -> Any:
    """The primary item of a list, else its first."""
    if not isinstance(value, list):
        return value
    primary = (each for each in value if isinstance(each, Mapping) and each.get("primary") is True)
    return next(primary, value[0] if value else None)


def boolean_of(value: Any) -> bool | None:
    """Whether a value says yes; None if it says nothing."""
    text = text_of(value)
    return text.casefold() in TRUE if text is not None else None


def moment_of(value: Any) -> datetime | None:
    """A time as vendors write times, such as ISO 8601, or seconds or milliseconds since 1970."""
    return moment(text_of(value))
