"""The Idempotency-Key header: its key, the hash of its body, and the response to a replay."""

import hashlib
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, TypeVar

import orjson
from starlette.requests import Request

from app.api.http.auth import Caller
from app.api.http.json_response import Json, encode
from app.directory.edit_once import PrepareEdit, once
from app.errors import refused_at
from app.store.connection.pool import Pool
from app.store.path.idempotency import IdempotencyKey, Reply

MAX_CHARACTERS = 255
HEADER = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "maxLength": MAX_CHARACTERS},
    "description": "The same key and body get the same response for seven days.",
}
"""The header in the OpenAPI document."""
_REPLAYED = {"Idempotency-Replayed": "true"}
_SEPARATOR = "\x1f"
"""Never part of a header, so the key of a batch item is never a key that a caller sent."""

Result = TypeVar("Result")


async def idempotency_key(request: Request) -> IdempotencyKey | None:
    """The caller's key for this route and JSON body, or None without the header.

    Raises ValidationFailed.
    """
    return key_of(request, await request.json())


def key_of(request: Request, document: Any) -> IdempotencyKey | None:
    """The caller's key for this route and document, or None without the header.

    Raises ValidationFailed for a key that is empty, too long, or not printable ASCII.
    """
    sent = request.headers.get("idempotency-key")
    if sent is None:
        return None
    return named_key(request, sent[1:-1] if len(sent) > 1 and sent[0] == sent[-1] == '"' else sent, document)


def named_key(request: Request, text: str, document: Any) -> IdempotencyKey:
    """The caller's key of this name for this route and document. Raises like `key_of`."""
    if not text or len(text) > MAX_CHARACTERS or not text.isascii() or not text.isprintable():
        detail = f"must be 1 to {MAX_CHARACTERS} printable ASCII characters"
        raise refused_at(("Idempotency-Key",), "invalid_format", detail, "header")
    owner = request.scope["caller"].owner_id
    if owner is not None:
        text = f"{text}{_SEPARATOR}of{_SEPARATOR}{owner}"  # it gets no answer about the lead of another
    route = f"{request.method} {request.url.path}\n".encode()
    # An invalid item of a batch is not JSON; its fault takes its place.
    canonical = orjson.dumps(document, default=str, option=orjson.OPT_SORT_KEYS)
    return IdempotencyKey(text, hashlib.sha256(route + canonical).digest())


def key_of_lead(lead: Mapping[str, Any]) -> IdempotencyKey:
    """The key of a lead that has no key and no id, e-mail or phone to match it by, such as a mere company.

    For ten minutes the same fields count as a repetition.
    """
    digest = hashlib.sha256(orjson.dumps(lead, default=str, option=orjson.OPT_SORT_KEYS)).digest()
    return IdempotencyKey(f"{_SEPARATOR}{digest.hex()}", digest, holds=timedelta(minutes=10))


def key_of_submission(caller: Caller, submission_id: str) -> IdempotencyKey:
    """The key of a form submission. Whatever else it says, the same submission is the same request."""
    digest = hashlib.sha256(f"{caller.key_id}{_SEPARATOR}{submission_id}".encode()).digest()
    return IdempotencyKey(f"{_SEPARATOR}submission{_SEPARATOR}{digest.hex()}", digest)


def item_key(key: IdempotencyKey | None, position: int) -> IdempotencyKey | None:
    """The key of one item of a batch that was sent with `key`."""
    if key is None:
        return None
    return IdempotencyKey(f"{key.text}{_SEPARATOR}{position}", key.body_hash, key.text)


def key_of_batch(key: IdempotencyKey) -> IdempotencyKey:
    """The key of a batch itself, of which no item is decided."""
    return IdempotencyKey(f"{key.text}{_SEPARATOR}batch", key.body_hash, key.text)


def response_of(reply: Reply) -> Json[Any]:
    """The HTTP response for a reply. A header marks a replay."""
    return Json(reply.body, reply.status, _REPLAYED if reply.replayed else None)


async def edit_once(
    pool: Pool,
    caller: Caller,
    key: IdempotencyKey | None,
    prepare: PrepareEdit[Result],
    to_json: Callable[[Result], Mapping[str, Any]],
    status: int = 200,
) -> Json[Any]:
    """The response to an edit, or its stored response when the key was used before.

    Raises what the edit raises.
    """

    def reply_of(result: Result) -> Reply:
        return Reply(status, encode(to_json(result)))

    return response_of(await once(pool, caller.workspace_id, caller.key_id, key, prepare, reply_of))
