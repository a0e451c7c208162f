"""Finds routes without a declared scope (S-01)."""

from collections.abc import Iterator

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from app.api.http.routing import StrictRoute


def undeclared_target(app: FastAPI) -> list[str]:
    """The paths of routes that do not ask for a caller by `@requires`; an app has none."""
    return list(_undeclared(app))


def _undeclared(app: FastAPI) -> Iterator[str]:
    for context in iter_route_contexts(app.routes):
        if not isinstance(context.original_route, StrictRoute):
            yield str(context.path)
