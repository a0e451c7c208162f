"""Fields that JSON holds in lists: `[{"label": "Work e-mail", "value": …}]`, `"emails": [{"value": …}]`."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from app.forms.vendors.bodies import first_text, texts_of
from app.forms.vendors.form_field import FormField

_LABELS: Final = ("label", "title", "question")
_KEYS: Final = ("key", "name", "field", "ref", "id")
_VALUES: Final = ("value", "answer", "values", "answers", "response")
_POINTS: Final = (
    "value", "email", "emailAddress", "email_address", "address", "number", "phoneNumber", "phone_number",
    "phone",
)  # fmt: skip
"""Where an address or number stands in one of several."""
_POINT_NAMES: Final = frozenset(
    (
        "email", "emails", "emailaddresses", "mail", "mails", "phone", "phones", "phonenumbers", "telephone",
        "telephones",
    )
)  # fmt: skip
"""Names of lists of addresses or numbers."""
_OPTION_NAMES: Final = ("text", "label", "name", "value")
MAX_PAIRS: Final = 1000
MAX_POINTS: Final = 20


def is_pairs(value: Any) -> bool:
    """Whether this is a list of fields, each an object with a name and a value."""
    return (
        isinstance(value, list)
        and 0 < len(value) <= MAX_PAIRS
        and all(isinstance(each, dict) and _name_of(each) and _value_key(each) for each in value)
    )


def document_fields(document: Mapping[str, Any], prefix: str = "") -> Iterator[FormField]:
    """The fields of a document. What lists hold are fields too."""
    for name, value in document.items():
        if isinstance(value, dict):
            yield from document_fields(value, f"{prefix}{name}.")
        elif is_pairs(value) and not _is_points(name):
            yield from pairs_of(value)
        else:
            yield FormField(f"{prefix}{name}", _points(value) if _is_points(name) else value)


def pairs_of(pairs: list[dict[str, Any]]) -> Iterator[FormField]:
    """The fields of a list of names and values."""
    for each in pairs:
        label = next((text for name in _LABELS if (text := _text(each.get(name)))), "")
        key = next((text for name in _KEYS if (text := _text(each.get(name)))), label)
        value = _chosen(each, each[_value_key(each)])
        if isinstance(value, dict):
            yield from document_fields(value, f"{key}.")
        else:
            yield FormField(key, value, label=label, type=_text(each.get("type")), name=label or key)


def _name_of(pair: Mapping[str, Any]) -> str:
    return next((text for name in (*_LABELS, *_KEYS) if (text := _text(pair.get(name)))), "")


def _value_key(pair: Mapping[str, Any]) -> str:
    return next((name for name in _VALUES if name in pair), "")


def _text(value: Any) -> str:
    return value.strip() if isinstance(value, str) else ""


def _chosen(pair: Mapping[str, Any], value: Any) -> Any:
    """The texts of the options whose ids a choice holds."""
    options = pair.get("options")
    if not isinstance(options, list) or not texts_of(value):
        return value
    named = {
        first_text(each.get("id")): text
        for each in options
        if isinstance(each, dict)
        and (text := next((found for name in _OPTION_NAMES if (found := _text(each.get(name)))), ""))
    }
    ids = texts_of(value)
    return [named[each] for each in ids] if all(each in named for each in ids) else value


def _is_points(name: str) -> bool:
    return name.lower().replace("_", "").replace("-", "") in _POINT_NAMES


def _points(value: Any) -> Any:
    """The addresses or numbers of a list, the main one first."""
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        return value
    found = sorted(value[:MAX_POINTS], key=lambda each: each.get("primary") is not True)
    texts = [next((text for name in _POINTS if (text := _text(each.get(name)))), "") for each in found]
    return [each for each in texts if each] or value
