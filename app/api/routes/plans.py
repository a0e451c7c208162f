"""`/plans`: the versions of the routing plan, drafted, published and rolled back."""

from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path
from starlette.requests import Request

from app.api.http.auth import requires
from app.api.http.idempotency import HEADER, edit_once, key_of
from app.api.http.json_response import Json, page_of
from app.api.http.parameters import (
    MAX_INT32,
    AfterNumber,
    CallerParameter,
    DispatchParameter,
    IdempotencyKeyParameter,
    Limit,
    PoolParameter,
    StrategiesParameter,
    from_state,
)
from app.api.http.raw_body import TEXT, documented, raw_body
from app.api.http.routing import StrictRoute
from app.contract.findings import findings_to_json
from app.contract.limits import KIB, BodyLimits
from app.contract.plans import CheckedPlanVersion, PlanComment, PlanVersion, PlanVersionDetail
from app.contract.responses import Page
from app.directory.edit_once import Edit
from app.errors import AlreadyActive, NeverPublished, NotFound, PlanInvalid, PlanUnparseable
from app.plan.findings import settles
from app.plan_check import parse
from app.plans import versions
from app.plans.kept_findings import Findings, KeptFindings
from app.plans.versions import Activation, PlanFindings, StoredPlan
from app.store.path.idempotency import IdempotencyKey
from app.store.plans import Version

router = APIRouter(route_class=StrictRoute, tags=["plans"])
MEDIA = ("application/yaml", "text/yaml", "application/x-yaml", "application/json")
LIMITS = BodyLimits(size=4096 * KIB, seconds=30)
READERS = ("plan:write", "plan:approve", "leads:read", "ops")
BODY = documented(
    {media: {"type": "object"} if media == "application/json" else TEXT for media in MEDIA},
    "A plan, as described by `GET /plans/schema`.",
)

KeptParameter = Annotated[KeptFindings, Depends(from_state("kept_findings"))]
Number = Annotated[int, Path(ge=1, le=MAX_INT32)]


@router.post("/plans", status_code=201, openapi_extra={**BODY, "parameters": [HEADER]})
@requires("plan:write", problems=(PlanUnparseable,))
async def create_plan(
    request: Request,
    caller: CallerParameter,
    pool: PoolParameter,
    dispatch: DispatchParameter,
    strategies: StrategiesParameter,
) -> Json[CheckedPlanVersion]:
    """Stores a plan as a draft, and returns its findings."""
    raw = await raw_body(request, MEDIA, LIMITS)
    await dispatch.attribute_names.write(caller.workspace_id)

    async def prepare() -> Edit[PlanFindings]:
        return await versions.prepare_draft(pool, caller.workspace_id, strategies, raw)

    # The text must be the same byte for byte: parsing it first could take seconds.
    key = key_of(request, {"text": sha256(raw).hexdigest()})
    return await edit_once(pool, caller, key, prepare, _checked_to_json, 201)


@router.get("/plans")
@requires(*READERS)
async def list_plans(
    caller: CallerParameter, pool: PoolParameter, after: AfterNumber = 0, limit: Limit = 100
) -> Json[Page[PlanVersion]]:
    """Lists all versions in order."""
    found, active = await versions.page(pool, caller.workspace_id, min(after, MAX_INT32), limit + 1)
    return await page_of(
        found,
        limit,
        lambda version: _version_to_json(version, version.version == active),
        lambda version: version.version,
    )


@router.get("/plans/schema")
@requires(*READERS)
async def get_plan_schema(strategies: StrategiesParameter) -> Json[dict[str, Any]]:
    """Returns the JSON Schema of a plan."""
    return Json(parse.schema(strategies))


@router.get("/plans/active")
@requires(*READERS, problems=(NotFound,))
async def get_active_plan(
    caller: CallerParameter, pool: PoolParameter, strategies: StrategiesParameter, kept: KeptParameter
) -> Json[PlanVersionDetail]:
    """Returns the active version."""
    return _detail(*await versions.find_checked(pool, caller.workspace_id, None, strategies, kept))


@router.get("/plans/{version}")
@requires(*READERS)
async def get_plan(
    caller: CallerParameter,
    pool: PoolParameter,
    strategies: StrategiesParameter,
    kept: KeptParameter,
    version: Number,
) -> Json[PlanVersionDetail]:
    """Returns one version, with its findings as of now."""
    return _detail(*await versions.find_checked(pool, caller.workspace_id, version, strategies, kept))


@dataclass(frozen=True)
class _Activation:
    """What publishing a version and rolling back to it have in common."""

    caller: CallerParameter
    pool: PoolParameter
    dispatch: DispatchParameter
    strategies: StrategiesParameter
    version: Number
    body: PlanComment | None = None

    async def run(self, how: Activation, key: IdempotencyKey | None) -> Json[CheckedPlanVersion]:
        return await edit_once(self.pool, self.caller, key, partial(self._prepare, how), _checked_to_json)

    async def _prepare(self, how: Activation) -> Edit[PlanFindings]:
        # Compiled before it becomes active, so that no lead waits for it. A version that cannot be compiled
        # is refused below.
        workspace_id, comment = self.caller.workspace_id, self.body.comment if self.body else None
        with suppress(LookupError):
            plan = await self.dispatch.plans.fetch(workspace_id, self.version)
            if plan.table_refs:
                await self.dispatch.plans.tables.fetch(workspace_id, plan.table_refs)
        return await versions.prepare_activation(
            self.pool, workspace_id, self.strategies, self.version, comment, how
        )


ActivationParameter = Annotated[_Activation, Depends()]


@router.post("/plans/{version}/publish")
@requires("plan:approve", problems=(AlreadyActive, PlanInvalid, PlanUnparseable))
async def publish_plan(
    activation: ActivationParameter, key: IdempotencyKeyParameter
) -> Json[CheckedPlanVersion]:
    """Makes a version active for all decisions from now on."""
    return await activation.run("publish", key)


@router.post("/plans/{version}/rollback")
@requires("plan:approve", problems=(AlreadyActive, NeverPublished, PlanInvalid, PlanUnparseable))
async def roll_back_plan(
    activation: ActivationParameter, key: IdempotencyKeyParameter
) -> Json[CheckedPlanVersion]:
    """Makes a version active again that was active before."""
    return await activation.run("rollback", key)


def _detail(stored: StoredPlan, found: Findings) -> Json[PlanVersionDetail]:
    active = stored.version.version == stored.now.entry.plan_version
    checked = _checked_to_json(PlanFindings(stored.version, found.findings, found.tests_run, active))
    return Json({**checked, "document": stored.document, "source_text": stored.source_text})


def _checked_to_json(found: PlanFindings) -> dict[str, Any]:
    return {
        **_version_to_json(found.version, found.active),
        "findings": findings_to_json(found.findings),
        "ok": settles(found.findings),
        "tests_run": found.tests_run,
        "clocks_withdrawn": found.clocks_withdrawn,
    }


def _version_to_json(version: Version, active: bool) -> dict[str, Any]:
    fields = {name: getattr(version, name) for name in PlanVersion.model_fields if name != "active"}
    return {**fields, "active": active}
