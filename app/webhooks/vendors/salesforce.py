"""Salesforce: outbound messages (SOAP), and change events (JSON) that a bridge posts.

An outbound message has no signature. What lets it in is the random path, which only Salesforce and the admin
know, with the id of the organization in the message; the endpoint's secrets play no part. A proxy in front
of the service can ask for more: Salesforce's addresses, its client certificate, or basic authentication.

Change events do not come over HTTP: a bridge subscribes to them and posts them here as JSON, alone or in a
list, as it got them. It proves itself with a secret of the endpoint: it signs as in Standard Webhooks, or
sends the secret as the token of `Authorization: Bearer`. An organization that its JSON names must be the
endpoint's.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from app.values.crm_ids import salesforce_id
from app.webhooks.crm_events import (
    Answer,
    CrmEvent,
    CrmRecord,
    EndpointTerms,
    Refused,
    Unreadable,
    Verified,
    WebhookRequest,
)
from app.webhooks.vendors.base import bearer_token, equal, fitting_secret
from app.webhooks.vendors.payloads import dedupe_key, identifier, moment, object_name
from app.webhooks.vendors.salesforce_changes import (
    OBJECTS,
    changes,
    converted,
    field_value,
    named_organizations,
    payloads,
)
from app.webhooks.vendors.salesforce_soap import (
    ACK,
    MAX_NOTIFICATIONS,
    Notification,
    read_message,
    without_session,
)
from app.webhooks.vendors.standard import verify_signature


class Salesforce:
    """Implements Vendor."""

    def verify(self, request: WebhookRequest, terms: EndpointTerms, now: datetime) -> Verified:
        """Codes: `organization_missing`, `foreign_organization`, `unreadable`; those of Standard Webhooks.

        The first is also said if the endpoint has no `organization_id`.
        """
        if not terms.organization_id:
            raise Refused("organization_missing")
        if _is_xml(request.body):
            _check_organization(_organization(request.body), terms)
            return Verified(None)
        secret = _bridge_secret(request, terms, now)
        for organization in named_organizations(request.body):
            _check_organization(organization, terms)
        return Verified(secret)

    def parse(self, request: WebhookRequest, terms: EndpointTerms) -> Sequence[CrmEvent]:
        """One event for each notification, or for each record of each change event."""
        if _is_xml(request.body):
            message = read_message(request.body)
            if len(message.notifications) > MAX_NOTIFICATIONS:
                raise Unreadable("holds more than 100 notifications")
            organization = salesforce_id(message.organization_id)
            found = [_notified(each, organization) for each in message.notifications]
            return [event for event in found if event]
        return [event for _, payload in payloads(request.body) for event in changes(payload, terms)]

    def to_store(self, body: bytes) -> bytes:
        """Without `SessionId`, with which everybody could use the org's API."""
        return without_session(body)

    def accepted(self) -> Answer:
        """One answer for all notifications. A bridge need not read it."""
        return Answer(200, ACK % b"true", "text/xml; charset=utf-8")

    def not_stored(self) -> Answer:
        """Salesforce sends again whatever the status is; a bridge looks at the status."""
        return Answer(503, ACK % b"false", "text/xml; charset=utf-8")


def _is_xml(body: bytes) -> bool:
    return body.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"<"


def _organization(body: bytes) -> str:
    try:
        return read_message(body).organization_id
    except Unreadable:
        raise Refused("unreadable") from None


def _check_organization(named: str, terms: EndpointTerms) -> None:
    if not named:
        raise Refused("organization_missing")
    expected = salesforce_id((terms.organization_id or "").strip())
    if not equal(salesforce_id(named).encode("utf-8", "replace"), expected.encode("utf-8", "replace")):
        raise Refused("foreign_organization")


def _bridge_secret(request: WebhookRequest, terms: EndpointTerms, now: datetime) -> int:
    if "webhook-signature" in request.headers:
        return verify_signature(request, terms.secrets, now)
    token = bearer_token(request)
    return fitting_secret(terms.secrets, lambda secret: equal(token, secret), "token_mismatch")


def _notified(notification: Notification, organization: str) -> CrmEvent | None:
    """What a notification says: the record as it is now. One without a record's id says nothing."""
    object_ = object_name(notification.object, OBJECTS)
    id_ = identifier(notification.fields.get("Id"))
    if not object_ or id_ is None:
        return None
    record = CrmRecord(object_, salesforce_id(id_))
    fields = {name: field_value(name, value) for name, value in notification.fields.items() if name != "Id"}
    at = moment(fields.get("SystemModstamp")) or moment(fields.get("LastModifiedDate"))
    known_by = [notification.id] if notification.id else [record.id, sorted(fields.items(), key=str)]
    kind, others = converted(record, fields, "created" if _is_new(fields, at) else "updated")
    return CrmEvent(
        dedupe_key=dedupe_key("salesforce", organization, *known_by),
        kind=kind if fields else "gap",
        record=record,
        at=at,
        fields=fields,
        complete=True,
        others=others,
        actor=identifier(fields.get("LastModifiedById")),
        must_read=not fields,
    )


def _is_new(fields: Mapping[str, Any], at: datetime | None) -> bool:
    created = moment(fields.get("CreatedDate"))
    return created is not None and at is not None and at - created <= timedelta(seconds=1)
