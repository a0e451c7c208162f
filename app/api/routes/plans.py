"""`/plans`: versions of the routing plan, as drafts and in force."""

from contextlib import suppress
from hashlib import sha256
from typing import Annotated, Any

from fastapi import APIRouter, Path
from starlette.requests import Request
from starlette.responses import Response

from app.api.http.auth import caller_of, requires
from app.api.http.edit_once import once
from app.api.http.idempotency import IDEMPOTENT
from app.api.http.pagination import AfterNumber, Limit, answer, page_of
from app.api.http.raw_body import documented, raw_body
from app.api.http.routing import StrictRoute
from app.api.routes.crud import pool_of, strategies_of
from app.contract.directory import findings_to_json
from app.contract.limits import KIB, BodyLimits
from app.contract.plans import CheckedPlanVersion, PlanComment, PlanVersion, PlanVersionDetail
from app.contract.responses import Page
from app.directory.edit_once import Act
from app.dispatch.dispatcher import Dispatcher
from app.plan.findings import settles
from app.plan_check import parse
from app.plans import versions
from app.plans.versions import Activation, PlanFindings, StoredPlan
from app.store.plans import Version

router = APIRouter(route_class=StrictRoute, tags=["plans"])
MEDIA = ("application/yaml", "text/yaml", "application/x-yaml", "application/json")
LIMITS = BodyLimits(size=4096 * KIB, seconds=30)
READERS = ("plan:write", "plan:approve", "leads:read", "ops")
TEXT = documented(MEDIA, {"type": "object", "description": "A plan, as `GET /plans/schema` describes it."})

Number = Annotated[int, Path(ge=1, le=2**31 - 1)]


@router.post(
    "/plans", status_code=201, response_model=CheckedPlanVersion, openapi_extra={**TEXT, **IDEMPOTENT}
)
@requires("plan:write")
async def draft_plan(request: Request) -> Response:
    """Store a plan as a draft, and tell what there is to find about it."""
    raw = await raw_body(request, MEDIA, LIMITS)

    async def ready() -> Act[PlanFindings]:
        workspace_id = caller_of(request).workspace_id
        return await versions.drafted(pool_of(request), workspace_id, strategies_of(request), raw)

    # Under one key the text must be the same to the letter: to read it first may take seconds.
    document = {"text": sha256(raw).hexdigest()}
    return await once(request, document, ready, lambda drafted: (_checked(drafted), 201))


@router.get("/plans", response_model=Page[PlanVersion])
@requires(*READERS)
async def list_plans(request: Request, after: AfterNumber = 0, limit: Limit = 100) -> Response:
    """All versions in order."""
    workspace_id = caller_of(request).workspace_id
    found, active = await versions.page(pool_of(request), workspace_id, min(after, 2**31 - 1), limit + 1)
    return page_of(
        found,
        limit,
        lambda version: _version(version, version.version == active),
        lambda version: version.version,
    )


@router.get("/plans/schema", response_model=dict[str, Any])
@requires(*READERS)
async def plan_schema(request: Request) -> Response:
    """The JSON Schema of a plan."""
    return answer(parse.schema(strategies_of(request)))


@router.get("/plans/active", response_model=PlanVersionDetail)
@requires(*READERS)
async def active_plan(request: Request) -> Response:
    """The version in force."""
    return await _whole(request, await versions.find(pool_of(request), caller_of(request).workspace_id, None))


@router.get("/plans/{version}", response_model=PlanVersionDetail)
@requires(*READERS)
async def get_plan(request: Request, version: Number) -> Response:
    """One version, with what there is to find about it today."""
    return await _whole(
        request, await versions.find(pool_of(request), caller_of(request).workspace_id, version)
    )


@router.post("/plans/{version}/publish", response_model=CheckedPlanVersion, openapi_extra=IDEMPOTENT)
@requires("plan:approve")
async def publish_plan(request: Request, version: Number, body: PlanComment | None = None) -> Response:
    """Put a version in force, for every decision from now on."""
    return await _activate(request, version, body, "publish")


@router.post("/plans/{version}/rollback", response_model=CheckedPlanVersion, openapi_extra=IDEMPOTENT)
@requires("plan:approve")
async def rollback_plan(request: Request, version: Number, body: PlanComment | None = None) -> Response:
    """Bring back a version that was in force before."""
    return await _activate(request, version, body, "rollback")


async def _activate(request: Request, version: int, body: PlanComment | None, how: Activation) -> Response:
    workspace_id, comment = caller_of(request).workspace_id, body.comment if body else None
    dispatch: Dispatcher = request.app.state.dispatch

    async def ready() -> Act[PlanFindings]:
        # Made ready before it is in force, so that no lead waits for it here; a version that cannot be made
        # ready is refused below.
        with suppress(LookupError):
            plan = await dispatch.plans.fetch(workspace_id, version)
            if plan.table_refs:
                await dispatch.plans.tables.fetch(workspace_id, plan.table_refs)
        strategies = strategies_of(request)
        return await versions.accepted(pool_of(request), workspace_id, strategies, version, comment, how)

    return await once(request, {"comment": comment}, ready, lambda found: (_checked(found), 200))


async def _whole(request: Request, stored: StoredPlan) -> Response:
    findings = await versions.findings(stored, strategies_of(request))
    active = stored.version.version == stored.now.entry.plan_version
    checked = _checked(PlanFindings(stored.version, findings, active))
    return answer({**checked, "document": stored.document, "source_text": stored.source_text})


def _checked(found: PlanFindings) -> dict[str, Any]:
    findings = {"findings": findings_to_json(found.findings), "ok": settles(found.findings)}
    return {**_version(found.version, found.active), **findings}


def _version(version: Version, active: bool) -> dict[str, Any]:
    kept = {name: getattr(version, name) for name in PlanVersion.model_fields if name != "active"}
    return {**kept, "active": active}
