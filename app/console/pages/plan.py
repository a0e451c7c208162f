"""Plan: the active version as a flow in words, all versions, and what differs between two of them."""

from collections.abc import Sequence
from difflib import unified_diff
from typing import Annotated, Any

import orjson
import yaml
from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from app.api.http.auth import requires
from app.api.http.callers_gone import unless_gone
from app.api.http.parameters import MAX_INT32, CapabilitiesParameter, PoolParameter
from app.api.routes.plans import READERS, KeptParameter, Number
from app.console.kept import KeptAnswers
from app.console.rendering import render
from app.console.route import ConsoleRoute, live
from app.console.viewer import Viewer, ViewerParameter
from app.errors import NotFound
from app.places import SHORT_PLANS
from app.plan.words.changes import Change, changes_between
from app.plan.words.plan import PlanWords
from app.plans import versions
from app.plans.kept_findings import Findings
from app.plans.words import PlansInWords, ReadPlan, StepHits, count_hits

router = APIRouter(route_class=ConsoleRoute)
REPORTERS = ("ops", "reports")
"""Hits are what the reports say of steps."""
STEPS_SHOWN = 50
BANDS_SHOWN = 20
VERSIONS_SHOWN = 25
HITS_SECONDS = 60.0
MAX_DIFF_LINES = 5_000
"""A longer text is compared in words only."""
After = Annotated[int, Query(ge=0, le=MAX_INT32)]
Before = Annotated[int, Query(ge=1, le=MAX_INT32)]
Against = Annotated[int | None, Query(ge=1, le=MAX_INT32)]


@router.get("/console/plan")
@requires(*READERS)
async def get_active_plan(
    request: Request, viewer: ViewerParameter, pool: PoolParameter, after: After = 0
) -> Response:
    """Shows the active plan."""
    plans = plans_of(request)
    workspace_id = viewer.caller.workspace_id
    active = await plans.active_version(workspace_id)
    newest, _ = await versions.newest(pool, workspace_id, MAX_INT32, 1)
    found = await plans.find(workspace_id, active) if active else None
    context = {
        "active": active,
        "newest": newest[0] if newest else None,
        **_plan_context(viewer, found, after),
    }
    return render(request, "plan/page.html", context)


@router.get("/console/plan/hits")
@live
@requires(*REPORTERS)
async def get_hits(
    request: Request, viewer: ViewerParameter, pool: PoolParameter, after: After = 0
) -> Response:
    """Returns how many leads each step of the active plan took in the last days, and each of its bands."""
    workspace_id = viewer.caller.workspace_id
    plans = plans_of(request)
    kept: KeptAnswers = request.app.state.console_answers
    upkeep = request.app.state.fact_upkeep
    made = kept.get(("hits", workspace_id), HITS_SECONDS, lambda: count_hits(pool, upkeep, workspace_id))
    hits: StepHits = (await unless_gone(request, made)).value
    found = await plans.find(workspace_id, await plans.active_version(workspace_id))
    words = found.words if found is not None else None
    steps = words.steps if words is not None else ()
    named = {step.name for step in steps}
    context = {
        "hits": hits,
        "after": after,
        "steps": [
            (
                step.name,
                hits.by_step.get(step.name, 0),
                step.strategy == "score",
                [(band, hits.by_band.get(band, 0)) for band in step.bands[:BANDS_SHOWN]],
            )
            for step in steps[after : after + STEPS_SHOWN]
        ],
        "total": sum(hits.by_step.values()),
        "elsewhere": sum(leads for name, leads in hits.by_step.items() if name not in named),
    }
    return render(request, "plan/hits.html", context)


@router.get("/console/plan/versions")
@requires(*READERS)
async def list_versions(
    request: Request, viewer: ViewerParameter, pool: PoolParameter, before: Before = MAX_INT32
) -> Response:
    """Shows all versions, the newest first."""
    found, active = await versions.newest(pool, viewer.caller.workspace_id, before, VERSIONS_SHOWN + 1)
    shown = found[:VERSIONS_SHOWN]
    following = shown[-1].version if len(found) > VERSIONS_SHOWN else None
    context = {"versions": shown, "active": active, "next": following, "is_first": before == MAX_INT32}
    return render(request, "plan/versions.html", context)


@router.get("/console/plan/versions/{version}")
@requires(*READERS)
async def get_version(
    request: Request, viewer: ViewerParameter, version: Number, after: After = 0
) -> Response:
    """Shows one version."""
    plans = plans_of(request)
    active = await plans.active_version(viewer.caller.workspace_id)
    found = await plans.find(viewer.caller.workspace_id, version)
    if found is None:
        raise NotFound
    return render(request, "plan/version.html", {"active": active, **_plan_context(viewer, found, after)})


@router.get("/console/plan/versions/{version}/check")
@live
@requires(*READERS)
async def get_check(
    request: Request,
    viewer: ViewerParameter,
    pool: PoolParameter,
    capabilities: CapabilitiesParameter,
    kept: KeptParameter,
    version: Number,
) -> Response:
    """Returns the findings about a version, and the results of its tests, as of now."""
    workspace_id = viewer.caller.workspace_id
    checking = versions.find_checked(pool, workspace_id, version, capabilities, kept)
    stored, found = await unless_gone(request, checking)
    read = await plans_of(request).find(workspace_id, version)
    words = read.words if read is not None else None
    context = {
        "version": stored.version,
        "findings": [each for each in found.findings if each.code != "test_failed"],
        "tests": _tests(words, found),
        "tests_run": found.tests_run,
    }
    return render(request, "plan/check.html", context)


@router.get("/console/plan/versions/{version}/text")
@requires(*READERS)
async def get_text(request: Request, viewer: ViewerParameter, version: Number) -> Response:
    """Shows a version as it was sent."""
    found = await plans_of(request).find(viewer.caller.workspace_id, version)
    if found is None:
        raise NotFound
    text = found.source_text
    if text.lstrip().startswith("{"):
        text = orjson.dumps(found.document, option=orjson.OPT_INDENT_2).decode()
    return render(request, "plan/text.html", {"version": found.version, "text": text})


@router.get("/console/plan/versions/{version}/changes")
@requires(*READERS)
async def get_changes(
    request: Request, viewer: ViewerParameter, pool: PoolParameter, version: Number, against: Against = None
) -> Response:
    """Shows what differs between a version and another one, by default the active one."""
    plans, workspace_id = plans_of(request), viewer.caller.workspace_id
    active = await plans.active_version(workspace_id)
    if against is None:
        against = active if active not in (0, version) else version - 1
    after = await plans.find(workspace_id, version)
    before = await plans.find(workspace_id, against) if against else None
    if after is None or (against and before is None):
        raise NotFound
    others, _ = await versions.newest(pool, workspace_id, MAX_INT32, VERSIONS_SHOWN)
    context: dict[str, Any] = {"version": after.version, "active": active, "against": against}
    context["others"] = [each for each in others if each.version != version]
    context |= await SHORT_PLANS.run(workspace_id, _compared, before, after)
    return render(request, "plan/changes.html", context)


def plans_of(request: Request) -> PlansInWords:
    """The plans in words that the service keeps."""
    plans: PlansInWords = request.app.state.plans_in_words
    return plans


def _plan_context(viewer: Viewer, found: ReadPlan | None, after: int) -> dict[str, Any]:
    """What the pages of a version show; a long pipeline comes page by page."""
    words = found.words if found is not None else None
    steps = words.steps if words is not None else ()
    return {
        "version": found.version if found is not None else None,
        "words": words,
        "steps": list(enumerate(steps[after : after + STEPS_SHOWN], after + 1)),
        "after": after,
        "step_count": len(steps),
        "next": after + STEPS_SHOWN if after + STEPS_SHOWN < len(steps) else None,
        "sees_hits": viewer.may(*REPORTERS),
    }


def _tests(words: PlanWords | None, found: Findings) -> list[dict[str, Any]]:
    """The tests of a plan, each with what is wrong about its result."""
    failed = {
        int(each.path.partition("[")[2].partition("]")[0]): each.text
        for each in found.findings
        if each.code == "test_failed"
    }
    tests = words.tests if words is not None else ()
    return [{"test": test, "wrong": failed.get(position)} for position, test in enumerate(tests)]


def _compared(before: ReadPlan | None, after: ReadPlan) -> dict[str, Any]:
    """What differs, in words and as a unified diff of the texts."""
    words: list[Change] | None = None
    if before is not None and before.words is not None and after.words is not None:
        words = changes_between(before.words, after.words)
    texts = [each.source_text if each is not None else "" for each in (before, after)]
    as_yaml = any(text.lstrip().startswith("{") for text in texts)
    if as_yaml and before is not None:  # on one line nobody sees what differs
        texts = [yaml.safe_dump(each.document, sort_keys=False, width=100) for each in (before, after)]
    return {"words": words, "diff": _diff(*texts), "as_yaml": as_yaml}


def _diff(before: str, after: str) -> Sequence[tuple[str, str]] | None:
    """The lines of a unified diff, each with its kind; None for texts that are too long."""
    texts = before.splitlines(), after.splitlines()
    if max(map(len, texts)) > MAX_DIFF_LINES:
        return None
    kinds = {"+": "new", "-": "gone", "@": "place"}
    lines = list(unified_diff(*texts, lineterm="", n=3))[2:]
    return [(kinds.get(line[:1], ""), line) for line in lines]
