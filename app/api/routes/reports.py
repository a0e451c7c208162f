"""`/metrics/{report}`: the reports for RevOps, as JSON and as CSV."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from app.api.http.auth import requires
from app.api.http.callers_gone import unless_gone
from app.api.http.json_response import Json, in_parts
from app.api.http.parameters import CallerParameter, PoolParameter
from app.api.http.report_parameters import AskedReport, permitted_report
from app.api.http.routing import StrictRoute
from app.contract.reports import ReportAnswer
from app.errors import NotFound
from app.pace import drained
from app.reports.ask import ask

router = APIRouter(route_class=StrictRoute, tags=["reports"])
CSV = "text/csv"


@router.get(
    "/metrics/{report}",
    responses={200: {"content": {CSV: {"schema": {"type": "string"}}}}},
)
@requires("ops", "reports", "reports:owners", problems=(NotFound,), for_owner=True)
async def get_report(
    request: Request,
    caller: CallerParameter,
    pool: PoolParameter,
    report: str,
    asked: AskedReport,
    format_: Annotated[Literal["json", "csv"] | None, Query(alias="format")] = None,
    bom: Annotated[
        bool, Query(description="Whether CSV begins with a byte order mark, for spreadsheets.")
    ] = False,
) -> Json[ReportAnswer]:
    """Answers a report about the local days from `from` until before `to`."""
    found = permitted_report(caller, report)
    upkeep = request.app.state.fact_upkeep
    answer = await unless_gone(request, ask(pool, upkeep, caller.workspace_id, found, asked))
    if format_ == "csv" or (format_ is None and CSV in request.headers.get("accept", "")):
        return Response(await answer.result.table.to_csv(bom=bom), media_type=CSV)  # type: ignore[return-value]
    body = await answer.to_json()
    return Json({**body, "rows": await in_parts(drained(body["rows"]))})
