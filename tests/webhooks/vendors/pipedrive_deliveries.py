"""Pipedrive's deliveries."""

import base64
from typing import Any

from app.webhooks.crm_events import WebhookRequest
from tests.webhooks.vendors.deliveries import delivery

USER, PASSWORD = b"crm", b"pass:wo\xc3\xb6rd"


def basic(user: bytes = USER, password: bytes = PASSWORD) -> dict[str, bytes]:
    """The header of basic authentication."""
    return {"authorization": b"Basic " + base64.b64encode(user + b":" + password)}


def sent(body: Any) -> WebhookRequest:
    """A delivery."""
    return delivery(body, basic())


def event(
    entity: str = "person",
    action: str = "change",
    id_: Any = "8",
    data: Any = None,
    previous: Any = None,
    **meta: Any,
) -> dict[str, Any]:
    """An event of version 2."""
    whole = {
        "action": action, "company_id": "8087566", "correlation_id": "030c898c-3b97-48b7-983b-054681d07f9a",
        "entity_id": id_, "entity": entity, "id": "7a40ac1f-debd-4d22-b8d6-d9a687a96ec4",
        "is_bulk_edit": False, "timestamp": "2026-12-01T08:59:58.375Z", "type": "general",
        "user_id": "12415231", "version": "2.0", "webhook_id": "4710827", "webhook_owner_id": "12094821",
        "change_source": "app", "attempt": 1, "host": "pd-us.pipedrive.com",
    }  # fmt: skip
    meta = {key: value for key, value in (whole | meta).items() if value is not None}
    return {"data": data, "previous": previous, "meta": meta}


PERSON = {
    "id": 8, "name": "Ada Byron", "owner_id": 7, "custom_fields": {},
    "emails": [{"label": "home", "value": "h@b.c"}, {"label": "work", "value": "a@b.c", "primary": True}],
    "phones": [{"label": "work", "value": "+41 44 668 18 00"}],
}  # fmt: skip
OWNER_CHANGE = event(data=PERSON, previous={"owner_id": 5, "update_time": "2026-12-01T08:00:00Z"})
