"""`/metrics/{report}`: the reports for RevOps, as JSON and as CSV."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from app.api.http.auth import requires
from app.api.http.callers_gone import unless_gone
from app.api.http.json_response import Json
from app.api.http.parameters import CallerParameter, PoolParameter
from app.api.http.routing import StrictRoute
from app.contract.reports import ReportAnswer, read_day, read_filters, read_names, read_within
from app.errors import Forbidden, NotFound
from app.reports.ask import ReportRequest, ask
from app.reports.registry import REPORTS

router = APIRouter(route_class=StrictRoute, tags=["reports"])
CSV = "text/csv"
Day = Annotated[str | None, Query(max_length=10, description="A local day of the workspace's time zone.")]
Values = Annotated[
    list[str], Query(max_length=100, description="Only these values. `none` is what has no value.")
]


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
    from_: Annotated[Day, Query(alias="from")] = None,
    to: Day = None,
    group_by: Annotated[list[str], Query(max_length=20, description="Up to three dimensions.")] = [],  # noqa: B006
    filter_: Annotated[
        list[str], Query(alias="filter", max_length=100, description="A dimension and a value: `source:web`.")
    ] = [],  # noqa: B006
    owner: Values = [],  # noqa: B006
    team: Values = [],  # noqa: B006
    step: Values = [],  # noqa: B006
    rule: Values = [],  # noqa: B006
    source: Values = [],  # noqa: B006
    campaign: Values = [],  # noqa: B006
    channel: Values = [],  # noqa: B006
    lead_type: Values = [],  # noqa: B006
    band: Values = [],  # noqa: B006
    account_status: Values = [],  # noqa: B006
    form: Values = [],  # noqa: B006
    plan_version: Values = [],  # noqa: B006
    day: Values = [],  # noqa: B006
    week: Values = [],  # noqa: B006
    month: Values = [],  # noqa: B006
    reason: Values = [],  # noqa: B006
    signal: Values = [],  # noqa: B006
    within: Annotated[str | None, Query(max_length=12, description="How long outcomes count: `30d`.")] = None,
    by: Annotated[str, Query(max_length=20, description="What a row counts; see the report.")] = "",
    credit: Annotated[str, Query(max_length=20, description="Which owner is credited; see the report.")] = "",
    format_: Annotated[Literal["json", "csv"] | None, Query(alias="format")] = None,
    bom: Annotated[
        bool, Query(description="Whether CSV begins with a byte order mark, for spreadsheets.")
    ] = False,
) -> Json[ReportAnswer]:
    """Answers a report about the local days from `from` until before `to`."""
    found = REPORTS.get(report)
    if found is None:
        raise NotFound("There is no such report.")
    if not any(map(caller.may, found.scopes)):
        raise Forbidden(f"This needs a key with the scope {' or '.join(found.scopes)}.")
    if caller.owner_id is not None and not found.for_owner:
        raise Forbidden("A key that is bound to an owner cannot ask this report.")
    named = {
        "owner": owner, "team": team, "step": step, "rule": rule, "source": source, "campaign": campaign,
        "channel": channel, "lead_type": lead_type, "band": band, "account_status": account_status,
        "form": form, "plan_version": plan_version, "day": day, "week": week, "month": month,
        "reason": reason, "signal": signal,
    }  # fmt: skip
    asked = ReportRequest(
        first=read_day(from_, "from"),
        last=read_day(to, "to"),
        group_by=read_names(group_by),
        filters=read_filters(named, filter_),
        within=read_within(within),
        by=by,
        credit=credit,
        owner_id=caller.owner_id,
    )
    upkeep = request.app.state.fact_upkeep
    answer = await unless_gone(request, ask(pool, upkeep, caller.workspace_id, found, asked))
    if format_ == "csv" or (format_ is None and CSV in request.headers.get("accept", "")):
        return Response(await answer.result.table.to_csv(bom=bom), media_type=CSV)  # type: ignore[return-value]
    return Json(await answer.to_json())
