"""Deliveries as vendors make them, and what a test changes of them."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from app.webhooks.crm_events import CrmEvent, EndpointTerms, Vendor, WebhookRequest

NOW = datetime(2026, 12, 1, 9, 0, tzinfo=UTC)
BASE_URL = "https://hooks.example.com"
PATH = "/webhooks/Zm9vYmFy"


def delivery(
    body: Any = b"",
    headers: Mapping[str, bytes] | None = None,
    *,
    path: str = PATH,
    method: str = "POST",
) -> WebhookRequest:
    """A request with this body; what is not bytes is written as JSON."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return WebhookRequest(method, path, headers or {}, raw)


def terms(*secrets: bytes, **more: Any) -> EndpointTerms:
    """The terms of an endpoint with these secrets."""
    return replace(EndpointTerms(secrets, BASE_URL), **more)


def parse(vendor: Vendor, body: Any, headers: Mapping[str, bytes] | None = None) -> list[CrmEvent]:
    """The events of a body."""
    return list(vendor.parse(delivery(body, headers), terms()))


def only(vendor: Vendor, body: Any, headers: Mapping[str, bytes] | None = None) -> CrmEvent:
    """The one event of a body."""
    (event,) = parse(vendor, body, headers)
    return event
