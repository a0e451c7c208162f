"""The stored form of an event: JSON without what the database or a text field cannot hold."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from app.webhooks.crm_events import CrmEvent, CrmRecord, Unreadable

MAX_ID_BYTES = 255
_MAX_ORDER = 2**63 - 1


def to_bytes(event: CrmEvent) -> bytes:
    """The event as it is stored, without its dedupe key, which has a column of its own.

    Raises Unreadable for a record without an id that could be one.
    """
    check_record(event.record)
    for each in event.others:
        check_record(each)
    document = {
        "kind": event.kind,
        "record": list(event.record),
        "at": event.at.isoformat() if event.at else None,
        "order": event.order,
        "fields": _plain(event.fields),
        "previous": _plain(event.previous),
        "complete": event.complete,
        "others": [list(each) for each in event.others],
        "actor": _plain(event.actor),
        "origin": event.origin,
        "must_read": event.must_read,
    }
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def from_bytes(dedupe_key: str, stored: bytes) -> CrmEvent:
    """The event as it was parsed."""
    document = json.loads(stored)
    return CrmEvent(
        dedupe_key=dedupe_key,
        kind=document["kind"],
        record=CrmRecord(*document["record"]),
        at=datetime.fromisoformat(document["at"]) if document["at"] else None,
        order=document["order"],
        fields=document["fields"],
        previous=document["previous"],
        complete=document["complete"],
        others=tuple(CrmRecord(*each) for each in document["others"]),
        actor=document["actor"],
        origin=document["origin"],
        must_read=document["must_read"],
    )


def hash_of_key(dedupe_key: str) -> bytes:
    """What a repeat of the event is known by."""
    return hashlib.sha256(dedupe_key.encode("utf-8", "surrogatepass")).digest()


def order_of(event: CrmEvent) -> int:
    """The order of the event, as far as the database can hold it."""
    return max(-_MAX_ORDER, min(_MAX_ORDER, event.order))


def time_of(event: CrmEvent) -> datetime | None:
    """When it happened, in UTC."""
    if event.at is None:
        return None
    return event.at.astimezone(UTC) if event.at.tzinfo else event.at.replace(tzinfo=UTC)


def check_record(record: CrmRecord) -> None:
    """Raises Unreadable unless the database can hold the names."""
    for name in record:
        try:
            fits = 0 < len(name.encode()) <= MAX_ID_BYTES and "\0" not in name
        except UnicodeEncodeError:
            fits = False
        if not fits:
            raise Unreadable("a record has no usable id")


def _plain(value: Any) -> Any:
    """A value without NUL and lone surrogates."""
    if isinstance(value, str):
        return value.replace("\0", "").encode("utf-8", "replace").decode()
    if isinstance(value, Mapping):
        return {_plain(str(name)): _plain(each) for name, each in value.items()}
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Sequence) and not isinstance(value, bytes):
        return [_plain(each) for each in value]
    return value if isinstance(value, (bool, int, float)) or value is None else str(value)
