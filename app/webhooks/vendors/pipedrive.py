"""Pipedrive, webhooks of version 2; bodies of version 1 are read as well.

Pipedrive signs nothing: it sends basic authentication, the endpoint's secret as the password. The user name
must be the option `user`, if that is set.

`data` is the record as it is now, `previous` what its changed fields held before. A merge comes as two
events: the deletion of the loser names the winner, and the change of the winner names the loser.
"""

import base64
import binascii
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from app.webhooks.crm_events import (
    CrmEvent,
    CrmEventKind,
    CrmRecord,
    EndpointTerms,
    Origin,
    Refused,
    Unreadable,
    Verified,
    WebhookRequest,
)
from app.webhooks.vendors.base import PlainAnswers, equal, fitting_secret
from app.webhooks.vendors.payloads import (
    dedupe_key,
    identifier,
    items_of,
    listed,
    mapping,
    moment,
    object_name,
    read_json,
    text,
)

_OBJECTS: Final = {"person": "contact", "organization": "company"}
_ACTIVITIES: Final = {
    "call": "call", "email": "email", "meeting": "meeting", "lunch": "meeting", "task": "task",
    "deadline": "task",
}  # fmt: skip
_KINDS: Final[Mapping[str, CrmEventKind]] = {
    "create": "created",
    "added": "created",
    "change": "updated",
    "updated": "updated",
    "merged": "updated",
    "delete": "deleted",
    "deleted": "deleted",
}
_ORIGINS: Final[Mapping[str, Origin]] = {"app": "person", "api": "integration"}


class Pipedrive(PlainAnswers):
    """Implements Vendor."""

    def verify(self, request: WebhookRequest, terms: EndpointTerms, now: datetime) -> Verified:
        """Codes: `credentials_missing`, `credentials_mismatch`, `foreign_organization`."""
        del now
        user, password = _credentials(request)
        expected = terms.options.get("user")
        same_user = not isinstance(expected, str) or not expected or equal(user, _bytes(expected))
        secret = fitting_secret(
            terms.secrets, lambda each: equal(password, each) and same_user, "credentials_mismatch"
        )
        if terms.organization_id and _is_foreign(request.body, terms.organization_id.strip()):
            raise Refused("foreign_organization")
        return Verified(secret)

    def parse(self, request: WebhookRequest, terms: EndpointTerms) -> Sequence[CrmEvent]:
        """Usually one event. One that names no record is left out."""
        del terms
        items = items_of(read_json(request.body))
        return [event for item in items for each in _one_by_one(item) if (event := _event(each))]


def _credentials(request: WebhookRequest) -> tuple[bytes, bytes]:
    scheme, _, encoded = request.headers.get("authorization", b"").partition(b" ")
    if scheme.lower() != b"basic":
        raise Refused("credentials_missing")
    try:
        user, colon, password = base64.b64decode(encoded.strip(), validate=True).partition(b":")
    except binascii.Error:
        raise Refused("credentials_missing") from None
    if not colon:
        raise Refused("credentials_missing")
    return user, password


def _bytes(value: str) -> bytes:
    return value.encode("utf-8", "surrogatepass")


def _is_foreign(body: bytes, company: str) -> bool:
    try:
        items = items_of(read_json(body))
    except Unreadable:
        return False
    named = {identifier(mapping(item.get("meta")).get("company_id")) for item in items} - {None}
    return not named <= {company}


def _one_by_one(item: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Version 1 tells of users in lists."""
    now = item.get("data") or item.get("current")
    if not isinstance(now, list):
        yield item
        return
    before = {identifier(mapping(each).get("id")): each for each in listed(item.get("previous"))}
    meta = {name: value for name, value in mapping(item.get("meta")).items() if name != "entity_id"}
    for each in now:
        previous = before.get(identifier(mapping(each).get("id")))
        yield {"meta": meta, "data": each, "previous": previous}


def _event(item: Mapping[str, Any]) -> CrmEvent | None:
    meta = mapping(item.get("meta"))
    now = mapping(item.get("data") or item.get("current"))
    before = mapping(item.get("previous"))
    id_ = identifier(meta.get("entity_id")) or identifier((now or before).get("id"))
    object_ = _object(meta, now or before)
    if id_ is None or not object_:
        return None
    record = CrmRecord(object_, id_)
    kind = _KINDS.get(text(meta.get("action")).lower(), "gap")
    merged = _merged(record, meta)
    event_of = merged[0] if merged else record
    fields = {} if kind == "deleted" else _flat(now)
    if merged:
        kind = "merged"
    elif not fields and kind != "deleted":
        kind = "gap"
    return CrmEvent(
        dedupe_key=_key(meta, object_, id_),
        kind=kind,
        record=event_of,
        at=moment(meta.get("timestamp")),
        fields=fields,
        previous=_flat(before) if event_of == record else {},
        complete=bool(fields),
        others=merged[1:],
        actor=identifier(meta.get("user_id")),
        origin=_origin(meta),
        must_read=kind == "gap" or (kind == "merged" and not fields),
    )


def _object(meta: Mapping[str, Any], data: Mapping[str, Any]) -> str:
    """An activity is what its type says: a call, a meeting, a task. Other types stay activities."""
    object_ = object_name(meta.get("entity") or meta.get("object"), _OBJECTS)
    return _ACTIVITIES.get(text(data.get("type")).lower(), object_) if object_ == "activity" else object_


def _merged(record: CrmRecord, meta: Mapping[str, Any]) -> list[CrmRecord]:
    """The winner and the loser of a merge. Empty if there was none."""
    winner, loser = identifier(meta.get("merged_to_id")), identifier(meta.get("merged_from_id"))
    if winner and winner != record.id:
        return [CrmRecord(record.object, winner), record]
    return [record, CrmRecord(record.object, loser)] if loser and loser != record.id else []


def _flat(data: Mapping[str, Any]) -> dict[str, Any]:
    """The fields, with those of the company's own beside the others, and the first address of each kind."""
    fields = {name: value for name, value in data.items() if name != "custom_fields"}
    fields |= {name: _custom(value) for name, value in mapping(data.get("custom_fields")).items()}
    for one, many in (("email", "emails"), ("phone", "phones")):
        if isinstance(data.get(many), list):
            fields.setdefault(one, _primary(data[many]))
    return fields


def _custom(value: Any) -> Any:
    """What a field of the company's own holds: a value, the id of an option, or the ids of several."""
    if not isinstance(value, dict):
        return value
    if "values" in value and isinstance(value["values"], list):
        return [mapping(each).get("id", each) for each in value["values"]]
    return value.get("value", value.get("id", value))


def _primary(addresses: list[Any]) -> str | None:
    known = [mapping(each) for each in addresses]
    chosen = next((each for each in known if each.get("primary") is True), known[0] if known else {})
    return text(chosen.get("value")) or None


def _origin(meta: Mapping[str, Any]) -> Origin | None:
    if meta.get("is_bulk_edit") in (True, "true") or meta.get("is_bulk_update") in (True, "true"):
        return "import"
    return _ORIGINS.get(text(meta.get("change_source")).lower())


def _key(meta: Mapping[str, Any], object_: str, id_: str) -> str:
    """For an event of a user, `meta.id` is the user's and the time is in seconds: the correlation counts."""
    named = ("company_id", "id", "timestamp", "timestamp_micro", "correlation_id", "action")
    return dedupe_key("pipedrive", object_, id_, *(identifier(meta.get(name)) for name in named))
