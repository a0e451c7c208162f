"""Standard Webhooks: for every other CRM, and for bridges that post events of one.

Headers `webhook-id`, `webhook-timestamp` (seconds) and `webhook-signature`, which holds signatures:
`v1` by a secret that both sides know, `v1a` by a private key (Ed25519), whose public key `whpk_…` is the
secret here. A secret `whsec_…` is base64. One without that prefix is tried as base64 and as the text it is,
so that it works when somebody leaves the prefix out.

A body is one event, or a list of them:

    {"type": "contact.updated", "timestamp": "2026-12-01T09:00:00Z",
     "data": {"id": "17", "fields": {"owner": "ana"}, "previous": {"owner": "ben"}, "actor": "u1"}}

`data` may instead hold the fields themselves. `merged` or `converted` in it list records, by id or as objects
with `object` and `id`.
"""

import base64
import binascii
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from hmac import digest
from typing import Any, Final, get_args

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from app.webhooks.crm_events import (
    CrmEvent,
    CrmEventKind,
    CrmRecord,
    EndpointTerms,
    Origin,
    Refused,
    Verified,
    WebhookRequest,
)
from app.webhooks.vendors.base import PlainAnswers, check_timestamp, equal, fitting_secret
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

_KINDS: Final[Mapping[str, CrmEventKind]] = {
    **dict.fromkeys(("created", "create", "added", "new", "inserted"), "created"),
    **dict.fromkeys(("updated", "update", "changed", "change", "edited"), "updated"),
    **dict.fromkeys(("deleted", "delete", "removed"), "deleted"),
    **dict.fromkeys(("erased", "erase", "forgotten", "privacy_deleted"), "erased"),
    **dict.fromkeys(("merged", "merge"), "merged"),
    **dict.fromkeys(("converted", "convert"), "converted"),
    **dict.fromkeys(("restored", "restore", "undeleted"), "restored"),
    "gap": "gap",
}  # fmt: skip
_NAMES: Final = {"person": "contact", "account": "company", "organization": "company", "opportunity": "deal"}
_ORIGINS: Final[Mapping[str, Origin]] = {each: each for each in get_args(Origin)}
_NO_FIELDS: Final = frozenset(
    ("object", "id", "fields", "previous", "actor", "origin", "merged", "converted", "timestamp")
)


class StandardWebhooks(PlainAnswers):
    """Implements Vendor."""

    def verify(self, request: WebhookRequest, terms: EndpointTerms, now: datetime) -> Verified:
        """Codes: `signature_missing`, `signature_mismatch`, `timestamp_…`, `id_missing`."""
        return Verified(verify_signature(request, terms.secrets, now))

    def parse(self, request: WebhookRequest, terms: EndpointTerms) -> Sequence[CrmEvent]:
        """The dedupe key is the `webhook-id` with the position of the event."""
        del terms
        delivery = request.headers.get("webhook-id", b"").decode("utf-8", "replace")
        found: list[CrmEvent] = []
        for item in items_of(read_json(request.body)):
            for data in listed(item.get("data")) or [item]:
                event = _event(item, mapping(data), dedupe_key("standard", delivery, len(found)))
                found.extend([event] if event else [])
        return found


def verify_signature(request: WebhookRequest, secrets: Sequence[bytes], now: datetime) -> int:
    """The position of the secret that signed the delivery. Raises Refused."""
    header = request.headers.get("webhook-signature")
    if header is None:
        raise Refused("signature_missing")
    id_ = request.headers.get("webhook-id")
    if not id_:
        raise Refused("id_missing")
    stamp = check_timestamp(request.headers.get("webhook-timestamp"), timedelta(seconds=1), now)
    signed = b".".join((id_, stamp, request.body))
    entries = [tuple(entry.split(b",")) for entry in header.split()]
    shared = [entry[1] for entry in entries if len(entry) == 2 and entry[0] == b"v1"]
    public = [entry[1] for entry in entries if len(entry) == 2 and entry[0] == b"v1a"]

    def fits(secret: bytes) -> bool:
        if secret.startswith(_PUBLIC):
            return any(_signed_by(secret, signed, each) for each in public)
        codes = [base64.b64encode(digest(key, signed, "sha256")) for key in _keys(secret)]
        return any([equal(each, code) for code in codes for each in shared])  # noqa: C419 - all are compared

    return fitting_secret(secrets, fits, "signature_mismatch")


_SHARED, _PUBLIC = b"whsec_", b"whpk_"


def _keys(secret: bytes) -> list[bytes]:
    """The keys that a secret may stand for. An empty one is none: everybody knows it."""
    decoded = _decoded(secret.removeprefix(_SHARED))
    keys = [decoded] if secret.startswith(_SHARED) else [decoded, secret]
    return [key for key in keys if key]


def _decoded(value: bytes) -> bytes | None:
    try:
        return base64.b64decode(value + b"=" * (-len(value) % 4), validate=True)
    except binascii.Error:
        return None


def _signed_by(public: bytes, signed: bytes, signature: bytes) -> bool:
    try:
        key = Ed25519PublicKey.from_public_bytes(_decoded(public.removeprefix(_PUBLIC)) or b"")
        key.verify(_decoded(signature) or b"", signed)
    except (ValueError, InvalidSignature):
        return False
    return True


def _event(item: Mapping[str, Any], data: Mapping[str, Any], key: str) -> CrmEvent | None:
    prefix, _, verb = text(item.get("type")).rpartition(".")
    object_ = object_name(data.get("object") or prefix.rpartition(".")[2], _NAMES)
    id_ = identifier(data.get("id"))
    if not object_ or id_ is None:
        return None
    record = CrmRecord(object_, id_)
    fields = _fields(item, data)
    kind = _KINDS.get(verb.lower(), "updated" if fields else "gap")
    return CrmEvent(
        dedupe_key=key,
        kind=kind,
        record=record,
        at=moment(item.get("timestamp") or data.get("timestamp")),
        fields=fields,
        previous=mapping(data.get("previous")),
        complete="fields" not in data,
        others=_others(record, data),
        actor=identifier(data.get("actor")),
        origin=_ORIGINS.get(text(data.get("origin")).lower()),
        must_read=not fields and kind not in ("deleted", "erased"),
    )


def _fields(item: Mapping[str, Any], data: Mapping[str, Any]) -> Mapping[str, Any]:
    if "fields" in data:
        return mapping(data["fields"])
    left_out = _NO_FIELDS | {"type"} if data is item else _NO_FIELDS
    return {name: value for name, value in data.items() if name not in left_out}


def _others(record: CrmRecord, data: Mapping[str, Any]) -> list[CrmRecord]:
    others: list[CrmRecord] = []
    for value in [*listed(data.get("merged")), *listed(data.get("converted"))]:
        named = mapping(value)
        id_ = identifier(named.get("id") if named else value)
        object_ = object_name(named.get("object"), _NAMES) or record.object
        if id_ and (other := CrmRecord(object_, id_)) != record and other not in others:
            others.append(other)
    return others
