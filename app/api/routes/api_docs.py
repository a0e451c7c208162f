"""`/docs`: the interactive page of the API, served from files of an installed package, and `/openapi.json`.

Both are open in development and where LEAD_ASSIGNMENT_API_DOCS is true. Elsewhere there is no page, and
`/openapi.json` needs a key.
"""

from importlib.resources import files
from typing import Any

from fastapi import APIRouter, FastAPI
from starlette.requests import Request
from starlette.responses import Response

from app.api.http.auth import public, requires
from app.api.http.json_response import Json, KeptJson
from app.api.http.openapi import document
from app.api.http.routing import StrictRoute
from app.errors import NotFound
from app.keys import SCOPES

open_router = APIRouter(route_class=StrictRoute, include_in_schema=False)
guarded_router = APIRouter(route_class=StrictRoute, include_in_schema=False)

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>lead-assignment API</title>
<link rel="stylesheet" href="/docs/swagger-ui.css">
</head>
<body>
<div id="api"></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
"""
START = """SwaggerUIBundle({url: "/openapi.json", dom_id: "#api", deepLinking: true, validatorUrl: null});
"""
MEDIA = {"swagger-ui.css": "text/css", "swagger-ui-bundle.js": "text/javascript"}
_POLICY = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline';"
    " img-src 'self' data:; font-src 'self' data:; connect-src 'self'; frame-ancestors 'none'"
}


@open_router.get("/docs")
@public()
async def get_docs() -> Response:
    """Returns the interactive page of the API."""
    return Response(PAGE, headers=_POLICY, media_type="text/html")


@open_router.get("/docs/{name}")
@public()
async def get_docs_file(name: str) -> Response:
    """Returns a script or a style sheet of the page."""
    if name == "start.js":
        return Response(START, media_type="text/javascript")
    if name not in MEDIA:
        raise NotFound
    content = (files("fastapi_swagger") / "resources" / name).read_bytes()
    return Response(content, media_type=MEDIA[name])


@open_router.get("/openapi.json")
@public()
async def get_open_openapi(request: Request) -> Json[dict[str, Any]]:
    """Returns the OpenAPI document, from which clients can be generated."""
    return await _described(request.app)


@guarded_router.get("/openapi.json")
@requires(*sorted(SCOPES))
async def get_openapi(request: Request) -> Json[dict[str, Any]]:
    """Returns the OpenAPI document, from which clients can be generated. Any key can read it."""
    return await _described(request.app)


async def _described(app: FastAPI) -> Json[dict[str, Any]]:
    kept: KeptJson = app.state.kept_json
    return await kept.answer("openapi", lambda: document(app))
