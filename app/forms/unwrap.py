"""Finds the body of a form tool inside of what a bridge has put around it.

Automation services hand on what they got inside of an object, a list, a text or the field of a form of their
own. Only what cannot be read as it is, is searched.
"""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from app.forms.vendors.base import FormRequest, Unreadable
from app.forms.vendors.bodies import parse_json, read_body

MAX_INSIDE: Final = 20
"""So many values are tried as a body."""
MAX_DEPTH: Final = 4
UNWRAPPED: Final = "body_unwrapped"
"""The flag of what was found inside."""


def inside(request: FormRequest) -> Iterator[list[FormRequest]]:
    """What may be the body, the outermost first: an object, or all objects of a list."""
    try:
        document = read_body(request).document
    except Unreadable:
        return
    level, tried = _in(document) if isinstance(document, dict) else [_parsed(document)], 0
    for _ in range(MAX_DEPTH):
        for value in level:
            found = [
                each for each in (value if isinstance(value, list) else [value]) if isinstance(each, dict)
            ]
            if found:
                yield [_request(request, each) for each in found]
                tried += 1
            if tried == MAX_INSIDE:
                return
        level = [each for value in level for each in _in(value)]


def _in(value: Any) -> list[Any]:
    """What an object or a list holds."""
    if isinstance(value, list):
        return [_parsed(each) for each in value[:MAX_INSIDE]]
    if not isinstance(value, dict):
        return []
    # A document that was sent as a form is the name of a field.
    held = [*value.values(), *(name for name in value if name.lstrip()[:1] == "{")]
    return [_parsed(each) for each in held]


def _parsed(value: Any) -> Any:
    """The document of a text that is one."""
    if not isinstance(value, str) or value.lstrip()[:1] not in ("{", "["):
        return value
    try:
        return parse_json(value)
    except Unreadable:
        return None


def _request(request: FormRequest, document: Any) -> FormRequest:
    headers = {**request.headers, "content-type": b"application/json"}
    return replace(request, headers=headers, body=json.dumps(document).encode("utf-8", "replace"))
