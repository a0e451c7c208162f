"""Templates, and the responses that are made with them. Everything that is not a template is escaped."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from secrets import token_hex
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import Response

from app.console import formats, names, report_tables, words
from app.console.assets import ASSETS
from app.console.navigation import items_for
from app.console.viewer import Viewer
from app.pace import few_threads

TEMPLATES = Path(__file__).parent / "templates"
MEDIA_TYPE = "text/html"
HEADERS: Mapping[str, str] = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self';"
        " form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    # With `no-referrer` browsers would send no Origin with forms.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
"""The headers of every response of the console, unless it sets its own."""


def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.filters.update(formats.FILTERS)
    made.filters.update(words.FILTERS)
    made.filters.update(names.FILTERS)
    made.filters.update(report_tables.FILTERS)
    made.globals.update(asset=ASSETS.url, new_key=token_hex)
    return made


ENVIRONMENT = _environment()


async def load_templates() -> None:
    """Compile all templates, in a thread: a page that needs several would else hold up all requests."""
    for name in ENVIRONMENT.list_templates():
        await few_threads().run("templates", ENVIRONMENT.get_template, name)


def with_headers(response: Response) -> Response:
    """A response of the console with the headers that it has not set itself."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    return response


def is_htmx(request: Request) -> bool:
    """Whether a script asks for a part of a page."""
    return request.headers.get("hx-request") == "true"


def render(
    request: Request, template: str, context: Mapping[str, Any] | None = None, *, status: int = 200
) -> Response:
    """A page, or a part of one, as the viewer of the request sees it."""
    return Response(_text(request, template, context or {}), status, media_type=MEDIA_TYPE)


def render_live(request: Request, template: str, context: Mapping[str, Any]) -> Response:
    """A part of a page that a script asks for again and again: 204 while it has not changed.

    The part gets `version`, to be sent back in the header `If-None-Match` with the next poll.
    """
    version = version_of(request, template, context)
    if request.headers.get("if-none-match") == f'"{version}"':
        return Response(status_code=204)
    return render(request, template, {**context, "version": version})


def version_of(request: Request, template: str, context: Mapping[str, Any]) -> str:
    """The version of a part that comes with the whole page, so that the first poll may find it unchanged.

    The keys of forms differ each time and do not count.
    """
    text = _text(request, template, {**context, "version": "", "new_key": str})
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _text(request: Request, template: str, context: Mapping[str, Any]) -> str:
    viewer: Viewer | None = request.scope.get("viewer")
    shown = {
        "viewer": viewer,
        "navigation": list(items_for(viewer)) if viewer is not None else [],
        "path": request.url.path,
        **context,
    }
    return ENVIRONMENT.get_template(template).render(shown)
