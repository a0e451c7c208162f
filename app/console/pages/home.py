"""The home page, the files of all pages, and what is at no address."""

from urllib.parse import quote

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.api.http.auth import public, requires
from app.console.addresses import ROOT
from app.console.assets import ASSETS
from app.console.navigation import items_for
from app.console.rendering import render
from app.console.route import ConsoleRoute
from app.console.viewer import ViewerParameter
from app.errors import NotFound
from app.keys import SCOPES

router = APIRouter(route_class=ConsoleRoute)
last = APIRouter(route_class=ConsoleRoute)
_FOREVER = "public, max-age=31536000, immutable"


@router.get(ROOT)
@requires(*sorted(SCOPES), for_owner=True)
async def get_first_page(request: Request, viewer: ViewerParameter) -> Response:
    """Leads to the first page that the viewer may open."""
    first = next(items_for(viewer), None)
    if first is None:
        return render(request, "no_pages.html", status=403)
    return RedirectResponse(first.path, 303)


@router.get(f"{ROOT}/static/{{digest}}/{{name:path}}")
@public()
async def get_static_file(request: Request, digest: str, name: str) -> Response:
    """Returns a script, a style sheet or a picture."""
    asset = ASSETS.find(name)
    if asset is None:
        raise NotFound
    # During an update pages of two versions ask the same process.
    headers = {"Cache-Control": _FOREVER if digest == asset.digest else "no-store", "Vary": "Accept-Encoding"}
    content = asset.content
    if "gzip" in request.headers.get("accept-encoding", ""):
        content, headers["Content-Encoding"] = asset.compressed, "gzip"
    return Response(content, headers=headers, media_type=asset.media_type)


@last.get(f"{ROOT}/{{rest:path}}")
@requires(*sorted(SCOPES), for_owner=True)
async def get_nothing(rest: str) -> Response:
    """Says that there is no such page. An address with a slash too many leads to the page itself."""
    if rest and not rest.endswith("/"):
        raise NotFound
    page = f"{ROOT}/{quote(rest.strip('/'))}"
    return RedirectResponse(page.rstrip("/"), 308)
