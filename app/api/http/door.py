"""Refuses a request that would wait too long for its decision, or comes too often, before anything else.

Of a flood, most requests are refused. Each of them takes time from the decisions of the others, so the less
is done for it the better: no task, no turn, nothing of the framework, and mostly not even the parser.
"""

import math
import time
from collections.abc import Callable
from typing import Any

from fastapi import FastAPI
from starlette.types import Scope
from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from app.api.http.auth import Authentication, permit
from app.api.http.headers import Headers, lines_of
from app.api.http.plain_request import PlainRequests
from app.api.http.rate_limits import RateLimits
from app.api.http.routing import hot_routes
from app.dispatch.dispatcher import Dispatcher
from app.errors import Forbidden, Problem

REFUSING_SECONDS = 1.0
"""So long after a refusal the next request may well be refused."""


class Door:
    """Where the requests to the hot path of an app come in. All others pass it."""

    def __init__(self, app: FastAPI, clock: Callable[[], float] = time.monotonic) -> None:
        self._state = app.state
        self._clock = clock
        self._routes = hot_routes(app.router.routes)
        self._plain = PlainRequests(self._routes, wants_headers=app.state.traces)
        self._refused_at = -math.inf
        self._answer: Callable[[Scope, Problem], bytes] = app.state.observed(app).refuse
        self._first: tuple[Headers, bytes] = ((), b"")

    def read(self, data: bytes) -> dict[str, Any] | None:
        """What is known of a request without the parser, as in a scope. None unless it is worth the look.

        While nothing is refused it is not, and only requests of the most ordinary form can be read.
        """
        if self._clock() - self._refused_at > REFUSING_SECONDS:
            return None
        return self._plain.read(data)

    def refusal(self, scope: Scope) -> Problem | None:
        """Why a request gets no further. Without a reason, the scope tells the caller if they are known.

        None as well where anything else is wrong: others will tell.
        """
        route = self._routes.get((scope["method"], scope["path"]))
        if route is None:
            return None
        authentication: Authentication = self._state.authentication
        caller = authentication.known_caller(scope)
        if caller is None:
            return None
        limits: RateLimits = self._state.rate_limits
        dispatch: Dispatcher = self._state.dispatch
        scope["caller"] = caller
        try:
            permit(caller, route.access)
            # In this order, because what is refused for the wait takes nothing from the rate.
            problem = dispatch.refusal(caller.workspace_id, bulk=route.bulk)
            if problem is None:
                limits.admit(caller, decides=route.access.decides_leads)
                return None
        except Forbidden:
            del scope["caller"]
            return None
        except Problem as refused:
            problem = refused
        self._refused_at = self._clock()
        scope["route"] = route
        return problem

    def answer(self, scope: Scope, problem: Problem, headers: Headers) -> bytes:
        """All that answers a request, with those `headers` that every answer has."""
        known, first = self._first
        if known is not headers:
            # They are made again each second, for the date.
            self._first = headers, (first := lines_of(headers))
        return b"%b%b%b" % (STATUS_LINE[problem.status], first, self._answer(scope, problem))

    def let_in(self, scope: Scope) -> None:
        """Count a request that was not refused for those behind it."""
        if (caller := scope.get("caller")) is not None:
            dispatch: Dispatcher = self._state.dispatch
            bulk = self._routes[scope["method"], scope["path"]].bulk
            scope["coming"] = dispatch.coming(caller.workspace_id, bulk=bulk)
