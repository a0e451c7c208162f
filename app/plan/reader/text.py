"""The text of a plan, YAML or JSON, as plain data.

YAML is read without its surprises: only `true` and `false` are booleans, so `country: NO` stays Norway. A
date, `0123`, `+49` and `1:30` stay strings, and keys are always strings. Anchors, aliases and tags are
errors, so no document grows while it is read.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import replace

import yaml

from app.plan.findings import Faults, Finding, fault, path_of

MAX_TEXT_BYTES = 4 << 20
"""Enough for about 20,000 rules."""
MAX_DEPTH = 32

_NULL = frozenset(("", "~", "null"))
_INTEGER = re.compile(r"-?(?:0|[1-9]\d{0,17})")
_DECIMAL = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d{1,3})?")

Path = tuple[str | int, ...]


def load_plan_text(source: str | bytes) -> object:
    """The plain data of a text. Raises Faults when it is too large, too deep or malformed."""
    text = _decoded(source)
    try:
        return _load_json(text)
    except (json.JSONDecodeError, RecursionError):
        return _load_yaml(text)


def check_data(data: object) -> None:
    """Raise Faults where data is too deep, or has values that cannot be stored or compared."""
    waiting: list[tuple[object, Path]] = [(data, ())]
    while waiting:
        value, path = waiting.pop()
        if len(path) > MAX_DEPTH:
            raise fault(
                "too_deep", f"Nested too deep. At most {MAX_DEPTH} levels are allowed.", path_of(path)
            )
        if isinstance(value, _Doubled):
            raise fault("duplicate_key", "Duplicate key. Remove one.", path_of((*path, value.key)))
        if isinstance(value, Mapping):
            waiting.extend((each, (*path, str(key))) for key, each in value.items())
            waiting.extend((str(key), (*path, str(key))) for key in value)
        elif isinstance(value, list):
            waiting.extend((each, (*path, position)) for position, each in enumerate(value))
        elif (finding := _scalar_fault(value)) is not None:
            raise fault(*finding, path_of(path))


def _scalar_fault(value: object) -> tuple[str, str] | None:
    if isinstance(value, str):
        bad = "\0" in value or (not value.isascii() and any("\ud800" <= each <= "\udfff" for each in value))
        return ("invalid_text", "Remove NUL characters and halves of surrogate pairs.") if bad else None
    if value is None or isinstance(value, bool):
        return None
    if isinstance(value, (int, float)):
        fine = abs(value) < 10**18
        return None if fine else ("out_of_range", "Must be a finite number of at most 18 digits.")
    return ("wrong_type", "Must be a string, a number, true, false, null, a list or a mapping.")


def _decoded(source: str | bytes) -> str:
    if len(source) > MAX_TEXT_BYTES:
        raise fault("too_large", "The plan is larger than 4 MiB.")
    try:
        text = source.decode("utf-8-sig") if isinstance(source, bytes) else source.removeprefix("\ufeff")
        if len(text.encode()) > MAX_TEXT_BYTES:
            raise fault("too_large", "The plan is larger than 4 MiB.")
    except UnicodeError as refused:
        if isinstance(source, bytes):
            raise fault("not_utf8", "The plan must be in UTF-8.") from refused
        raise fault("invalid_text", "Remove halves of surrogate pairs.") from refused
    return text


class _Doubled(dict[str, object]):
    """A JSON object with a duplicate key. It is reported later, when its path is known."""

    def __init__(self, key: str) -> None:
        super().__init__()
        self.key = key


def _load_json(text: str) -> object:
    if not text.lstrip().startswith(("{", "[")):
        raise json.JSONDecodeError("no JSON", "", 0)
    try:
        return json.loads(text, object_pairs_hook=_pairs, parse_constant=_no_constant)
    except json.JSONDecodeError:
        raise
    except ValueError as refused:
        raise fault("out_of_range", "Must be a finite number of at most 18 digits.") from refused


def _pairs(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found: dict[str, object] = {}
    for key, value in pairs:
        if key in found:
            return _Doubled(key)
        found[key] = value
    return found


def _no_constant(name: str) -> object:
    raise ValueError(name)


def _load_yaml(text: str) -> object:
    try:
        building = _Building()
        for event in yaml.parse(text, Loader=yaml.CSafeLoader):
            try:
                building.take(event)
            except Faults as refused:
                line = line_of(event)
                raise Faults(*(replace(each, line=line) for each in refused.findings)) from None
    except yaml.MarkedYAMLError as refused:
        mark = refused.problem_mark
        where = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        at = mark.line + 1 if mark else None
        raise Faults(Finding("", "invalid_syntax", f"Not valid YAML or JSON{where}.", line=at)) from refused
    except yaml.YAMLError as refused:
        raise fault("invalid_syntax", "Not valid YAML or JSON. Remove control characters.") from refused
    return building.root


def line_of(event: yaml.Event) -> int:
    """The line where an event begins, from 1."""
    return event.start_mark.line + 1 if event.start_mark is not None else 1


class _Building:
    """Builds plain data from the events of the YAML parser. Checks the depth and duplicate keys."""

    def __init__(self) -> None:
        self.root: object = None
        self._documents = 0
        self._open: list[dict[str, object] | list[object]] = []
        self._keys: list[str | None] = []

    def take(self, event: yaml.Event) -> None:
        if (
            isinstance(event, yaml.AliasEvent)
            or getattr(event, "anchor", None)
            or getattr(event, "tag", None)
        ):
            raise fault(
                "yaml_alias",
                "Anchors, aliases and tags are not supported. Write the value out.",
                self._path(),
            )
        match event:
            case yaml.DocumentStartEvent():
                self._documents += 1
                if self._documents > 1:
                    raise fault("invalid_syntax", "Only one document is allowed.")
            case yaml.ScalarEvent():
                self._scalar(event)
            case yaml.MappingStartEvent():
                self._begin({})
            case yaml.SequenceStartEvent():
                self._begin([])
            case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                self._open.pop()
                self._keys.pop()
                if self._keys:
                    self._keys[-1] = None

    def _scalar(self, event: yaml.ScalarEvent) -> None:
        if self._open and isinstance(self._open[-1], dict) and self._keys[-1] is None:
            if event.value in self._open[-1]:
                raise fault(
                    "duplicate_key", "Duplicate key. Remove one.", path_of((*self._places(), event.value))
                )
            self._keys[-1] = event.value
            return
        # Only a plain scalar is implicit. A quoted one is a string.
        self._put(_resolved(event.value) if event.implicit[0] else event.value)

    def _begin(self, collection: dict[str, object] | list[object]) -> None:
        if self._open and isinstance(self._open[-1], dict) and self._keys[-1] is None:
            raise fault("wrong_type", "A key must be a string.", self._path())
        self._put(collection, opening=True)
        self._open.append(collection)
        self._keys.append(None)
        if len(self._open) > MAX_DEPTH:
            raise fault("too_deep", f"Nested too deep. At most {MAX_DEPTH} levels are allowed.", self._path())

    def _put(self, value: object, opening: bool = False) -> None:
        if not self._open:
            self.root = value
            return
        container = self._open[-1]
        if isinstance(container, list):
            container.append(value)
        else:
            container[self._keys[-1] or ""] = value
            if not opening:
                self._keys[-1] = None

    def _places(self) -> Path:
        places: list[str | int] = []
        for container, key in zip(self._open, self._keys, strict=True):
            if isinstance(container, list):
                places.append(max(len(container) - 1, 0))
            elif key is not None:
                places.append(key)
        return tuple(places)

    def _path(self) -> str:
        return path_of(self._places())


def _resolved(text: str) -> object:
    """The value of a plain scalar: null, true, false, a decimal number, else a string."""
    if text in _NULL:
        return None
    if text in ("true", "false"):
        return text == "true"
    if _INTEGER.fullmatch(text):
        return int(text)
    return (
        float(text)
        if len(text) <= 40 and _DECIMAL.fullmatch(text) and not text.lstrip("-").isdigit()
        else text
    )
