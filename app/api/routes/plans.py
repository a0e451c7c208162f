"""`/plans`: the versions of the routing plan, drafted, published and rolled back."""

from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path
from starlette.requests import Request

from app.api.http.auth import Caller, requires
from app.api.http.idempotency import HEADER, edit_once, key_of
from app.api.http.json_response import Json, KeptJson, page_of
from app.api.http.parameters import (
    MAX_INT32,
    AfterNumber,
    CallerParameter,
    CapabilitiesParameter,
    DispatchParameter,
    IdempotencyKeyParameter,
    Limit,
    PoolParameter,
    StrategiesParameter,
    from_state,
)
from app.api.http.raw_body import TEXT, documented, raw_body
from app.api.http.routing import StrictRoute
from app.api.routes.assign import assign_job
from app.contract.findings import findings_to_json
from app.contract.limits import KIB, BodyLimits
from app.contract.plans import CheckedPlanVersion, LeadToTry, PlanComment, PlanVersion, PlanVersionDetail
from app.contract.requests import AssignRequest
from app.contract.responses import Decision, Page
from app.directory.edit_once import Edit
from app.dispatch.dispatcher import Dispatcher
from app.dispatch.jobs.base import Reply
from app.errors import (
    AlreadyActive,
    LeadNotDecided,
    NeverPublished,
    NotFound,
    PlanInvalid,
    PlanUnparseable,
    Problem,
)
from app.plan.findings import settles
from app.plan_check import parse
from app.plan_check.capabilities import Capabilities
from app.plans import versions
from app.plans.kept_findings import Findings, KeptFindings
from app.plans.versions import Activation, PlanFindings, StoredPlan
from app.store.connection.pool import Pool
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
    capabilities: CapabilitiesParameter,
) -> Json[CheckedPlanVersion]:
    """Stores a plan as a draft, and returns its findings."""
    raw = await raw_body(request, MEDIA, LIMITS)
    # The text must be the same byte for byte: parsing it first could take seconds.
    key = key_of(request, {"text": sha256(raw).hexdigest()})
    return await add_draft(caller, pool, dispatch, capabilities, raw, key)


async def add_draft(
    caller: Caller,
    pool: Pool,
    dispatch: Dispatcher,
    capabilities: Capabilities,
    raw: bytes,
    key: IdempotencyKey | None,
    comment: str | None = None,
) -> Json[CheckedPlanVersion]:
    """Stores a text as a draft, once for each key. Raises PlanUnparseable."""
    await dispatch.attribute_names.write(caller.workspace_id)

    async def prepare() -> Edit[PlanFindings]:
        return await versions.prepare_draft(pool, caller.workspace_id, capabilities, raw, comment)

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
async def get_plan_schema(request: Request, strategies: StrategiesParameter) -> Json[dict[str, Any]]:
    """Returns the JSON Schema of a plan."""
    kept: KeptJson = request.app.state.kept_json
    return await kept.answer("plan_schema", lambda: parse.schema(strategies))


@router.get("/plans/active")
@requires(*READERS, problems=(NotFound,))
async def get_active_plan(
    caller: CallerParameter, pool: PoolParameter, capabilities: CapabilitiesParameter, kept: KeptParameter
) -> Json[PlanVersionDetail]:
    """Returns the active version."""
    return _detail(*await versions.find_checked(pool, caller.workspace_id, None, capabilities, kept))


@router.get("/plans/{version}")
@requires(*READERS)
async def get_plan(
    caller: CallerParameter,
    pool: PoolParameter,
    capabilities: CapabilitiesParameter,
    kept: KeptParameter,
    version: Number,
) -> Json[PlanVersionDetail]:
    """Returns one version, with its findings as of now."""
    return _detail(*await versions.find_checked(pool, caller.workspace_id, version, capabilities, kept))


@dataclass(frozen=True)
class PlanActivation:
    """What publishing a version and rolling back to it have in common."""

    caller: CallerParameter
    pool: PoolParameter
    dispatch: DispatchParameter
    capabilities: CapabilitiesParameter
    version: Number

    async def run(
        self, how: Activation, comment: str | None, key: IdempotencyKey | None
    ) -> Json[CheckedPlanVersion]:
        """Makes the version active, once for each key. Raises what `prepare_activation` raises."""
        prepare = partial(self._prepare, how, comment)
        return await edit_once(self.pool, self.caller, key, prepare, _checked_to_json)

    async def _prepare(self, how: Activation, comment: str | None) -> Edit[PlanFindings]:
        # Compiled before it becomes active, so that no lead waits for it. A version that cannot be compiled
        # is refused below.
        workspace_id = self.caller.workspace_id
        with suppress(LookupError):
            plan = await self.dispatch.plans.fetch(workspace_id, self.version)
            if plan.table_refs:
                await self.dispatch.plans.tables.fetch(workspace_id, plan.table_refs)
        return await versions.prepare_activation(
            self.pool, workspace_id, self.capabilities, self.version, comment, how
        )


ActivationParameter = Annotated[PlanActivation, Depends()]


@router.post("/plans/{version}/publish")
@requires("plan:approve", problems=(AlreadyActive, PlanInvalid, PlanUnparseable))
async def publish_plan(
    activation: ActivationParameter, key: IdempotencyKeyParameter, body: PlanComment | None = None
) -> Json[CheckedPlanVersion]:
    """Makes a version active for all decisions from now on."""
    return await activation.run("publish", body.comment if body else None, key)


@router.post("/plans/{version}/rollback")
@requires("plan:approve", problems=(AlreadyActive, NeverPublished, PlanInvalid, PlanUnparseable))
async def roll_back_plan(
    activation: ActivationParameter, key: IdempotencyKeyParameter, body: PlanComment | None = None
) -> Json[CheckedPlanVersion]:
    """Makes a version active again that was active before."""
    return await activation.run("rollback", body.comment if body else None, key)


@router.post("/plans/{version}/dry-run")
@requires("assign", problems=(NotFound, PlanInvalid, LeadNotDecided), decides_leads=True)
async def dry_run_plan(
    caller: CallerParameter,
    pool: PoolParameter,
    dispatch: DispatchParameter,
    capabilities: CapabilitiesParameter,
    kept: KeptParameter,
    version: Number,
    body: LeadToTry,
) -> Json[Decision]:
    """Returns what this version would decide about a lead now, and stores nothing."""
    reply = await try_version(caller, pool, dispatch, capabilities, kept, version, body)
    return Json(reply.body)


async def try_version(
    caller: Caller,
    pool: Pool,
    dispatch: Dispatcher,
    capabilities: Capabilities,
    kept: KeptFindings,
    version: int,
    body: LeadToTry,
) -> Reply:
    """What a version would decide about a lead now. A version whose tests fail can be tried.

    Raises NotFound, and PlanInvalid for one with other errors.
    """
    _, found = await versions.find_checked(pool, caller.workspace_id, version, capabilities, kept)
    if errors := [each for each in found.findings if each.severity == "error" and each.code != "test_failed"]:
        raise PlanInvalid(faults=parse.faults(errors, "plan"))
    job = assign_job(caller, AssignRequest.model_construct(**dict(body), dry_run=True), None)
    (reply,) = await dispatch.dry_run_all(caller.workspace_id, [job], version)
    if isinstance(reply, Problem):
        raise reply
    return reply


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
