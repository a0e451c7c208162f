"""Routes that edit, and take an Idempotency-Key."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from starlette.requests import Request
from starlette.responses import Response

from app.api.http.auth import caller_of
from app.api.http.idempotency import key_of, response_of
from app.api.http.pagination import written
from app.api.routes.crud import pool_of
from app.directory.edit_once import Ready
from app.directory.edit_once import once as done_once
from app.store.path.idempotency import Answer

Told = TypeVar("Told")


async def once(
    request: Request,
    document: Any,
    ready: Ready[Told],
    show: Callable[[Told], tuple[Mapping[str, Any], int]],
) -> Response:
    """The answer to an edit, as `show` makes body and status of it; the same again to a key that came before.

    `document` is what has to be the same under one key. Raises what the edit raises.
    """

    def answer_of(told: Told) -> Answer:
        body, status = show(told)
        return Answer(status, written(body))

    caller, key = caller_of(request), key_of(request, document)
    return response_of(
        await done_once(pool_of(request), caller.workspace_id, caller.key_id, key, ready, answer_of)
    )
