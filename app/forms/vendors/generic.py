"""JSON of any tool, read with the paths in the endpoint's mapping.

A path is `$.contact.emails[0].value`; `$` may be left out, `[*]` stands for every element, and
`[name=utm_source]` for the elements whose field `name` has this value. Without a mapping the names of the
fields tell what they mean.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from app.forms.vendors.base import Delivery, FormMap, FormRequest, FormTerms, PlainForm, Unreadable
from app.forms.vendors.bodies import Body, first_text, read_body, texts_of
from app.forms.vendors.fields import map_fields
from app.forms.vendors.form_field import FormField, fields_of
from app.forms.vendors.lists import document_fields, is_pairs
from app.forms.vendors.values import storable
from app.values.booleans import read_boolean
from app.webhooks.vendors.payloads import moment

UNREADABLE_BYTES: Final = "unreadable_bytes"
"""The attribute with the values that no charset reads, as base64."""
MAX_ITEMS: Final = 500
_STEP = re.compile(r"\.?([^.\[\]]+)|\[([0-9]{1,6})\]|\[\*\]|\[([^\]=]+)=([^\]]*)\]|\[(['\"])(.*?)\5\]")


class GenericForm(PlainForm):
    """Implements FormKind."""

    kind = "generic"
    retries = frozenset((413, 429))

    def parse(self, request: FormRequest, terms: FormTerms) -> Sequence[Delivery]:
        """One delivery, or one for each element of a list."""
        body = read_body(request)
        found = _items(body.document, terms.mapping)
        if len(found) > MAX_ITEMS:
            raise Unreadable("has too many elements")
        return [_delivery(each, body, terms.mapping) for each in found]


def _items(document: Any, mapping: FormMap) -> list[Any]:
    if mapping.items is not None:
        found = list(values_at(document, mapping.items))
        return found[0] if len(found) == 1 and isinstance(found[0], list) else found
    if is_pairs(document):
        return [{"fields": document}]
    return document if isinstance(document, list) else [document]


def _delivery(item: Any, body: Body, mapping: FormMap) -> Delivery:
    if not isinstance(item, dict):
        raise Unreadable("is no object")
    whole = hashlib.sha256(json.dumps(item, sort_keys=True).encode()).hexdigest()
    id_ = _first(item, mapping.id)
    record = _first(item, mapping.record)
    if not all(_is_one_of(item, path, wanted) for path, wanted in mapping.when.items()):
        return Delivery("ignore", id_ or whole)
    fields = [*_mapped(item, mapping), *_others(item, body, mapping)]
    mapped = map_fields(fields, replace(mapping, fields={name: [name] for name in mapping.fields}))
    unmapped = {
        **(_left(item, mapping) if mapping.fields else _in_place(mapped.unmapped, item)),
        **({UNREADABLE_BYTES: dict(body.unreadable)} if body.unreadable else {}),
    }
    return Delivery(
        "lead",
        id_ or whole,
        record=record,
        lead=mapped.lead,
        at=_moment(_first_value(item, mapping.at)),
        is_test=any(read_boolean(each) is True for path in mapping.test for each in values_at(item, path)),
        flags=(*body.flags, *mapped.flags),
        unmapped=unmapped,
    )


def _mapped(item: Mapping[str, Any], mapping: FormMap) -> Iterator[FormField]:
    """The fields that the mapping names, each under the name of the lead's field."""
    for name, paths in mapping.fields.items():
        value = next((each for path in paths if (each := _value(item, path)) not in (None, "", [])), None)
        if value is not None:
            yield FormField(name, value)


def _others(item: Mapping[str, Any], body: Body, mapping: FormMap) -> Iterator[FormField]:
    """What the mapping does not name: with a mapping nothing, without one every field."""
    if mapping.fields:
        return
    yield from document_fields(item)
    known = item.keys()
    yield from fields_of({name: value for name, value in body.query.items() if name not in known})


def _left(item: Mapping[str, Any], mapping: FormMap) -> dict[str, Any]:
    """What the mapping does not name, where it stands in the document."""
    left = _copied(item)
    places = [path for paths in mapping.fields.values() for path in paths]
    for path in (
        *places,
        *mapping.id,
        *mapping.record,
        *mapping.at,
        *mapping.test,
        *mapping.when,
        *mapping.ignore,
    ):
        _remove(left, path)
    return dict(storable(_without_empty(left)))


def _copied(value: Any) -> Any:
    return {name: _copied(each) for name, each in value.items()} if isinstance(value, dict) else value


def _remove(document: dict[str, Any], path: str) -> None:
    """Take out what stands at a path; of a list, the whole."""
    steps = [path] if path in document else list(_names_in(path))
    for place, name in enumerate(steps):
        if name not in document:
            return
        inner = document[name]
        if place + 1 == len(steps) or not isinstance(inner, dict):
            del document[name]
            return
        document = inner


def _names_in(path: str) -> Iterator[str]:
    """The names at the start of a path, up to a place in a list."""
    for step in _STEP.finditer(path.removeprefix("$")):
        name, _, _, _, _, quoted = step.groups()
        if name is None and quoted is None:
            return
        yield name if name is not None else quoted


def _without_empty(document: Mapping[str, Any]) -> dict[str, Any]:
    found = {
        name: _without_empty(value) if isinstance(value, dict) else value for name, value in document.items()
    }
    return {name: value for name, value in found.items() if value not in (None, "", [], {})}


def _in_place(unmapped: Mapping[str, Any], item: Mapping[str, Any]) -> dict[str, Any]:
    """What is left, where it stood in the document: `deal.size` is `size` in `deal`."""
    found: dict[str, Any] = {}
    for name, value in unmapped.items():
        place, left, rest = found, item, name
        while rest not in left:
            parent = next((each for each in left if rest.startswith(f"{each}.")), None)
            if parent is None or not isinstance(left[parent], dict):
                break
            left, rest, place = left[parent], rest.removeprefix(f"{parent}."), place.setdefault(parent, {})
        place[rest] = value
    return found


def _value(item: Any, path: str) -> Any:
    found = list(values_at(item, path))
    return found[0] if len(found) == 1 else found or None


def _first(item: Any, paths: Sequence[str]) -> str:
    return next((text for path in paths for each in values_at(item, path) if (text := first_text(each))), "")


def _first_value(item: Any, paths: Sequence[str]) -> Any:
    return next((each for path in paths for each in values_at(item, path) if each not in (None, "")), None)


def _is_one_of(item: Any, path: str, wanted: Sequence[Any]) -> bool:
    allowed = {text for each in wanted for text in texts_of(each)}
    return any(text in allowed for each in values_at(item, path) for text in texts_of(each))


def _moment(value: Any) -> datetime | None:
    return moment(value) if value is not None else None


def values_at(document: Any, path: str) -> Iterator[Any]:
    """What stands at a path. Nothing for a path that leads nowhere."""
    if isinstance(document, dict) and path in document:
        yield document[path]
        return
    found = [document]
    for step in _STEP.finditer(path.removeprefix("$")):
        found = [each for one in found for each in _next(one, step)]
    yield from found


def _next(value: Any, step: re.Match[str]) -> list[Any]:
    name, number, key, wanted, _, quoted = step.groups()
    if number is not None:
        position = int(number)
        return [value[position]] if isinstance(value, list) and position < len(value) else []
    if key is not None:
        elements = value if isinstance(value, list) else []
        return [each for each in elements if isinstance(each, dict) and first_text(each.get(key)) == wanted]
    if name is None and quoted is None:
        return (
            list(value)
            if isinstance(value, list)
            else list(value.values())
            if isinstance(value, dict)
            else []
        )
    field = name if name is not None else quoted
    return [value[field]] if isinstance(value, dict) and field in value else []
