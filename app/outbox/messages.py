"""What a message to a target holds, and how it is signed (Standard Webhooks)."""

import base64
import binascii
import hmac
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from hashlib import sha256
from typing import Any, Literal

import orjson

from app.outbox.retries import Outcome
from app.plan.document.follow_ups import CONSOLE_LINK
from app.store.connection.pool import Connection
from app.store.life import target_feed
from app.store.life.deliveries import StoredAction
from app.store.life.target_messages import LeasedMessage

PREFIX = "whsec_"
SECRET_BYTES = range(24, 65)
"""How long the bytes of a secret may be."""

Redact = Callable[[Connection, int, Sequence[StoredAction]], Awaitable[list[StoredAction]]]
"""Returns the actions of a workspace without what nobody may see now."""
Link = Mapping[str, Any]
"""A sign-in link of an owner, as targets get it."""
LinkRefusal = Literal["owner_removed", "owner_inactive", "console_links_off"]
_WITHOUT_LINK: Mapping[str, Literal["withdrawn", "dead"]] = {
    "owner_removed": "withdrawn",
    "owner_inactive": "withdrawn",
    "console_links_off": "dead",
}
"""What becomes of a message without a link. What an operator can correct is dead, and can be sent again."""
MakeLink = Callable[[Connection, int, str], Awaitable[Link | LinkRefusal]]
"""Makes a sign-in link of an owner of a workspace, or says why there is none."""


def new_secret() -> str:
    """A new secret, as the receiver needs it."""
    return PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def secret_bytes(text: str) -> bytes | None:
    """The bytes of a secret, or None if this is none: `whsec_` and 24 to 64 bytes in Base64."""
    try:
        key = base64.b64decode(text.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        return None
    return key if text.startswith(PREFIX) and len(key) in SECRET_BYTES else None


def signed_headers(id_: str, timestamp: int, content: bytes, keys: Sequence[bytes]) -> Mapping[str, str]:
    """The headers of one attempt, with a signature for each secret."""
    signed = b"%b.%d.%b" % (id_.encode(), timestamp, content)
    signatures = (base64.b64encode(hmac.digest(key, signed, sha256)).decode() for key in keys)
    return {
        "Content-Type": "application/json",
        "User-Agent": "lead-assignment",
        "Webhook-Id": id_,
        "Webhook-Timestamp": str(timestamp),
        "Webhook-Signature": " ".join(f"v1,{each}" for each in signatures),
    }


async def contents_of(
    connection: Connection,
    workspace_id: int,
    messages: Sequence[LeasedMessage],
    redact: Redact,
    make_link: MakeLink | None = None,
) -> dict[str, bytes | Outcome]:
    """The bodies of messages by id, without those that are not to be sent any more.

    With `make_link` each action that is a sign-in link gets a new one, which nothing keeps. Where there is
    none, the outcome stands in place of the body.
    """
    actions = await target_feed.read_actions(connection, workspace_id, _ids(messages, "action"))
    shown = await redact(connection, workspace_id, list(actions.values())) if actions else []
    data: dict[str, tuple[Any, Mapping[str, Any]]] = {
        each.id: (each.created_at, _action(each)) for each in shown
    }
    decisions = await target_feed.read_decisions(connection, workspace_id, _ids(messages, "decision"))
    data |= {id_: (each["decided_at"], each) for id_, each in decisions.items()}
    data |= {
        each.id: (each.created_at, {"lead_id": each.lead_id}) for each in messages if each.source == "lead"
    }
    unsent: dict[str, bytes | Outcome] = {}
    for action in shown:
        if action.type != CONSOLE_LINK or make_link is None:
            continue
        link = await make_link(connection, workspace_id, action.params["owner"])
        if isinstance(link, str):
            unsent[action.id] = Outcome(_WITHOUT_LINK[link], code=link)
        else:
            data[action.id] = (action.created_at, {**_action(action), "link": link})
    return {each.id: _content(each, *data[each.id]) for each in messages if each.id in data} | unsent


def _ids(messages: Sequence[LeasedMessage], source: str) -> list[str]:
    return [each.id for each in messages if each.source == source]


def _action(action: StoredAction) -> dict[str, Any]:
    names = ("id", "number", "params", "due_at", "lead_id", "assignment_id")
    return {name: getattr(action, name) for name in names}


def _content(message: LeasedMessage, timestamp: Any, data: Mapping[str, Any]) -> bytes:
    document: dict[str, Any] = {"type": message.type, "timestamp": timestamp, "data": data}
    if message.previous_failed:
        document["previous_failed"] = True
    return orjson.dumps(document, option=orjson.OPT_UTC_Z)
