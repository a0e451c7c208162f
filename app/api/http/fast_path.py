"""The short way in for the routes that every visitor waits for."""

from collections.abc import Iterable

from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from app.api.http.problems import HANDLED, problem_of, problem_response


class FastPath:
    """Answers some routes at once, and leaves everything else to the framework.

    The routes are looked up by method and path, so they may have no parameters in it; the framework knows
    them too, for the API's description and for other methods.
    """

    def __init__(self, app: ASGIApp, routes: Iterable[BaseRoute]) -> None:
        self.app = app
        known = (route for route in routes if isinstance(route, Route))
        self._routes = {(method, route.path): route for route in known for method in route.methods or ()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        route = self._routes.get((scope.get("method", ""), scope.get("path", "")))
        if route is None:
            await self.app(scope, receive, send)
            return
        scope["route"], scope["path_params"] = route, {}
        try:
            await route.app(scope, receive, send)
        except HANDLED as error:
            await problem_response(problem_of(error), scope["request_id"])(scope, receive, send)
