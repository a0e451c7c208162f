"""Reads what vendors send: liberal in types and missing parts, and never an error but Unreadable."""

import hashlib
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from app.webhooks.crm_events import Unreadable

MAX_DEPTH = 64
MAX_ID = 200
"""The most bytes of an id, or of the name of a kind of record."""
_SHARED_NAMES = frozenset(
    ("contact", "lead", "company", "deal", "user", "task", "call", "email", "meeting", "event", "note")
)
_BOM = b"\xef\xbb\xbf"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NUMBER = re.compile(r"-?[0-9]{1,20}")
_MICROSOFT = re.compile(r"\\?/Date\((-?[0-9]{1,18})(?:[+-][0-9]{4})?\)\\?/")
_SECONDS_END, _MILLISECONDS_END, _MICROSECONDS_END = 10**11, 10**14, 10**17
"""Up to here a number is read as seconds, milliseconds or microseconds. Only dates before 1973 suffer."""


def read_json(body: bytes) -> Any:
    """The document, without NUL characters, which Postgres cannot keep.

    Raises Unreadable if it is not JSON, or is nested deeper than `MAX_DEPTH`.
    """
    try:
        document = orjson.loads(body.removeprefix(_BOM))
    except orjson.JSONDecodeError:
        raise Unreadable("is not JSON") from None
    return _checked(document, 0)


def _checked(value: Any, depth: int) -> Any:
    if isinstance(value, str):
        return value.replace("\0", "")
    if not isinstance(value, dict | list):
        return value
    if depth == MAX_DEPTH:
        raise Unreadable("is nested too deep")
    if isinstance(value, list):
        return [_checked(each, depth + 1) for each in value]
    return {key.replace("\0", ""): _checked(each, depth + 1) for key, each in value.items()}


def items_of(document: Any) -> list[Mapping[str, Any]]:
    """The objects of a list, or the one object that came without a list.

    Raises Unreadable if the document is neither.
    """
    if isinstance(document, dict):
        return [document]
    if not isinstance(document, list):
        raise Unreadable("is neither an object nor a list")
    return [each for each in document if isinstance(each, dict)]


def mapping(value: Any) -> Mapping[str, Any]:
    """The object, or an empty one if it is something else."""
    return value if isinstance(value, dict) else {}


def listed(value: Any) -> list[Any]:
    """The list; a single value becomes a list of one, and null an empty list."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def text(value: Any) -> str:
    """The text, or an empty one if it is something else."""
    return value.strip() if isinstance(value, str) else ""


def identifier(value: Any) -> str | None:
    """An id that came as text or as a number. None if it is neither, is empty or is absurdly long."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    id_ = text(value)
    return id_ if 0 < len(id_.encode()) <= MAX_ID else None


def identifiers(value: Any) -> list[str]:
    """The ids of a list, or the single one, each once and in order."""
    return list(dict.fromkeys(filter(None, map(identifier, listed(value)))))


def object_name(value: Any, names: Mapping[str, str]) -> str:
    """The name of a kind of record: translated by `names`, else the vendor's. Empty if there is none."""
    name = identifier(value) or ""
    lower = name.lower()
    return names.get(lower, lower if lower in _SHARED_NAMES else name)


def whole_number(value: Any) -> int:
    """The number, also one in a text. 0 if there is none."""
    found = identifier(value)
    return int(found) if found and _NUMBER.fullmatch(found) else 0


def moment(value: Any) -> datetime | None:
    """A time in UTC, from ISO 8601, seconds, milliseconds, or Microsoft's `/Date(…)/`. None if it is no time.

    A time without a zone is in UTC; a date alone is its first instant.
    """
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _since_epoch(value)
    written = text(value)
    if _NUMBER.fullmatch(written):
        return _since_epoch(int(written))
    try:
        if microsoft := _MICROSOFT.fullmatch(written):
            return _EPOCH + timedelta(milliseconds=int(microsoft[1]))
        read = datetime.fromisoformat(written)
        return read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _since_epoch(number: float) -> datetime | None:
    size = abs(number)
    try:
        if size < _SECONDS_END:
            return _EPOCH + timedelta(seconds=number)
        if size < _MILLISECONDS_END:
            return _EPOCH + timedelta(milliseconds=number)
        return _EPOCH + timedelta(microseconds=number if size < _MICROSECONDS_END else number // 1000)
    except (ValueError, OverflowError):
        return None


def dedupe_key(*parts: object) -> str:
    """One key for these parts, of 64 characters. It can be kept: nothing can be read out of it."""
    return hashlib.sha256(orjson.dumps([None if part is None else str(part) for part in parts])).hexdigest()
