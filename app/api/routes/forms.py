"""`/forms`: what form tools and plain HTML forms send."""

from dataclasses import replace

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from app.api.http.auth import FailureLimit, public
from app.api.http.client_address import client_of, peer_of
from app.api.http.parameters import PathId
from app.api.http.raw_body import TEXT, documented
from app.api.http.routing import RawRoute, read
from app.contract.limits import KIB, BodyLimits
from app.errors import NotFound, TooLarge, TooManyFailures
from app.forms.multipart import is_multipart
from app.forms.receive import FormReceiver
from app.forms.vendors.base import VISITOR_ADDRESS, FormAnswer, FormKind, FormRequest
from app.webhooks.known_endpoints import KnownEndpoint

hot = APIRouter(route_class=RawRoute, tags=["forms"])
router = APIRouter(tags=["forms"])
LIMITS = BodyLimits(size=256 * KIB)
MULTIPART_LIMITS = BodyLimits(size=10 * 1024 * KIB, seconds=30.0)
"""With files, which are dropped."""
BODY = documented(
    {
        "application/json": TEXT,
        "application/x-www-form-urlencoded": TEXT,
        "multipart/form-data": TEXT,
        "text/xml": TEXT,
    },
    "What the form tool sends, as it sends it.",
)
ANSWERS: dict[int | str, dict[str, object]] = {
    200: {"description": "Stored.", "content": {"text/plain": {}, "application/json": {}}},
    303: {"description": "Stored; the browser is sent to a page of the endpoint's list."},
    401: {"description": "The delivery is not genuine."},
}


@hot.post("/forms/{path}", response_class=Response, responses=ANSWERS, openapi_extra=BODY)
@public(problems=(TooManyFailures,))
async def receive_form(request: Request, path: PathId) -> Response:
    """Takes what a form sends, stores it, and answers as the form tool wants. A lead follows from it."""
    receiver: FormReceiver = request.app.state.form_receiver
    kind, known = await _known(request, receiver, path)
    sent = _delivery(request)
    try:
        return _response(await _received(request, receiver, kind, known, path, sent))
    finally:
        receiver.tally.write_soon()


@hot.api_route(
    "/forms/{path}", methods=["PUT", "PATCH", "DELETE"], response_class=Response, include_in_schema=False
)
@public(problems=(TooManyFailures,))
async def receive_form_otherwise(request: Request, path: PathId) -> Response:
    """Takes what a form sends by another method, from the tools that leave the choice to their users."""
    receiver: FormReceiver = request.app.state.form_receiver
    kind, _ = await _known(request, receiver, path)
    if request.method not in kind.methods:
        return _response(FormAnswer(405, headers={"Allow": "POST"}))
    return await receive_form(request, path)


@hot.get("/forms/{path}", response_class=Response)
@public(problems=(TooManyFailures,))
async def answer_handshake(request: Request, path: PathId) -> Response:
    """Answers the question by which a form tool checks that the address is yours."""
    return await _handshake(request, path)


@hot.head("/forms/{path}", response_class=Response)
@public(problems=(TooManyFailures,))
async def answer_head(request: Request, path: PathId) -> Response:
    """Answers the question by which a form tool checks that the address exists."""
    return await _handshake(request, path)


async def _handshake(request: Request, path: str) -> Response:
    receiver: FormReceiver = request.app.state.form_receiver
    kind, known = await _known(request, receiver, path)
    if request.method in kind.methods and request.scope["query_string"]:
        return await receive_form(request, path)
    answer = receiver.handshake(kind, known, _delivery(request))
    receiver.tally.write_soon()
    return _response(answer if answer is not None else FormAnswer(405, headers={"Allow": "POST"}))


async def _received(
    request: Request,
    receiver: FormReceiver,
    kind: FormKind,
    known: KnownEndpoint,
    path: str,
    sent: FormRequest,
) -> FormAnswer:
    try:
        body = await read(request, MULTIPART_LIMITS if is_multipart(sent) else LIMITS)
    except TooLarge:
        return await receiver.too_large(kind, known, sent)
    sent = replace(sent, body=body)
    answer = receiver.handshake(kind, known, sent)
    return answer if answer is not None else await receiver.receive(kind, path, known, sent)


async def _known(request: Request, receiver: FormReceiver, path: str) -> tuple[FormKind, KnownEndpoint]:
    """The endpoint and its kind. For callers who try too many unknown paths no more are looked up."""
    unknown: FailureLimit = request.app.state.unknown_paths
    peer = peer_of(client_of(request.scope))
    wait = unknown.wait(peer)
    try:
        found = await receiver.find(path, look_up=not wait)
        if found is None:
            raise NotFound
        return found
    except NotFound:
        unknown.failed(peer)
        if wait:
            raise TooManyFailures(retry_after=wait) from None
        raise


def _delivery(request: Request) -> FormRequest:
    headers: dict[str, bytes] = {}
    for name, value in request.scope["headers"]:
        # Of two headers with one name neither counts: it would be unclear which one is signed.
        key = name.decode("latin-1").lower()
        headers[key] = b"" if key in headers else value
    headers.pop(VISITOR_ADDRESS, None)
    told, peer = client_of(request.scope), (request.scope.get("client") or ("",))[0]
    if told != peer:
        headers[VISITOR_ADDRESS] = told.encode("latin-1")
    return FormRequest(request.scope["method"], headers, request.scope["query_string"])


def _response(answer: FormAnswer) -> Response:
    media_type = answer.media_type if answer.body else None
    return Response(answer.body, answer.status, dict(answer.headers), media_type=media_type)
