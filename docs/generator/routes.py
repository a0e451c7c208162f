"""The routes of the API, as a table."""

from fastapi.routing import iter_route_contexts
from starlette.routing import BaseRoute

from app.api.http.auth import access_of
from app.main import create_app
from app.settings import Settings
from docs.generator.tables import table

MAX_SCOPES = 4
"""A route with more scopes than this is open to every key."""


def table_of_routes() -> str:
    """The routes, the scopes that grant access to each, and what they do."""
    return table(("route", "scope (any of)", "what it does"), _rows())


def _rows() -> list[tuple[str, str, str]]:
    """Route, scopes, and the first line of the docstring, resource by resource in the order of the code.

    The service asks the busiest routes first. Here they stand with the others of their resource.
    """
    rows: list[tuple[str, str, str]] = []
    contexts = list(iter_route_contexts(create_app(Settings(env="production", console=False)).routes))
    last = {_resource(context.original_route): at for at, context in enumerate(contexts)}
    contexts.sort(key=lambda context: last[_resource(context.original_route)])
    for context in contexts:
        route = context.original_route
        endpoint = route.endpoint  # type: ignore[attr-defined]
        scopes = [f"`{scope}`" for scope in access_of(endpoint).scopes]
        granted = "any" if len(scopes) > MAX_SCOPES else " ".join(scopes) or "none"
        purpose = (endpoint.__doc__ or "").strip().splitlines()[0]
        methods = sorted(getattr(route, "methods", None) or ())
        rows += [(f"`{method} {context.path}`", granted, purpose) for method in methods]
    return rows


def _resource(route: BaseRoute) -> str:
    return " ".join(getattr(route, "tags", ()))
