"""Refuses a request that would wait too long for its decision, as soon as its head is read.

Of a flood, most requests are refused. Each of them takes time from the decisions of the others, so the less
is done for it the better: no task, no turn, and nothing of the framework.
"""

from fastapi import FastAPI
from starlette.types import Scope

from app.api.http.auth import Authentication, permit
from app.api.http.routing import DirectRoute
from app.dispatch.dispatcher import Dispatcher
from app.errors import Forbidden, Problem


class Door:
    """Where the requests to the hot path of an app come in. All others pass it."""

    def __init__(self, app: FastAPI) -> None:
        self._state = app.state
        self._hot = {route.path: route for route in app.router.routes if isinstance(route, DirectRoute)}

    def refusal(self, scope: Scope) -> Problem | None:
        """Why a request gets no further. None where that is not known yet, or anything else is wrong."""
        route = self._hot.get(scope["path"])
        if route is None or scope["method"] not in (route.methods or ()):
            return None
        authentication: Authentication = self._state.authentication
        caller = authentication.known_caller(scope)
        if caller is None:
            return None
        dispatch: Dispatcher = self._state.dispatch
        try:
            permit(caller, route.access)
            dispatch.admit(caller.workspace_id, bulk=route.bulk)
        except Forbidden:
            return None
        except Problem as problem:
            scope["caller"], scope["route"] = caller, route
            return problem
        return None
