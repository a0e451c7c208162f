"""The routes of the API, as a table."""

from fastapi.routing import iter_route_contexts

from app.api.http.auth import access_of
from app.main import create_app
from app.settings import Settings
from docs.generator.tables import table

MOST_SCOPES = 4
"""A route that more scopes open is open to every key."""


def table_of_routes() -> str:
    """The routes, the scopes of which any one opens each, and what they do."""
    return table(("route", "scope (any of)", "what it does"), _rows())


def _rows() -> list[tuple[str, str, str]]:
    """Route, scopes and the first sentence of what is said about it, in the order of the code."""
    rows: list[tuple[str, str, str]] = []
    for context in iter_route_contexts(create_app(Settings()).routes):
        route = context.original_route
        endpoint = route.endpoint  # type: ignore[attr-defined]
        access = access_of(endpoint)
        scopes = [f"`{scope}`" for scope in (access.scope, *access.others) if scope]
        granted = "any" if len(scopes) > MOST_SCOPES else " ".join(scopes) or "none"
        said = (endpoint.__doc__ or "").strip().splitlines()[0]
        methods = sorted(getattr(route, "methods", None) or ())
        rows += [(f"`{method} {context.path}`", granted, said) for method in methods]
    return rows
