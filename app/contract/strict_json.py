"""Strict JSON within limits. Duplicate keys and other input that RFC 8259 leaves open are refused.

The common case takes a few microseconds per lead: one parse, one walk, one count. A document that may hold
a duplicate key is parsed a second time, slowly and exactly.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator
from math import inf
from typing import Any

import orjson

from app.contract.limits import BodyLimits
from app.errors import Fault, MalformedJson, Path, ValidationFailed, refused_at
from app.pace import Pace, few_threads
from app.values.numbers import MAX_NUMBER

MAX_INTEGER = 2**63 - 1
AT_ONCE_BYTES = 64 * 1024
"""A body of up to this many bytes is checked without a pause."""
PART_BYTES = 256 * 1024
"""So much of a larger body is loaded at once. That takes about a millisecond."""
SEARCHED_BYTES = 1024 * 1024
"""So much is searched at once. That takes about a millisecond, too."""
MAX_VALUES = 150_000
"""The values of a large body: loading takes most of its time for each of them, and some shapes of a body can
only be loaded whole."""
ENDING_BYTES = 256
"""A body whose last two brackets do not stand within these is loaded whole."""

_UNCHECKED = frozenset((bool, type(None)))

_ONLY_ITEMS = re.compile(
    rb'[ \t\n\r]*\{[ \t\n\r]*"([a-z_]+)"[ \t\n\r]*:[ \t\n\r]*\[[ \t\n\r]*(\{"[^"\\]{1,64}")'
)
"""The beginning of an object that holds a list of objects: its key, and how the first of them begins."""
_ENDING = re.compile(rb"\][ \t\n\r]*\}[ \t\n\r]*\Z")
_TEXT = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)', re.DOTALL)
"""A string. One that does not end goes to the end of the body, so that no character is looked at twice."""
_SPACED_COLON = re.compile(rb'"[ \t\n\r]+:')


class InvalidItem(dict[str, Any]):
    """Takes the place of an invalid item in a batch, so that the other items stay valid."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(invalid=fault.code)
        self.fault = fault


class _DuplicateKeys(dict[str, Any]):
    """An object that holds a key more than once."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        counts = Counter(key for key, _ in pairs)
        self.key = next(key for key, count in counts.items() if count > 1)


class _LimitExceeded(Exception):
    """A fault on its way up. Each level adds its own step to the path."""

    def __init__(self, code: str, detail: str, *steps: str | int) -> None:
        super().__init__()
        self.code, self.detail, self.steps = code, detail, list(steps)

    def fault(self, root: Path) -> Fault:
        return Fault((*root, *reversed(self.steps)), self.code, self.detail)


def parse(raw: bytes, limits: BodyLimits) -> Any:
    """The parsed document. Invalid items of the list `limits.isolate_items` are replaced by `InvalidItem`.

    Raises MalformedJson, or ValidationFailed when a limit is exceeded.
    """
    document, walk = _loaded(raw), _Walk(limits, _unchecked_length(raw, limits))
    items = _isolated(document, limits)
    if items is not None:
        for _ in _isolate_items(document, items, walk):
            pass
        if _may_have_duplicates(raw, walk.keys):
            for _ in _isolate_duplicates(_parse_slowly(raw), str(limits.isolate_items), items):
                pass
        return document
    try:
        keys = walk.value(document, 0)
    except _LimitExceeded as found:
        raise ValidationFailed(faults=[found.fault(())]) from None
    if _may_have_duplicates(raw, keys):
        _refuse_duplicates(raw)
    return document


async def parse_in_slices(raw: bytes, limits: BodyLimits) -> Any:
    """Like `parse`. While a large body is checked, everything else in the process goes on.

    A large body has at most `MAX_VALUES` values.
    """
    if len(raw) <= AT_ONCE_BYTES:
        return parse(raw, limits)
    pace = Pace()
    await _refuse_too_many_values(raw, pace)
    document = None
    if limits.isolate_items is not None:
        document = await _loaded_in_parts(raw, limits.isolate_items, pace)
    if document is None:
        await pace.next_slice()
        document = _loaded(raw)
    await pace.next_slice()
    walk = _Walk(limits, _unchecked_length(raw, limits))
    items = _isolated(document, limits)
    for _ in _check(document, walk) if items is None else _isolate_items(document, items, walk):
        await pace.rest()
    if await _may_have_duplicates_somewhere(raw, walk.keys, pace):
        # The parser calls back into Python, where the thread can give way to the event loop.
        if items is None:
            await few_threads().run(object(), _refuse_duplicates, raw)
            return document
        slowly = await few_threads().run(object(), _parse_slowly, raw)
        for _ in _isolate_duplicates(slowly, str(limits.isolate_items), items):
            await pace.rest()
    return document


async def _refuse_too_many_values(raw: bytes, pace: Pace) -> None:
    """Raises ValidationFailed. A comma stands before each value but the first ones, or in a string."""
    commas = raw.count(b",")
    if commas < MAX_VALUES:
        return
    for text in _TEXT.finditer(raw):
        commas -= raw.count(b",", *text.span())
        if commas < MAX_VALUES:
            return
        await pace.rest()
    raise refused_at((), "too_many_items", f"must have at most {MAX_VALUES} values")


def _loaded(raw: bytes) -> Any:
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise MalformedJson(_sentence(error)) from None


async def _loaded_in_parts(raw: bytes, name: str, pace: Pace) -> dict[str, Any] | None:
    """The document, loaded a few items at a time, or None if it cannot be.

    It can where it has nothing but the items, and where `},` followed by what the first item begins with
    stands only between items. Whether a cut is right need not be known before: only what ends exactly between
    two items is a list of its own when it is put in brackets.
    """
    found, ending = _ONLY_ITEMS.match(raw), _ENDING.search(raw, len(raw) - ENDING_BYTES)
    if found is None or found[1] != name.encode() or ending is None:
        return None
    between = b"}, " if raw.find(b"}, " + found[2], 0, 2 * PART_BYTES) > 0 else b"},"
    items: list[Any] = []
    start, stop = found.start(2), 0
    while stop < ending.start():
        await pace.next_slice()
        cut = raw.find(between + found[2], start + PART_BYTES)
        stop = cut + 1 if cut >= 0 else ending.start()
        try:
            items += orjson.loads(b"[%b]" % raw[start:stop])
        except orjson.JSONDecodeError:
            return None
        start = stop + len(between) - 1
    return {name: items}


def _isolated(document: Any, limits: BodyLimits) -> list[Any] | None:
    """The items that are checked one by one, if the document has them and they are not too many."""
    name = limits.isolate_items
    items = document.get(name) if name and isinstance(document, dict) else None
    return items if isinstance(items, list) and len(items) <= limits.items else None


def _sentence(error: orjson.JSONDecodeError) -> str:
    """Only the position: the parser's own message could repeat the input."""
    return (
        f"Not well-formed JSON at line {error.lineno}, column {error.colno}."
        if error.pos
        else "The body is empty or not JSON."
    )


def _unchecked_length(raw: bytes, limits: BodyLimits) -> float:
    """How many characters a text can have without being checked.

    A character has at most four bytes. Every text is checked if one of them may hold a NUL character, and
    none if the whole body is within the limit of a text.
    """
    if b"\\u0000" in raw:
        return -1
    return limits.text // 4 if len(raw) > limits.text else inf


class _Walk:
    """Checks every limit on a parsed value, and counts the keys of all its objects.

    Texts of up to `unchecked` characters need no check. `keys` is the count of the items that were isolated.
    """

    def __init__(self, limits: BodyLimits, unchecked: float) -> None:
        self.limits = limits
        self.unchecked = unchecked
        self.keys = 0

    def value(self, value: Any, depth: int) -> int:
        kind = type(value)
        if kind is dict:
            return self._object(value, depth + 1)
        if kind is list:
            return self._list(value, depth + 1)
        if kind is str:
            if len(value) > self.unchecked:
                self._text(value)
        elif (kind is float and not -MAX_NUMBER <= value <= MAX_NUMBER) or (
            kind is int and value > MAX_INTEGER
        ):
            raise _LimitExceeded("out_of_range", "is too large a number")
        return 0

    def _object(self, value: dict[str, Any], depth: int) -> int:
        keys = len(value)
        if depth > self.limits.depth:
            raise _LimitExceeded("too_deep", f"is nested deeper than {self.limits.depth} levels")
        if keys > self.limits.keys:
            raise _LimitExceeded("too_many_keys", f"has more than {self.limits.keys} keys")
        unchecked = self.unchecked
        for key, item in value.items():
            kind = type(item)
            try:
                if len(key) > unchecked:
                    self._text(key)
                if kind is str:
                    if len(item) > unchecked:
                        self._text(item)
                elif kind not in _UNCHECKED:
                    keys += self.value(item, depth)
            except _LimitExceeded as found:
                found.steps.append(key)
                raise
        return keys

    def _list(self, value: list[Any], depth: int) -> int:
        keys = 0
        if depth > self.limits.depth:
            raise _LimitExceeded("too_deep", f"is nested deeper than {self.limits.depth} levels")
        if len(value) > self.limits.items:
            raise _LimitExceeded("too_many_items", f"has more than {self.limits.items} items")
        unchecked = self.unchecked
        for position, item in enumerate(value):
            kind = type(item)
            try:
                if kind is str:
                    if len(item) > unchecked:
                        self._text(item)
                elif kind not in _UNCHECKED:
                    keys += self.value(item, depth)
            except _LimitExceeded as found:
                found.steps.append(position)
                raise
        return keys

    def _text(self, text: str) -> None:
        if "\0" in text:
            raise _LimitExceeded("invalid_text", "contains a NUL character")
        limit = self.limits.text
        if len(text) * 4 > limit and len(text.encode()) > limit:
            raise _LimitExceeded("too_long", f"is longer than {limit} bytes")


def _check(document: Any, walk: _Walk) -> Iterator[None]:
    """Checks a document that is not isolated. Pauses after each item of the lists in its outermost object.

    Raises ValidationFailed.
    """
    whole = document.items() if type(document) is dict else ()
    lists = {name: each for name, each in whole if type(each) is list and len(each) <= walk.limits.items}
    steps: Path = ()
    try:
        walk.keys = walk.value({**document, **dict.fromkeys(lists)} if lists else document, 0)
        for name, items in lists.items():
            for position, item in enumerate(items):
                steps = (name, position)
                walk.keys += walk.value(item, 2)
                yield
    except _LimitExceeded as found:
        raise ValidationFailed(faults=[found.fault(steps)]) from None


def _isolate_items(document: dict[str, Any], items: list[Any], walk: _Walk) -> Iterator[None]:
    """The same checks for each item. An item has the limits of a body of its own. Pauses after each."""
    name = str(walk.limits.isolate_items)
    try:
        walk.keys = walk.value({**document, name: []}, 0)
    except _LimitExceeded as found:
        raise ValidationFailed(faults=[found.fault(())]) from None
    for position, item in enumerate(items):
        try:
            walk.keys += walk.value(item, 0)
        except _LimitExceeded as found:
            items[position] = InvalidItem(found.fault((name, position)))
        yield


def _isolate_duplicates(document: dict[str, Any], name: str, items: list[Any]) -> Iterator[None]:
    if fault := _first_duplicate({**document, name: []} if type(document) is dict else document, ()):
        raise _duplicate_key(fault)
    for position, item in enumerate(document[name]):
        known = isinstance(items[position], InvalidItem)
        if not known and (fault := _first_duplicate(item, (name, position))):
            items[position] = InvalidItem(fault)
        yield


def _may_have_duplicates(raw: bytes, keys: int) -> bool:
    """False when certainly no object holds a key twice.

    Every key ends in `":` unless a space precedes the colon. If the input has no more of those than the
    parsed objects have keys, no key was lost. A string that contains `":` only causes a second parse.
    """
    return raw.count(b'":') != keys or _SPACED_COLON.search(raw) is not None


async def _may_have_duplicates_somewhere(raw: bytes, keys: int, pace: Pace) -> bool:
    """The same for a large body, part by part."""
    found = 0
    for start in range(0, len(raw), SEARCHED_BYTES):
        await pace.rest()
        stop = start + SEARCHED_BYTES
        found += raw.count(b'":', start, stop + 1)
        if _SPACED_COLON.search(raw, start, stop) is not None:
            return True
        last = raw.rfind(b'"', start, stop)
        if last >= 0 and _SPACED_COLON.match(raw, last) is not None:  # its colon may stand in the next part
            return True
    return found != keys


def _refuse_duplicates(raw: bytes) -> None:
    if fault := _first_duplicate(_parse_slowly(raw), ()):
        raise _duplicate_key(fault)


def _parse_slowly(raw: bytes) -> Any:
    try:
        return json.loads(raw, object_pairs_hook=_keep_duplicates)
    except RecursionError:
        raise MalformedJson("The body is nested too deeply.") from None


def _keep_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    plain = dict(pairs)
    return plain if len(plain) == len(pairs) else _DuplicateKeys(pairs)


def _first_duplicate(value: Any, path: Path) -> Fault | None:
    """The first duplicate key at or below this value."""
    if isinstance(value, _DuplicateKeys):
        return Fault((*path, value.key), "duplicate_key", "appears twice in one object")
    steps = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return next(filter(None, (_first_duplicate(item, (*path, step)) for step, item in steps)), None)


def _duplicate_key(fault: Fault) -> MalformedJson:
    return MalformedJson("A key appears twice in one object.", faults=[fault])
