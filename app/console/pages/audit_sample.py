"""The audit sample as a worklist: decisions of a week, one after another, with what became of them."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from app.api.http.auth import requires
from app.api.http.callers_gone import unless_gone
from app.api.http.parameters import PoolParameter
from app.api.http.report_parameters import AskedSample, SampleRequest
from app.console import report_tables as tables
from app.console.kept import KeptAnswers
from app.console.names import Names, names_of
from app.console.rendering import render
from app.console.route import ConsoleRoute
from app.console.viewer import Viewer, ViewerParameter
from app.console.words import plain
from app.reports.audit_sample import draw_sample
from app.reports.periods import bucket_of
from app.store.clocks import read_now
from app.store.connection.pool import Pool, transaction
from app.store.workspaces import find_time_zone

router = APIRouter(route_class=ConsoleRoute)
READERS = ("ops", "reports")
PATH = "/console/reports/audit-sample"
SIZES = (10, 20, 50, 100, 200)
SHOWN_WEEKS = 12
ROWS = 50
KEPT_SECONDS = 600.0
MAX_KEPT = 100
"""Larger samples are drawn again for each page: many of them would fill the memory."""
WEEK = timedelta(days=7)

After = Annotated[int, Query(ge=0, le=500)]
Position = Annotated[int, Query(ge=1, le=500)]


@router.get(PATH)
@requires(*READERS)
async def get_sample_page(
    request: Request,
    viewer: ViewerParameter,
    pool: PoolParameter,
    asked: AskedSample,
    after: After = 0,  # noqa: ARG001 - for the list
) -> Response:
    """Shows which sample is asked for. The decisions come after."""
    workspace_id = viewer.caller.workspace_id
    async with transaction(pool, workspace_id, read_only=True) as connection:
        now = await read_now(connection, workspace_id)
        zone = await find_time_zone(connection, workspace_id)
    weeks = [bucket_of(now - back * WEEK, "week", zone) for back in range(1, SHOWN_WEEKS + 1)]
    week = asked.week or weeks[0]
    context = {
        "week": week,
        "weeks": [
            (each, _words(each)) for each in dict.fromkeys((*weeks, bucket_of(now, "week", zone), week))
        ],
        "sizes": [(str(each), str(each)) for each in sorted({*SIZES, asked.places})],
        "places": str(asked.places),
        "seed": asked.seed or "",
        "answer": tables.address(f"{PATH}/list", request.query_params.multi_items()),
    }
    return render(request, "audit_sample/page.html", context)


@router.get(f"{PATH}/list")
@requires(*READERS)
async def get_sample_list(
    request: Request, viewer: ViewerParameter, pool: PoolParameter, asked: AskedSample, after: After = 0
) -> Response:
    """Returns a page of the decisions that were drawn."""
    sample, age = await _sample(request, pool, viewer, asked)
    query = request.query_params.multi_items()
    shown = sample["decisions"][after : after + ROWS]
    until = after + len(shown)
    rows = [
        {**each, "href": tables.address(f"{PATH}/decision", query, drop=("after",), at=after + at)}
        for at, each in enumerate(shown, 1)
    ]
    context = {
        "sample": sample,
        "names": await _names(pool, viewer, shown),
        "age": age,
        "rows": rows,
        "became": [_became(each["result"]) for each in shown],
        "after": after,
        "until": until,
        "first": tables.address(PATH, query, drop=("after",)) if after else "",
        "next": tables.address(PATH, query, after=until) if until < sample["drawn"] else "",
        "label_of": tables.label_of,
    }
    return render(request, "audit_sample/list.html", context)


@router.get(f"{PATH}/decision")
@requires(*READERS)
async def get_sample_decision(
    request: Request, viewer: ViewerParameter, pool: PoolParameter, asked: AskedSample, at: Position = 1
) -> Response:
    """Shows one decision of the sample, with the way to the one before and the one after."""
    sample, _ = await _sample(request, pool, viewer, asked)
    query, drawn = request.query_params.multi_items(), sample["drawn"]
    decision = sample["decisions"][at - 1] if at <= drawn else None
    path = request.url.path
    names = await _names(pool, viewer, [decision] if decision else [])
    context = {
        "sample": sample,
        "names": names,
        "at": at,
        "decision": decision,
        "became": _became(decision["result"]) if decision else "",
        "steps": _steps(decision["trace"], names) if decision else [],
        "list": tables.address(PATH, query, drop=("at",)),
        "previous": tables.address(path, query, at=at - 1) if at > 1 else "",
        "next": tables.address(path, query, at=at + 1) if at < drawn else "",
        "label_of": tables.label_of,
    }
    return render(request, "audit_sample/decision.html", context)


async def _sample(
    request: Request, pool: Pool, viewer: Viewer, asked: SampleRequest
) -> tuple[Mapping[str, Any], float]:
    """The sample as the API gives it, and how old it is."""
    kept: KeptAnswers = request.app.state.console_answers
    workspace_id, upkeep = viewer.caller.workspace_id, request.app.state.fact_upkeep

    async def make() -> Mapping[str, Any]:
        return (await draw_sample(pool, upkeep, workspace_id, asked.week, asked.seed, asked.places)).to_json()

    made = kept.get(
        ("audit sample", workspace_id, asked),
        KEPT_SECONDS,
        make,
        keeps=lambda made: made["drawn"] <= MAX_KEPT,
    )
    found = await unless_gone(request, made)
    return found.value, found.age


async def _names(pool: Pool, viewer: Viewer, decisions: Sequence[Mapping[str, Any]]) -> Names:
    """The names of the owners and teams in these decisions."""
    targets = [
        target["target"]
        for each in decisions
        for step in (each.get("trace") or {}).get("steps", ())
        for target in step.get("targets", ())
    ]
    rows = [*decisions, *targets]
    return await names_of(pool, viewer, tables.ids_in(rows, "owner"), tables.ids_in(rows, "team"))


def _steps(trace: Mapping[str, Any] | None, names: Names) -> list[dict[str, str]]:
    """The steps that were taken, each with what it came to."""
    return [
        {
            "step": each["step"],
            "strategy": each["strategy"].replace("_", " "),
            "code": each["code"].replace("_", " "),
            "targets": "; ".join(_target(tried, names) for tried in each.get("targets", ())),
        }
        for each in (trace or {}).get("steps", ())
    ]


def _target(tried: Mapping[str, Any], names: Names) -> str:
    """A target that a step tried, such as `team Berlin: held (6 candidates)`."""
    name = " ".join(
        f"{plain(kind)} {tables.named(kind, value, names)}" if value is not True else plain(kind)
        for kind, value in tried["target"].items()
    )
    count = len(tried.get("candidates", ()))
    people = f" ({count} candidate{'s' if count != 1 else ''})" if count else ""
    return f"{name}: {tried['code'].replace('_', ' ')}{people}"


def _words(week: str) -> str:
    """A week with its first day, such as `2026-W49, from 30 Nov`."""
    try:
        monday = date.fromisoformat(week)
    except ValueError:
        return week
    return f"{week}, from {monday.day} {monday:%b}"


def _became(result: Mapping[str, Any]) -> str:
    """What has become of a decision until now, in words."""
    if result["open"] is None:
        return "deleted"
    cause = (result["end_cause"] or "ended").replace("_", " ")
    parts = [
        "accepted" if result["accepted_at"] else "",
        "touched" if result["touched_at"] else "",
        "open" if result["open"] else cause,
        "refunded" if result["refunded"] else "",
    ]
    return ", ".join(each for each in parts if each)
