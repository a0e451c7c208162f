"""Zoho CRM: notifications of a channel.

Zoho signs nothing: it sends back the `token` that was given to the channel, in the body. The endpoint's
secret is that token. A channel lives for a week at most; its id is not checked, so that a new channel can
take its place.

A notification names several records with one time. What changed is in it only if the channel was made with
`return_affected_field_values`.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import orjson

from app.webhooks.crm_events import (
    CrmEvent,
    CrmEventKind,
    CrmRecord,
    EndpointTerms,
    Refused,
    Unreadable,
    Verified,
    WebhookRequest,
)
from app.webhooks.vendors.base import PlainAnswers, equal, fitting_secret
from app.webhooks.vendors.payloads import (
    dedupe_key,
    identifier,
    identifiers,
    items_of,
    listed,
    mapping,
    moment,
    object_name,
    read_json,
    text,
)

_OBJECTS: Final = {
    "leads": "lead", "contacts": "contact", "accounts": "company", "deals": "deal", "potentials": "deal",
    "tasks": "task", "calls": "call", "events": "meeting", "meetings": "meeting", "notes": "note",
    "emails": "email", "users": "user",
}  # fmt: skip
_KINDS: Final[Mapping[str, CrmEventKind]] = {
    **dict.fromkeys(("insert", "create"), "created"),
    **dict.fromkeys(("update", "edit"), "updated"),
    "delete": "deleted",
    "restore": "restored",
}


class Zoho(PlainAnswers):
    """Implements Vendor."""

    def verify(self, request: WebhookRequest, terms: EndpointTerms, now: datetime) -> Verified:
        """Codes: `unreadable`, `token_missing`, `token_mismatch`."""
        del now
        try:
            items = items_of(read_json(request.body))
        except Unreadable:
            raise Refused("unreadable") from None
        tokens = [identifier(item.get("token")) for item in items]
        given = [token.encode("utf-8", "surrogatepass") for token in tokens if token]
        if not given or len(given) < len(tokens):
            raise Refused("token_missing")
        return Verified(
            fitting_secret(
                terms.secrets,
                lambda secret: all([equal(token, secret) for token in given]),  # noqa: C419 - all are compared
                "token_mismatch",
            )
        )

    def parse(self, request: WebhookRequest, terms: EndpointTerms) -> Sequence[CrmEvent]:
        """An event for each record of each notification."""
        del terms
        return [event for item in items_of(read_json(request.body)) for event in _events(item)]

    def to_store(self, body: bytes) -> bytes:
        """Without the token, which is the endpoint's secret. Nothing of a body that cannot be read."""
        try:
            document = read_json(body)
            items = items_of(document)
        except Unreadable:
            return b""
        kept = [{name: value for name, value in item.items() if name != "token"} for item in items]
        return orjson.dumps(kept if isinstance(document, list) else kept[0])


def _events(item: Mapping[str, Any]) -> Iterator[CrmEvent]:
    module = text(item.get("module")) or text(item.get("resource_uri")).rpartition("/")[2]
    object_ = object_name(module, _OBJECTS)
    operation = text(item.get("operation")).lower()
    values = _values(item.get("affected_values"))
    ids = identifiers(item.get("ids")) or identifiers([*values, *_named(item.get("affected_fields"))])
    for id_ in ids if object_ else ():
        kind = _KINDS.get(operation, "gap")
        fields = {} if kind in ("deleted", "gap") else values.get(id_, {})
        if kind == "updated" and not fields:
            kind = "gap"
        named = (identifier(item.get(name)) for name in ("channel_id", "server_time"))
        yield CrmEvent(
            dedupe_key=dedupe_key("zoho", object_, id_, operation, *named),
            kind=kind,
            record=CrmRecord(object_, id_),
            at=moment(item.get("server_time")),
            fields=fields,
            must_read=not fields and kind != "deleted",
        )


def _values(affected: Any) -> dict[str, dict[str, Any]]:
    """The values that changed, by the record's id."""
    found: dict[str, dict[str, Any]] = {}
    for each in listed(affected):
        entry = mapping(each)
        if id_ := identifier(entry.get("record_id")):
            found.setdefault(id_, {}).update(_flat(entry.get("values")))
        else:
            found.update({name: _flat(value) for name, value in entry.items() if name.isdecimal()})
    return found


def _named(affected: Any) -> list[str]:
    return [name for each in listed(affected) for name in mapping(each) if name.isdecimal()]


def _flat(values: Any) -> dict[str, Any]:
    """The values; of an owner or another record that is looked up, only its id and name."""
    return {name: _looked_up(value) for name, value in mapping(values).items()}


def _looked_up(value: Any) -> Any:
    id_ = identifier(mapping(value).get("id"))
    return {"id": id_, "name": text(value.get("name"))} if id_ else value
