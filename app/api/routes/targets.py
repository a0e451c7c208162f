"""`/targets`: where actions and decisions are sent as signed webhooks, and what became of each."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request

from app.api.http.auth import requires
from app.api.http.json_response import Json, NoContent, etag, page_of
from app.api.http.parameters import (
    After,
    AfterNumber,
    CallerParameter,
    Limit,
    Patch,
    PathId,
    PoolParameter,
    PreconditionParameter,
)
from app.api.http.routing import StrictRoute
from app.api.routes.crud import created
from app.contract.directory import parse_id, parse_record, to_record
from app.contract.responses import Page
from app.contract.targets import (
    STATES,
    Delivery,
    DeliveryResendRequest,
    DeliveryResults,
    DeliveryState,
    SecretInput,
    Target,
    TargetInput,
    TargetSettings,
    delivery_to_json,
    results_to_json,
    target_to_json,
)
from app.directory.merge_patch import merge_patch
from app.errors import LastSecret, NotFound, RestoredCopy, SecretsKeyMissing
from app.outbox.targets import ShownTarget, Targets

router = APIRouter(route_class=StrictRoute, tags=["targets"])


async def _targets(request: Request, caller: CallerParameter, pool: PoolParameter) -> Targets:
    state = request.app.state
    return Targets(pool, state.target_http, state.secret_box, caller.workspace_id, caller.key_id)


TargetsParameter = Annotated[Targets, Depends(_targets)]
State = Annotated[DeliveryState | None, Query(description="Only those in this state.")]


@router.put("/targets/{id}", responses=created(Target))
@requires("admin", problems=(SecretsKeyMissing,))
async def upsert_target(
    targets: TargetsParameter, on: PreconditionParameter, id: PathId, body: TargetInput
) -> Json[Target]:
    """Creates or replaces a target. Its secrets stay."""
    record = to_record(body)
    secret = record.pop("secret")

    def make(before: Any) -> dict[str, Any]:
        if before is None:
            parse_id(id)
        return record

    return _answer(await targets.write(id, make, on, secret))


@router.patch("/targets/{id}")
@requires("admin")
async def update_target(
    targets: TargetsParameter, on: PreconditionParameter, id: PathId, body: Patch
) -> Json[Target]:
    """Changes some fields of a target (RFC 7396). Null removes a field."""

    def make(before: Any) -> dict[str, Any]:
        if before is None:
            raise NotFound()
        return parse_record(TargetSettings, merge_patch(before, body))

    return _answer(await targets.write(id, make, on, None))


@router.get("/targets/{id}")
@requires("admin")
async def get_target(targets: TargetsParameter, id: PathId) -> Json[Target]:
    """Returns a target."""
    return _answer(await targets.find(id))


@router.get("/targets")
@requires("admin")
async def list_targets(
    targets: TargetsParameter, after: After = "", limit: Limit = 100
) -> Json[Page[Target]]:
    """Lists targets, ordered by id."""
    found = await targets.page(after, limit + 1)
    return await page_of(found, limit, target_to_json, lambda shown: shown.target.id)


@router.delete("/targets/{id}")
@requires("admin")
async def delete_target(targets: TargetsParameter, on: PreconditionParameter, id: PathId) -> NoContent:
    """Deletes a target and its messages."""
    await targets.delete(id, on)
    return NoContent()


@router.post("/targets/{id}/secrets")
@requires("admin", problems=(SecretsKeyMissing,))
async def add_target_secret(
    targets: TargetsParameter, id: PathId, body: SecretInput | None = None
) -> Json[Target]:
    """Adds a secret. Messages are signed with both; the oldest of three goes."""
    return _answer(await targets.add_secret(id, body.secret if body is not None else None))


@router.delete("/targets/{id}/secrets/{secret_id}")
@requires("admin", problems=(LastSecret,))
async def delete_target_secret(targets: TargetsParameter, id: PathId, secret_id: PathId) -> NoContent:
    """Deletes a secret. Messages are no longer signed with it."""
    await targets.delete_secret(id, secret_id)
    return NoContent()


@router.get("/targets/{id}/deliveries")
@requires("admin")
async def list_deliveries(
    targets: TargetsParameter, id: PathId, after: AfterNumber = 0, limit: Limit = 100, state: State = None
) -> Json[Page[Delivery]]:
    """Lists the messages to a target in the order they were made."""
    found = await targets.deliveries(id, [state] if state else STATES, after, limit + 1)
    return await page_of(found, limit, delivery_to_json, lambda message: message.sequence)


@router.post("/targets/{id}/resend")
@requires("admin", problems=(RestoredCopy,))
async def resend_deliveries(
    targets: TargetsParameter, id: PathId, body: DeliveryResendRequest
) -> Json[DeliveryResults]:
    """Sends dead messages once more, in their old order, unless a later one has replaced them."""
    ids = list(dict.fromkeys(body.ids))
    return Json(results_to_json(ids, await targets.resend(id, ids)))


def _answer(shown: ShownTarget) -> Json[Target]:
    status = 201 if shown.created else 200
    return Json(target_to_json(shown), status, etag(shown.target.revision))
