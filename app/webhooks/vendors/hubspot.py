"""HubSpot: webhooks of an app, in the legacy form (`contact.propertyChange`) and the generic (`object.*`),
and those of workflows, which post the whole record.

A delivery is signed with the client secret of the app: version 3 signs method, address, body and time.
Version 1 and 2, which sign no time, count only if `allow_v1` is set and no signature of version 3 is there.
HubSpot's events are not unique by their id, come in any order, and tell a created record's id only.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
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
from app.webhooks.vendors.base import PlainAnswers, check_timestamp, equal, fitting_secret
from app.webhooks.vendors.payloads import (
    dedupe_key,
    identifier,
    identifiers,
    items_of,
    mapping,
    moment,
    object_name,
    read_json,
    text,
)

_DECODED: Final = {
    "%3a": ":", "%2f": "/", "%3f": "?", "%40": "@", "%21": "!", "%24": "$", "%27": "'", "%28": "(",
    "%29": ")", "%2a": "*", "%2c": ",", "%3b": ";",
}  # fmt: skip
"""What HubSpot decodes in an address before it signs; all else stays encoded."""
_ENCODED = re.compile("|".join(_DECODED), re.IGNORECASE)

_OBJECTS: Final = {
    "0-1": "contact", "0-2": "company", "0-3": "deal", "0-5": "ticket", "0-7": "product", "0-8": "line_item",
    "0-14": "quote", "0-18": "communication", "0-27": "task", "0-46": "note", "0-47": "meeting",
    "0-48": "call", "0-49": "email", "0-115": "user", "0-116": "postal_mail", "0-136": "lead",
    "meeting_event": "meeting", "engagement": "event",
}  # fmt: skip

_KINDS: Final[Mapping[str, CrmEventKind]] = {
    "creation": "created",
    "propertychange": "updated",
    "associationchange": "updated",
    "deletion": "deleted",
    "privacydeletion": "erased",
    "merge": "merged",
    "restore": "restored",
}
_TELL_NO_FIELDS: Final = {"created", "merged", "restored", "gap"}

_ORIGINS: Final[Mapping[str, Origin]] = {
    "API": "integration", "INTEGRATION": "integration", "INTEGRATIONS_PLATFORM": "integration",
    "INTEGRATIONS_SYNC": "integration", "SALESFORCE": "integration",
    "AUTOMATION_PLATFORM": "workflow", "AUTOMATION_JOURNEY": "workflow", "WORKFLOW": "workflow",
    "WORKFLOWS": "workflow", "CALCULATED": "workflow", "INTERNAL_PROCESSING": "workflow",
    "CRM_UI_BULK_ACTION": "import",
    "CRM": "person", "CRM_UI": "person", "CONTACTS_WEB": "person", "MOBILE_IOS": "person",
    "MOBILE_ANDROID": "person",
}  # fmt: skip
_USER = "userId:"
_RECORD_IDS: Final = {"vid": "contact", "canonical-vid": "contact", "dealId": "deal"}
"""What the older APIs call the id of a record, and of which object."""


class HubSpot(PlainAnswers):
    """Implements Vendor."""

    def verify(self, request: WebhookRequest, terms: EndpointTerms, now: datetime) -> Verified:
        """Codes: `signature_missing`, `signature_mismatch`, `timestamp_…`, `foreign_organization`."""
        signature = request.headers.get("x-hubspot-signature-v3")
        if signature is not None:
            secret = _verify_v3(signature, request, terms, now)
        elif terms.options.get("allow_v1") is True:
            secret = _verify_older(request, terms)
        else:
            raise Refused("signature_missing")
        if terms.organization_id and _is_foreign(request.body, terms.organization_id):
            raise Refused("foreign_organization")
        return Verified(secret)

    def parse(self, request: WebhookRequest, terms: EndpointTerms) -> Sequence[CrmEvent]:
        """An event without a record's id tells nothing and is left out."""
        del terms
        return [event for item in items_of(read_json(request.body)) if (event := _event(item))]


def _verify_v3(signature: bytes, request: WebhookRequest, terms: EndpointTerms, now: datetime) -> int:
    stamp = check_timestamp(
        request.headers.get("x-hubspot-request-timestamp"), timedelta(milliseconds=1), now
    )
    signed = [
        b"".join((_bytes(request.method), uri, request.body, stamp)) for uri in _addresses(request, terms)
    ]

    def fits(secret: bytes) -> bool:
        codes = [base64.b64encode(hmac.digest(secret, each, "sha256")) for each in signed]
        return any([equal(signature, code) for code in codes])  # noqa: C419 - all are compared

    return fitting_secret(terms.secrets, fits, "signature_mismatch")


def _verify_older(request: WebhookRequest, terms: EndpointTerms) -> int:
    signature = request.headers.get("x-hubspot-signature")
    if signature is None:
        raise Refused("signature_missing")
    signed = [request.body]
    if request.headers.get("x-hubspot-signature-version", b"v1").strip().lower() == b"v2":
        signed = [_bytes(request.method) + uri + request.body for uri in _addresses(request, terms)]

    def fits(secret: bytes) -> bool:
        codes = [hashlib.sha256(secret + each).hexdigest().encode() for each in signed]
        return any([equal(signature, code) for code in codes])  # noqa: C419 - all are compared

    return fitting_secret(terms.secrets, fits, "signature_mismatch")


def _addresses(request: WebhookRequest, terms: EndpointTerms) -> list[bytes]:
    """The address as it was requested, and as HubSpot documents to decode it, which its own SDKs do not."""
    address = terms.base_url.rstrip("/") + request.path
    decoded = _ENCODED.sub(lambda found: _DECODED[found[0].lower()], address)
    return [_bytes(each) for each in dict.fromkeys((address, decoded))]


def _bytes(value: str) -> bytes:
    return value.encode("utf-8", "surrogatepass")


def _is_foreign(body: bytes, portal: str) -> bool:
    """Whether an event names another portal: all portals that install an app share its secret."""
    try:
        items = items_of(read_json(body))
    except Unreadable:
        return False
    named = {identifier(item.get(name)) for item in items for name in ("portalId", "portal-id")} - {None}
    return not named <= {portal.strip()}


def _event(item: Mapping[str, Any]) -> CrmEvent | None:
    if isinstance(item.get("properties"), dict):
        return _whole_record(item)
    prefix, _, action = (text(item.get("subscriptionType")) or text(item.get("eventType"))).partition(".")
    kind = _KINDS.get(action.lower(), "gap")
    object_ = _object(prefix, item.get("objectTypeId") or item.get("fromObjectTypeId"))
    others: list[str] = []
    fields: dict[str, Any] = {}
    if kind == "merged":
        id_, others = _merged_ids(item)
    elif action.lower() == "associationchange":
        id_, fields = _association(item)
    else:
        id_ = identifier(item.get("objectId"))
    if id_ is None or not object_:
        return None
    if action.lower() == "propertychange":
        name = text(item.get("propertyName"))
        if name and "propertyValue" in item:
            fields = {name: _value(item["propertyValue"])}
        else:
            kind = "gap"
    return CrmEvent(
        dedupe_key=_key(item, object_, action.lower(), id_),
        kind=kind,
        record=CrmRecord(object_, id_),
        at=moment(item.get("occurredAt")),
        fields=fields,
        others=[CrmRecord(object_, other) for other in others],
        actor=(identifier(item.get("sourceId")) or "").removeprefix(_USER) or None,
        origin=_origin(item),
        must_read=kind in _TELL_NO_FIELDS,
    )


def _whole_record(item: Mapping[str, Any]) -> CrmEvent | None:
    """The record as the webhook of a workflow posts it: as the API of its object returns it."""
    properties = mapping(item["properties"])
    fields = {name: _value(mapping(each).get("value", each)) for name, each in properties.items()}
    fields = {name: value for name, value in fields.items() if not isinstance(value, dict | list)}
    older = next((name for name in _RECORD_IDS if item.get(name) is not None), None)
    type_ = _RECORD_IDS.get(older or "") or item.get("objectTypeId") or item.get("objectType")
    ids = (item.get(older or "objectId"), item.get("id"), fields.get("hs_object_id"))
    object_, id_ = object_name(type_, _OBJECTS), next(filter(None, map(identifier, ids)), None)
    if id_ is None or not object_:
        return None
    times = (fields.get("hs_lastmodifieddate"), fields.get("lastmodifieddate"), item.get("updatedAt"))
    at = next((found for each in times if (found := moment(each))), None)
    return CrmEvent(
        dedupe_key=dedupe_key("hubspot", "record", object_, id_, at, *sorted(map(str, fields.items()))),
        kind="updated" if fields else "gap",
        record=CrmRecord(object_, id_),
        at=at,
        fields=fields,
        complete=True,
        must_read=not fields,
    )


def _object(prefix: str, type_id: Any) -> str:
    """The object's name. A custom object has its type's id for a name, for example `2-3453932`."""
    generic = prefix.lower() in ("", "object")
    return object_name(type_id if generic else prefix, _OBJECTS)


def _merged_ids(item: Mapping[str, Any]) -> tuple[str | None, list[str]]:
    """The record that remains, maybe under a new id, and those that became it, the primary one first."""
    primary = identifier(item.get("primaryObjectId"))
    new = identifier(item.get("newObjectId"))
    remains = (new if new != "0" else None) or primary or identifier(item.get("objectId"))
    merged = identifiers([primary, *identifiers(item.get("mergedObjectIds"))])
    return remains, [each for each in merged if each != remains]


def _association(item: Mapping[str, Any]) -> tuple[str | None, dict[str, Any]]:
    """The record, and the one it is associated with as a field, for example `association.contact`."""
    target = identifier(item.get("toObjectId"))
    types = text(item.get("associationType")).lower().partition("_to_")
    other = object_name(item.get("toObjectTypeId") or types[2], _OBJECTS)
    name = f"association.{other}" if other else "association"
    removed = item.get("associationRemoved") in (True, "true")
    return identifier(item.get("fromObjectId")) or identifier(item.get("objectId")), {
        name: None if removed else target
    }


def _value(value: Any) -> Any:
    """HubSpot's values are texts; a number or boolean is made one, so that it is equal to its text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else value


def _origin(item: Mapping[str, Any]) -> Origin | None:
    source = text(item.get("changeSource")).upper()
    if "IMPORT" in source:
        return "import"
    by_user = text(item.get("sourceId")).startswith(_USER)
    return _ORIGINS.get(source, "person" if by_user else None)


def _key(item: Mapping[str, Any], object_: str, action: str, id_: str) -> str:
    named = ("portalId", "subscriptionId", "propertyName", "occurredAt", "eventId", "toObjectId")
    return dedupe_key("hubspot", object_, action, id_, *(identifier(item.get(name)) for name in named))
