"""The one class of our routes: first who calls, then the body, strictly, then the endpoint."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, get_type_hints

from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from app.api.http.auth import Authentication, access_of, permit
from app.contract.faults import validation_failed
from app.contract.limits import BodyLimits
from app.contract.strict_json import parse
from app.errors import (
    BadRequest,
    Fault,
    NotFound,
    RequestTimeout,
    TooLarge,
    UnsupportedMediaType,
    ValidationFailed,
)

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class ReadRequest(Request):
    """A request whose body was read already: `json()` is what the strict parse made of it."""

    def __init__(self, request: Request, raw: bytes, document: Any) -> None:
        super().__init__(request.scope, request.receive)
        self._raw, self._document = raw, document

    async def body(self) -> bytes:
        return self._raw

    async def json(self) -> Any:
        return self._document


class StrictRoute(APIRoute):
    """A route that knows its caller before it reads, and reads strictly.

    Its endpoint is declared by `@requires`; the app's `state.authentication` says who calls. For an endpoint
    without a body parameter nothing is read.
    """

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        access = access_of(endpoint)
        extra = dict(options.get("openapi_extra") or {})
        # An empty list says that no key is needed, whatever holds for the rest.
        extra["security"] = [{"bearer": [scope]} for scope in (access.scope, *access.others) if scope]
        options["openapi_extra"] = extra
        options["operation_id"] = options.get("operation_id") or endpoint.__name__
        super().__init__(path, endpoint, **options)

    def get_route_handler(self) -> Handler:
        return self._strictly(super().get_route_handler())

    async def yield_to_writer(self, request: Request) -> None:
        """What is let go first, once the caller is known and before his body is read: nothing."""

    def _strictly(self, answer: Handler) -> Handler:
        access, reads = access_of(self.endpoint), self.body_field is not None
        parameters = frozenset(each.alias for each in self.dependant.query_params)

        async def strictly(request: Request) -> Response:
            if access.scope is not None:
                authentication: Authentication = request.app.state.authentication
                caller = await authentication.caller(request.scope)
                permit(caller, access.scope, *access.others)
                request.scope["caller"] = caller
            _check_url(request, parameters)
            await self.yield_to_writer(request)
            if reads:
                raw = await read(request, access.body)
                document = _parsed(request, raw, access.body)
                request = ReadRequest(request, raw, document)
            return await answer(request)

        return strictly


class DirectRoute(StrictRoute):
    """A strict route for the endpoints that every visitor waits for.

    Its endpoint takes the request and one body and gives a finished response, so nothing of the framework
    needs to stand between: no dependencies to solve, no answer to serialise. In the API's description it
    looks like any other route.
    """

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        super().__init__(path, endpoint, **options)
        self._model: type[BaseModel] = get_type_hints(endpoint)["body"]
        strictly = self._strictly(self._answer)

        async def direct(scope: Scope, receive: Receive, send: Send) -> None:
            response = await strictly(Request(scope, receive))
            await response(scope, receive, send)

        self.app = direct

    async def yield_to_writer(self, request: Request) -> None:
        """A pass that decides goes first: this request could not be decided before it anyway."""
        await request.app.state.dispatch.yield_to_writer()

    async def _answer(self, request: Request) -> Response:
        try:
            body = self._model.model_validate(await request.json())
        except ValidationError as refused:
            raise validation_failed(refused) from None
        response: Response = await self.endpoint(request, body)
        return response


async def read(request: Request, limits: BodyLimits) -> bytes:
    """The body's bytes: never more than the limit, whatever the headers promise, and in time."""
    promised = request.headers.get("content-length", "")
    if promised.isascii() and promised.isdigit() and (len(promised) > 18 or int(promised) > limits.size):
        raise TooLarge(f"The limit is {limits.size} bytes.")
    try:
        async with asyncio.timeout(limits.seconds):
            return await _received(request.receive, limits.size)
    except TimeoutError:
        raise RequestTimeout(f"It has to arrive within {limits.seconds:g} seconds.") from None


async def _received(receive: Receive, limit: int) -> bytes:
    chunks: list[bytes] = []
    left, more = limit, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise BadRequest("The body ended early.")
        chunk, more = message.get("body", b""), message.get("more_body", False)
        left -= len(chunk)
        if left < 0:
            raise TooLarge(f"The limit is {limit} bytes.")
        chunks.append(chunk)
    return b"".join(chunks)


def _parsed(request: Request, raw: bytes, limits: BodyLimits) -> Any:
    if not raw:
        return None
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media != "application/json" and not (media.startswith("application/") and media.endswith("+json")):
        raise UnsupportedMediaType("Send application/json.")
    if request.headers.get("content-encoding", "identity") != "identity":
        raise UnsupportedMediaType("Send the body without compression.")
    return parse(raw, limits)


def _check_url(request: Request, parameters: frozenset[str]) -> None:
    """No id and no text of ours holds a NUL, and the database could not store one.

    Bytes that are no UTF-8 arrive as U+FFFD: two ids that differ must not become one. A parameter nobody
    reads is refused: who misspells that of the next page would read the first one for ever. What asks
    without a key, such as a load balancer, may add what it likes.
    """
    if any(_no_id(str(value)) for value in request.path_params.values()):
        raise NotFound
    if b"%00" in request.scope["query_string"]:
        raise BadRequest("The query holds a NUL character.")
    if request.scope["query_string"] and "caller" in request.scope:
        unknown = sorted(request.query_params.keys() - parameters)
        if unknown:
            faults = [
                Fault((name,), "unknown_field", "is not a known parameter", "query") for name in unknown
            ]
            raise ValidationFailed(faults=faults)


def _no_id(text: str) -> bool:
    return "\0" in text or "\ufffd" in text or len(text) > 255
