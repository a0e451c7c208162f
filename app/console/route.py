"""The route class of the console: it knows the session, checks forms, and shows problems as pages."""

import re
from collections.abc import Callable
from typing import Any

from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response

from app.api.http.auth import Access, access_of, permit
from app.api.http.problems import HANDLED, handled
from app.api.http.rate_limits import RateLimits
from app.api.http.routing import Handler, charge, check_url, query_names
from app.console.forms import read_form
from app.console.refusals import refusal
from app.console.rendering import with_headers
from app.console.sessions import COOKIE, ConsoleSessions, Session
from app.console.viewer import viewer_with
from app.errors import Unauthenticated

_BLANK = re.compile(rb"(?:^|&)[^=&]*=(?=&|$)")
"""A field of a form that was left empty: it is no filter."""


def live(endpoint: Callable[..., Any]) -> Callable[..., Any]:
    """Declares that an endpoint answers the polls of a page, which take nothing from the rate of the key."""
    endpoint.live = True  # type: ignore[attr-defined]
    return endpoint


class ConsoleRoute(APIRoute):
    """A route of the console. Its endpoint declares its scopes with `@requires`, or is `@public`.

    A POST reads a form, and only one that a page of the same session made. Problems become pages, or for
    htmx parts of pages, which a script shows where they belong.
    """

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        access_of(endpoint)
        options["include_in_schema"] = False
        super().__init__(path, endpoint, **options)

    def get_route_handler(self) -> Handler:
        respond = super().get_route_handler()
        access, is_live = access_of(self.endpoint), getattr(self.endpoint, "live", False)
        parameters = query_names(self.dependant)

        async def handle(request: Request) -> Response:
            try:
                if request.method == "GET":
                    request.scope["query_string"] = _BLANK.sub(b"", request.scope["query_string"]).lstrip(
                        b"&"
                    )
                session = await _admitted(request, access, is_live=is_live)
                check_url(request, parameters)
                if request.method == "POST":
                    csrf = session.token.csrf() if session is not None and access.scopes else None
                    request.scope["form"] = await read_form(request, access.body, csrf)
                    charge(request, int(request.headers.get("content-length", 0)))
                response = await respond(request)
            except Exception as error:
                if not isinstance(error, HANDLED):
                    raise
                response = refusal(request, handled(error, request.app), is_poll=is_live)
            return with_headers(response)

        return handle


async def session_of(request: Request) -> Session | None:
    """The session of a request, if there is one that holds."""
    sessions: ConsoleSessions = request.app.state.console_sessions
    cookie = request.cookies.get(COOKIE)
    return await sessions.find(cookie, request.scope) if cookie else None


async def _admitted(request: Request, access: Access, *, is_live: bool) -> Session | None:
    """The session of somebody who may do this and does not call too often; None for a public page."""
    if not access.scopes:
        return None
    session = await session_of(request)
    if session is None:
        raise Unauthenticated
    limits: RateLimits = request.app.state.rate_limits
    request.scope["viewer"] = viewer_with(session, request)
    if is_live:
        limits.admit_poll(session.caller)
    else:
        limits.admit(session.caller, decides=access.decides_leads)
    permit(session.caller, access)
    request.scope["caller"] = session.caller
    return session
