"""The outermost layer: every response has the same headers, one log line and one measurement."""

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import getrandbits
from typing import Protocol

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.http.auth import Caller
from app.api.http.headers import Headers
from app.api.http.problems import Respond, problem_response
from app.api.http.refusals import Refusals
from app.errors import BadRequest, Problem
from app.logs import AccessLog, to_json
from app.tracing import RequestSpan, Tracing

SECURITY_HEADERS = (
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"referrer-policy", b"no-referrer"),
    (b"strict-transport-security", b"max-age=31536000; includeSubDomains"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
)

UNMATCHED = "unmatched"

# The status that is logged when the client closed the connection before the response began.
CLIENT_GONE = 499

_METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
# What UUIDs, ULIDs, hexadecimal ids and the ids of load balancers are made of, and e-mail addresses are not.
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._:=-]{1,128}")
_TRACEPARENT = re.compile(rb"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
_OVERRIDES = frozenset((b"x-http-method-override", b"x-http-method", b"x-method-override"))
_ONCE = (b"idempotency-key", b"content-type")
"""Headers that may appear once: of two, it would be unclear which one counts."""


class Log(Protocol):
    """A structlog logger, or an object with the same methods."""

    def info(self, event: str, **fields: object) -> object:
        """Writes an informational line."""

    def error(self, event: str, **fields: object) -> object:
        """Writes an error line."""


Observe = Callable[[str, str, int, float], None]
"""Called once per request with the route template, the method, the status and the seconds it took."""


class RequestMiddleware:
    """Wraps the whole app. It sees the route template, never the URL or a submitted value."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        log: Log,
        observe: Observe,
        access_log: AccessLog = "all",
        tracing: Tracing | None = None,
        respond: Respond = problem_response,
    ) -> None:
        self.app, self.log, self.observe, self._tracing = app, log, observe, tracing
        self._to_problem = respond
        self._refusals = Refusals(SECURITY_HEADERS)
        self._first_logged = {"all": 100, "errors": 400, "off": 1000}[access_log]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began = self._begin(scope)
        sending = _Sending(send, began.headers)
        try:
            await self._respond(scope, receive, sending)
        finally:
            if (coming := scope.get("coming")) is not None:
                coming.end()
            self._end(scope, sending.status or CLIENT_GONE, began)

    def refuse(self, scope: Scope, problem: Problem) -> bytes:
        """The last headers and the body for a request that gets no further, without asking the app."""
        began = self._begin(scope)
        answer = self._refusals.answer(problem, scope, began.headers)
        self._end(scope, problem.status, began)
        return answer

    async def _respond(self, scope: Scope, receive: Receive, send: "_Sending") -> None:
        try:
            _check([name for name, _ in scope["headers"]])
            await self.app(scope, receive, send)
        except BadRequest as problem:
            await self._to_problem(problem, scope)(scope, receive, send)
        except Exception as error:
            self.log.error(
                "unexpected",
                request_id=scope["request_id"],
                **scope["trace"],
                route=route_of(scope),
                **to_json(error),
            )
            if send.status:
                # Part of the response is sent. Only a broken connection can tell that it is incomplete.
                raise
            await self._to_problem(Problem(), scope)(scope, receive, send)

    def _begin(self, scope: Scope) -> "_Begun":
        at = time.perf_counter()
        headers, scope["trace"] = _identify(scope)
        return _Begun(at, headers, None if self._tracing is None else _begin_span(self._tracing, scope))

    def _end(self, scope: Scope, status: int, began: "_Begun") -> None:
        seconds = time.perf_counter() - began.at
        route, method = route_of(scope), _method(scope)
        self.observe(route, method, status, seconds)
        if status >= self._first_logged:
            self.log.info(
                "request",
                request_id=scope["request_id"],
                **scope["trace"],
                **_caller(scope),
                method=method,
                route=route,
                status=status,
                milliseconds=round(seconds * 1000, 3),
            )
        if began.span is not None:
            began.span.end(method, route, status, _caller(scope))


@dataclass(slots=True)
class _Begun:
    """A request under way: since when, the headers that its answer gets, and its span if there are traces."""

    at: float
    headers: Headers
    span: RequestSpan | None


class _Sending:
    """Adds the headers that the app has not set, and remembers the status."""

    def __init__(self, send: Send, headers: Headers) -> None:
        self._send, self._headers, self.status = send, headers, 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            sent = list(message["headers"])
            names = {name.lower() for name, _ in sent}
            sent += [header for header in SECURITY_HEADERS if header[0] not in names]
            sent += self._headers
            message = {**message, "headers": sent}
        await self._send(message)


def _check(names: Sequence[bytes]) -> None:
    """Raises BadRequest for headers that can be read in more than one way."""
    if not _OVERRIDES.isdisjoint(names):
        raise BadRequest("A header cannot override the method.")
    for name in _ONCE:
        if names.count(name) > 1:
            raise BadRequest(f"Send the header {name.decode()} only once.")


def route_of(scope: Scope) -> str:
    """The template of the matched route, such as `/leads/{id}`."""
    return getattr(scope.get("route"), "path_format", UNMATCHED)


def _identify(scope: Scope) -> tuple[Headers, dict[str, str]]:
    """Gives the request the id that its caller sent, or a new one.

    Returns the headers that repeat to the caller how the request is known, and the trace id of the caller for
    the log.
    """
    sent = dict(scope["headers"])
    request_id = sent.get(b"x-request-id", b"")
    if not _REQUEST_ID.fullmatch(request_id):
        request_id = b"%032x" % getrandbits(128)
    scope["request_id"] = str(request_id, "ascii")
    headers = [(b"x-request-id", request_id)]
    parent = sent.get(b"traceparent")
    found = _TRACEPARENT.fullmatch(parent) if parent else None
    if not found:
        return headers, {}
    return [*headers, (b"traceparent", parent)], {"trace_id": str(found[1], "ascii")}


def _method(scope: Scope) -> str:
    return scope["method"] if scope["method"] in _METHODS else "OTHER"


def _begin_span(tracing: Tracing, scope: Scope) -> RequestSpan:
    sent = {str(name, "latin-1"): str(value, "latin-1") for name, value in scope["headers"]}
    span = tracing.request(_method(scope), sent)
    scope["trace"] = {"trace_id": span.trace_id}
    return span


def _caller(scope: Scope) -> dict[str, object]:
    """Who called, once they are authenticated. The id of a key is no secret."""
    caller = scope.get("caller")
    return {"workspace": caller.workspace_id, "key": caller.key_id} if isinstance(caller, Caller) else {}
