"""Deliveries signed as in Standard Webhooks."""

import base64
import hashlib
import hmac
import json
from typing import Any

from app.webhooks.crm_events import WebhookRequest
from tests.webhooks.vendors.deliveries import NOW, delivery

KEY = bytes(range(32))
SECRET = b"whsec_" + base64.b64encode(KEY)
ID = b"msg_2KWPBgLlAfxdpx2AI54pPJ85f4W"
STAMP = int(NOW.timestamp())


def signature(raw: bytes, *, key: bytes = KEY, id_: bytes = ID, stamp: int = STAMP) -> bytes:
    """One entry of the header."""
    signed = b".".join((id_, str(stamp).encode(), raw))
    return b"v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest())


def signed(body: Any, **parts: Any) -> WebhookRequest:
    """A delivery; `parts` change what is signed and said."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {
        "webhook-id": parts.get("id_", ID),
        "webhook-timestamp": str(parts.get("stamp", STAMP)).encode(),
        "webhook-signature": signature(raw, **parts),
    }
    return delivery(raw, headers)


def event(type_: str = "contact.updated", **data: Any) -> dict[str, Any]:
    """An event about contact 17."""
    return {"type": type_, "timestamp": "2026-12-01T08:59:58Z", "data": {"id": "17", **data}}
