"""The stored form of what a delivery says."""

import hashlib
from dataclasses import fields
from datetime import datetime, timedelta
from typing import Any

import orjson

from app.forms.vendors.base import Delivery, FormEvent
from app.webhooks.crm_events import Unreadable

_TIMES = ("at",)


def to_bytes(delivery: Delivery) -> bytes:
    """The delivery as it is stored. Raises Unreadable for values that cannot be."""
    try:
        return orjson.dumps(delivery, default=_plain)
    except TypeError:
        raise Unreadable("holds what cannot be stored") from None


def from_bytes(stored: bytes) -> Delivery:
    """The delivery as it was parsed."""
    document: dict[str, Any] = orjson.loads(stored)
    known = {each.name for each in fields(Delivery)}
    kept = {name: value for name, value in document.items() if name in known}
    kept["at"] = _moment(kept.get("at"))
    kept["events"] = [FormEvent(**{**each, "at": _moment(each["at"])}) for each in kept.get("events", ())]
    kept["repeats_for"] = timedelta(seconds=kept["repeats_for"])
    return Delivery(**kept)


def hash_of(endpoint_id: str, id_: str) -> bytes:
    """What an id is known by."""
    return hashlib.sha256(f"{endpoint_id}\x1f{id_}".encode("utf-8", "replace")).digest()


def _plain(value: object) -> object:
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, frozenset | set):
        return sorted(value)
    if isinstance(value, int):  # orjson takes 64 bits only
        return str(value)
    raise TypeError


def _moment(written: str | None) -> datetime | None:
    return datetime.fromisoformat(written) if written else None
