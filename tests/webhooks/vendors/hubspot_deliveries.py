"""HubSpot's deliveries, signed as HubSpot does."""

import base64
import hashlib
import hmac
import json
from typing import Any

from app.webhooks.crm_events import WebhookRequest
from tests.webhooks.vendors.deliveries import BASE_URL, NOW, PATH, delivery

SECRET = b"d9f2c3f1-client-secret"
STAMP = int(NOW.timestamp()) * 1000


def change(**parts: Any) -> dict[str, Any]:
    """An owner change as HubSpot reports it; a part that is None is left out."""
    whole = {
        "eventId": 3181526809, "subscriptionId": 1798364, "portalId": 62515, "appId": 54321,
        "occurredAt": STAMP - 2_000, "subscriptionType": "contact.propertyChange", "attemptNumber": 0,
        "objectId": 1246965, "propertyName": "hubspot_owner_id", "propertyValue": "8841",
        "changeSource": "CRM_UI", "sourceId": "userId:9186126",
    }  # fmt: skip
    return {key: value for key, value in (whole | parts).items() if value is not None}


def merge(**parts: Any) -> dict[str, Any]:
    """A merge of contact 202 into 101, which makes 303."""
    plain = change(subscriptionType="contact.merge", objectId=101, propertyName=None, propertyValue=None)
    ids = {"primaryObjectId": 101, "mergedObjectIds": [101, 202], "newObjectId": 303}
    return {key: value for key, value in (plain | ids | parts).items() if value is not None}


def signature_v3(
    body: bytes,
    *,
    secret: bytes = SECRET,
    method: str = "POST",
    uri: str = BASE_URL + PATH,
    stamp: int = STAMP,
) -> bytes:
    """What HubSpot puts into the header for these parts."""
    signed = method.encode() + uri.encode() + body + str(stamp).encode()
    return base64.b64encode(hmac.new(secret, signed, hashlib.sha256).digest())


def signed_v3(body: Any, *, path: str = PATH, **parts: Any) -> WebhookRequest:
    """A delivery with a signature of version 3; `parts` change what is signed."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {
        "x-hubspot-signature-v3": signature_v3(raw, **{"uri": BASE_URL + path, **parts}),
        "x-hubspot-request-timestamp": str(parts.get("stamp", STAMP)).encode(),
        "x-hubspot-signature": hashlib.sha256(parts.get("secret", SECRET) + raw).hexdigest().encode(),
        "x-hubspot-signature-version": b"v1",
    }
    return delivery(raw, headers, path=path)
