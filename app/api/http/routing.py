"""The route classes: authenticate the caller, then read the body strictly, then call the endpoint."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator, Set
from functools import cache
from io import BytesIO
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from fastapi.dependencies.models import Dependant
from fastapi.params import Depends
from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError, create_model
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute
from starlette.types import Receive, Scope, Send

from app.api.http import idempotency, preconditions
from app.api.http.auth import Access, Authentication, Caller, access_of, permit
from app.api.http.json_response import Json, NoContent
from app.api.http.problems import HANDLED, handled
from app.api.http.rate_limits import RateLimits, units_of
from app.contract.faults import HIDDEN, validation_failed
from app.contract.limits import BodyLimits
from app.contract.responses import Page
from app.contract.strict_json import parse_in_slices
from app.dispatch.dispatcher import Dispatcher
from app.errors import (
    BadRequest,
    Fault,
    NotFound,
    Problem,
    RequestTimeout,
    TooLarge,
    UnsupportedMediaType,
    ValidationFailed,
)
from app.plan.language.spelling import closest

Handler = Callable[[Request], Coroutine[Any, Any, Response]]
Dependency = Callable[[Request], Awaitable[Any]]
_HEADERS: dict[Dependency, list[dict[str, Any]]] = {
    idempotency.idempotency_key: [idempotency.HEADER],
    preconditions.precondition: preconditions.HEADERS,
}
"""The headers that a dependency reads, for the OpenAPI document."""


class ReadRequest(Request):
    """A request whose body has been read. `json()` is the result of the strict parse."""

    def __init__(self, request: Request, raw: bytes, document: Any) -> None:
        super().__init__(request.scope, request.receive)
        self._raw, self._document = raw, document

    async def body(self) -> bytes:
        return self._raw

    async def json(self) -> Any:
        return self._document


class StrictRoute(APIRoute):
    """A route that authenticates before it reads the body, and parses the body strictly.

    Its endpoint declares its scopes with `@requires`. The OpenAPI document gets the response model from its
    return type and the headers from its dependencies. Without a body parameter no body is read.
    """

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        access = access_of(endpoint)
        extra = dict(options.get("openapi_extra") or {})
        # An empty list means that the route needs no key.
        extra["security"] = [{"bearer": [scope]} for scope in access.scopes]
        self.dependencies_by_name = dict(_dependencies(endpoint))
        headers = [each for one in self.dependencies_by_name.values() for each in _HEADERS.get(one, ())]
        if headers:
            extra["parameters"] = [*extra.get("parameters", ()), *headers]
        returned = get_type_hints(endpoint).get("return")
        if get_origin(returned) is Json and get_args(returned)[0] is not Any:
            options["response_model"] = _named(get_args(returned)[0])
        if returned is NoContent:
            options["status_code"] = 204
        options["openapi_extra"] = extra
        options["operation_id"] = options.get("operation_id") or endpoint.__name__
        super().__init__(path, endpoint, **options)

    def get_route_handler(self) -> Handler:
        return self._strictly(super().get_route_handler())

    async def yield_to_writer(self, request: Request) -> None:
        """Called once the caller is known and before the body is read."""

    def _strictly(self, respond: Handler) -> Handler:
        access, reads = access_of(self.endpoint), self.body_field is not None
        parameters = query_names(self.dependant)

        async def strictly(request: Request) -> Response:
            caller = request.scope.get("caller")
            if caller is None and access.scopes:
                caller = await _admitted(request.scope, access)
            check_url(request, parameters)
            await self.yield_to_writer(request)
            if reads:
                raw = await read(request, access.body)
                document = await _parsed(request, raw, access.body)
                charge(request, len(raw), document, access)
                request = ReadRequest(request, raw, document)
            response = await respond(request)
            if caller is not None:
                response.raw_headers += request.app.state.rate_limits.headers(caller)
            return response

        return strictly


class RawRoute(StrictRoute):
    """A strict route whose endpoint reads the body itself, from the bytes as they came.

    Its endpoint takes the request and the parameters of the path, and returns a finished response, so the
    framework need not solve dependencies or serialize. In the OpenAPI document it looks like any other route.
    """

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        super().__init__(path, endpoint, **options)
        strictly = self._strictly(self._respond)

        async def direct(scope: Scope, receive: Receive, send: Send) -> None:
            response = await strictly(Request(scope, receive))
            await response(scope, receive, send)

        self.app = direct

    async def _respond(self, request: Request) -> Response:
        response: Response = await self.endpoint(request=request, **request.path_params)
        return response


class DirectRoute(RawRoute):
    """A strict route for the endpoints on the hot path.

    Its endpoint takes one body and dependencies, and returns a finished response. `refusal` is asked before
    the framework looks at the request.
    """

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        super().__init__(path, endpoint, **options)
        self._model: type[BaseModel] = get_type_hints(endpoint)["body"]
        self.access = access_of(endpoint)
        self.bulk = self.access.body.isolate_items is not None

    async def refusal(self, scope: Scope) -> Problem | None:
        """Why a request gets no further: the caller may not call, or would wait too long for its decision."""
        try:
            caller = await _admitted(scope, self.access)
            dispatch: Dispatcher = scope["app"].state.dispatch
            problem = dispatch.refusal(caller.workspace_id, bulk=self.bulk)
            if problem is not None:
                return problem
            scope["coming"] = dispatch.coming(caller.workspace_id, bulk=self.bulk)
        except Exception as error:
            if not isinstance(error, HANDLED):
                raise
            return handled(error, scope["app"])
        return None

    async def yield_to_writer(self, request: Request) -> None:
        """Lets a commit group that is being decided go first: this request could not join it anyway."""
        dispatch: Dispatcher = request.app.state.dispatch
        await dispatch.write_window.wait()

    async def _respond(self, request: Request) -> Response:
        try:
            body = self._model.model_validate(await request.json())
        except ValidationError as refused:
            raise validation_failed(refused, model=self._model) from None
        found = {name: await find(request) for name, find in self.dependencies_by_name.items()}
        # Next, its job enters.
        request.scope["coming"].end()
        response: Response = await self.endpoint(body=body, **found)
        return response


def hot_routes(routes: Iterable[BaseRoute]) -> dict[tuple[str, str], DirectRoute]:
    """The routes of the hot path, by method and path."""
    return {
        (method, route.path): route
        for route in routes
        if isinstance(route, DirectRoute)
        for method in route.methods or ()
    }


async def _admitted(scope: Scope, access: Access) -> Caller:
    """The caller, who may do this and does not call too often."""
    authentication: Authentication = scope["app"].state.authentication
    limits: RateLimits = scope["app"].state.rate_limits
    caller = await authentication.caller(scope)
    limits.admit(caller, decides=access.decides_leads)
    permit(caller, access)
    scope["caller"] = caller
    return caller


def charge(request: Request, size: int, document: Any = None, access: Access | None = None) -> None:
    """Take from the caller's rate what a body costs that was read, and its leads from the quota.

    Raises RateLimited or QuotaExceeded.
    """
    caller = request.scope.get("caller")
    if caller is None:
        return
    items = _items(document, access.body.isolate_items) if access is not None else None
    units = units_of(size, len(items) if items is not None else 1)
    leads = 0
    if access is not None and access.decides_leads and caller.rates.quota is not None:
        leads = sum(1 for each in ([document] if items is None else items) if _is_lead(each))
    if units or leads:
        limits: RateLimits = request.app.state.rate_limits
        limits.charge(caller, units, leads)


def _items(document: Any, name: str | None) -> list[Any] | None:
    items = document.get(name) if name is not None and isinstance(document, dict) else None
    return items if isinstance(items, list) else None


def _is_lead(item: Any) -> bool:
    """Whether an item is to be decided. Dry runs and what cannot be read are not."""
    return isinstance(item, dict) and item.get("dry_run") is not True


@cache
def _named(model: Any) -> Any:
    """The model, or for a `Page` a subclass with a name for the OpenAPI document, such as `OwnerPage`."""
    if not (isinstance(model, type) and issubclass(model, Page)):
        return model
    item = model.__pydantic_generic_metadata__["args"][0]
    return create_model(f"{item.__name__}Page", __base__=model, __doc__=Page.__doc__)


def _dependencies(endpoint: Callable[..., Any]) -> Iterator[tuple[str, Dependency]]:
    for name, hint in get_type_hints(endpoint, include_extras=True).items():
        if get_origin(hint) is Annotated:
            for each in hint.__metadata__:
                if isinstance(each, Depends) and each.dependency is not None:
                    yield name, each.dependency


def query_names(dependant: Dependant) -> frozenset[str]:
    """The parameters of the query that an endpoint or one of its dependencies takes."""
    own = (each.alias for each in dependant.query_params)
    return frozenset(own).union(*map(query_names, dependant.dependencies))


async def read(request: Request, limits: BodyLimits) -> bytes:
    """The bytes of the body, within the limits of size and time.

    Raises TooLarge, RequestTimeout or BadRequest.
    """
    promised = request.headers.get("content-length", "")
    if promised.isascii() and promised.isdigit() and (len(promised) > 18 or int(promised) > limits.size):
        raise TooLarge(f"The limit is {limits.size} bytes.")
    try:
        async with asyncio.timeout(limits.seconds):
            return await _received(request.receive, limits.size)
    except TimeoutError:
        raise RequestTimeout(f"The limit is {limits.seconds:g} seconds.") from None


async def _received(receive: Receive, limit: int) -> bytes:
    parts = BytesIO()  # grows part by part: to join megabytes at once takes long
    left, more = limit, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise BadRequest("The body ended early.")
        part, more = message.get("body", b""), message.get("more_body", False)
        left -= len(part)
        if left < 0:
            raise TooLarge(f"The limit is {limit} bytes.")
        parts.write(part)
    return parts.getvalue()


async def _parsed(request: Request, raw: bytes, limits: BodyLimits) -> Any:
    if not raw:
        return None
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media != "application/json" and not (media.startswith("application/") and media.endswith("+json")):
        raise UnsupportedMediaType("Send application/json.")
    if request.headers.get("content-encoding", "identity") != "identity":
        raise UnsupportedMediaType("Send the body without compression.")
    return await parse_in_slices(raw, limits)


def check_url(request: Request, parameters: frozenset[str]) -> None:
    """Refuses what no id can hold, and query parameters that the route does not know.

    The database cannot store a NUL. Bytes that are not UTF-8 arrive as U+FFFD, and two different ids must not
    become one. A misspelled `after` would return the first page forever. A public route, which load balancers
    call, ignores unknown parameters.
    """
    if any(_cannot_be_id(str(value)) for value in request.path_params.values()):
        raise NotFound
    if b"%00" in request.scope["query_string"]:
        raise BadRequest("The query contains a NUL character.")
    if request.scope["query_string"] and "caller" in request.scope:
        unknown = request.query_params.keys() - parameters
        if unknown:
            raise ValidationFailed(faults=[_unknown_parameter(unknown, parameters)])


def _unknown_parameter(unknown: Set[str], parameters: Set[str]) -> Fault:
    """The fault names the parameters that there are. What was sent could be anything, also about a person."""
    known = sorted(parameters)
    meant = next((near for name in sorted(unknown) if (near := closest(name, known)) is not None), None)
    detail = f"did you mean {meant}?" if meant is not None else f"known are {', '.join(known) or 'none'}"
    return Fault((HIDDEN,), "unknown_field", f"is not a known parameter; {detail}", "query")


def _cannot_be_id(text: str) -> bool:
    return "\0" in text or "\ufffd" in text or len(text) > 255
