"""The Idempotency-Key header: bare or quoted, what its body's hash is made of, and how a replay looks."""

import hashlib
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from app.errors import refused_at
from app.store.path.idempotency import Answer, IdempotencyKey

MOST_CHARACTERS = 255
IDEMPOTENT = {
    "parameters": [
        {
            "name": "Idempotency-Key",
            "in": "header",
            "required": False,
            "schema": {"type": "string", "maxLength": MOST_CHARACTERS},
            "description": "The same key and body again get the same answer, for seven days.",
        }
    ]
}
"""What the header looks like in the OpenAPI document."""
_REPLAYED = {"Idempotency-Replayed": "true"}
_SEPARATOR = "\x1f"
"""Stands in no header, so the key of a batch's item is nobody's own key."""


def key_of(request: Request, document: Any) -> IdempotencyKey | None:
    """The caller's key for this route and body, or None when he sent none.

    Raises Refused for a key that is empty, too long, or not printable ASCII.
    """
    sent = request.headers.get("idempotency-key")
    if sent is None:
        return None
    text = sent[1:-1] if len(sent) > 1 and sent[0] == sent[-1] == '"' else sent
    if not text or len(text) > MOST_CHARACTERS or not text.isascii() or not text.isprintable():
        detail = f"must be 1 to {MOST_CHARACTERS} printable ASCII characters"
        raise refused_at(("Idempotency-Key",), "invalid_format", detail, "header")
    route = f"{request.method} {request.url.path}\n".encode()
    # An item of a batch that could not be read stands in the document as its fault, which is no JSON.
    canonical = orjson.dumps(document, default=str, option=orjson.OPT_SORT_KEYS)
    return IdempotencyKey(text, hashlib.sha256(route + canonical).digest())


def key_of_body(lead: Mapping[str, Any]) -> IdempotencyKey:
    """The key of a lead that came without one and that nobody could be known by, such as a mere company.

    For ten minutes the same fields again are a repetition; whoever left an id, an e-mail or a phone is
    matched as a person instead.
    """
    digest = hashlib.sha256(orjson.dumps(lead, default=str, option=orjson.OPT_SORT_KEYS)).digest()
    return IdempotencyKey(f"{_SEPARATOR}{digest.hex()}", digest, holds=timedelta(minutes=10))


def response_of(answer: Answer) -> Response:
    """The answer, with a header when it was given before."""
    return Response(
        answer.body, answer.status, _REPLAYED if answer.replayed else None, media_type="application/json"
    )


def item_key(key: IdempotencyKey | None, position: int) -> IdempotencyKey | None:
    """The key of one item of a batch that was sent with `key`."""
    if key is None:
        return None
    first = f"{key.text}{_SEPARATOR}0"
    return IdempotencyKey(f"{key.text}{_SEPARATOR}{position}", key.body_hash, first)
