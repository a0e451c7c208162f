"""`GET /metrics/review`: the monthly review as one page."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from app.api.http.auth import requires
from app.api.http.callers_gone import unless_gone
from app.api.http.parameters import CallerParameter, PoolParameter
from app.api.http.routing import StrictRoute
from app.reports.review import make_review
from app.reports.review_page import STYLE_HASH, to_html, to_markdown

router = APIRouter(route_class=StrictRoute, tags=["reports"])
HTML, MARKDOWN = "text/html", "text/markdown"
_POLICY = f"default-src 'none'; style-src '{STYLE_HASH}'; frame-ancestors 'none'"
_TEXT = {"schema": {"type": "string"}}


@router.get(
    "/metrics/review",
    response_class=Response,
    responses={200: {"content": {MARKDOWN: _TEXT, HTML: _TEXT}}},
)
@requires("ops", "reports")
async def get_review(
    request: Request,
    caller: CallerParameter,
    pool: PoolParameter,
    month: Annotated[
        str | None, Query(max_length=7, description="Such as `2026-11`. Default: the last one that is over.")
    ] = None,
    format_: Annotated[Literal["markdown", "html"] | None, Query(alias="format")] = None,
) -> Response:
    """Returns the review of a month: every report beside the month before, as Markdown or HTML with charts.

    `Accept: text/html` asks for HTML as well.
    """
    upkeep = request.app.state.fact_upkeep
    review = await unless_gone(request, make_review(pool, upkeep, caller.workspace_id, month))
    if format_ == "html" or (format_ is None and HTML in request.headers.get("accept", "")):
        return Response(to_html(review), media_type=HTML, headers={"Content-Security-Policy": _POLICY})
    return Response(to_markdown(review), media_type=MARKDOWN)
