"""Deliveries of CRMs, signed as they sign them."""

import base64
import hashlib
import hmac
import json
import time
from typing import Any

import httpx2

from tests.support.workspace import Workspace

SECRET = "whsec_" + base64.b64encode(b"0123456789abcdef0123456789abcdef").decode()
BASE_URL = "https://leads.example.com"


async def endpoint(workspace: Workspace | httpx2.AsyncClient, id_: str = "crm", **fields: Any) -> str:
    """The path of a new endpoint, of Standard Webhooks unless `kind` says otherwise."""
    body = {"kind": "standard", "secrets": [SECRET], **fields}
    client = workspace.client if isinstance(workspace, Workspace) else workspace
    answer = await client.put(f"/endpoints/{id_}", json=body)
    assert answer.status_code in {200, 201}, answer.text
    return str(answer.json()["path"])


def standard(body: bytes, id_: str, secret: str = SECRET, at: float | None = None) -> dict[str, str]:
    """The headers of Standard Webhooks for this body."""
    stamp = str(int(time.time() if at is None else at))
    key = base64.b64decode(secret.removeprefix("whsec_"))
    mac = hmac.digest(key, f"{id_}.{stamp}.".encode() + body, "sha256")
    return {
        "webhook-id": id_,
        "webhook-timestamp": stamp,
        "webhook-signature": "v1," + base64.b64encode(mac).decode(),
        "content-type": "application/json",
    }


def event(
    record: str, kind: str = "contact.updated", at: str = "2026-12-01T09:00:00Z", **fields: Any
) -> bytes:
    """The body of one event."""
    return json.dumps({"type": kind, "timestamp": at, "data": {"id": record, "fields": fields}}).encode()


async def send(
    client: httpx2.AsyncClient, path: str, body: bytes, id_: str, **options: Any
) -> httpx2.Response:
    """Send a delivery of Standard Webhooks."""
    return await client.post(path, content=body, headers=standard(body, id_, **options))


def hubspot(path: str, body: bytes, secret: str, base_url: str = BASE_URL) -> dict[str, str]:
    """The headers of HubSpot, version 3, for this body."""
    stamp = str(time.time_ns() // 1_000_000)
    signed = f"POST{base_url}{path}".encode() + body + stamp.encode()
    mac = hmac.digest(secret.encode(), signed, hashlib.sha256)
    return {
        "X-HubSpot-Signature-v3": base64.b64encode(mac).decode(),
        "X-HubSpot-Request-Timestamp": stamp,
        "content-type": "application/json",
    }
