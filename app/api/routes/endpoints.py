"""`/endpoints`: where CRMs send their webhooks, and their secrets."""

from collections.abc import Mapping
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends

from app.api.http.auth import requires
from app.api.http.json_response import Json, NoContent, etag, page_of
from app.api.http.parameters import (
    After,
    CallerParameter,
    Limit,
    Patch,
    PathId,
    PreconditionParameter,
    from_state,
)
from app.api.http.routing import StrictRoute
from app.api.routes.crud import created
from app.contract.directory import parse_id, parse_record, to_record
from app.contract.endpoints import (
    Endpoint,
    EndpointInput,
    EndpointSecret,
    EndpointSecretInput,
    EndpointSettings,
    EndpointToken,
    EndpointTokenInput,
)
from app.contract.responses import Page
from app.directory.merge_patch import merge_patch
from app.errors import NotFound, SecretsKeyMissing, SecretUnreadable
from app.store.crm.endpoints import StoredSecret
from app.store.forms.fetches import StoredToken
from app.webhooks.endpoints import Endpoints, EndpointView
from app.webhooks.receive import Receiver

router = APIRouter(route_class=StrictRoute, tags=["webhooks"])
EndpointsParameter = Annotated[Endpoints, Depends(from_state("endpoints"))]
ReceiverParameter = Annotated[Receiver, Depends(from_state("receiver"))]
KEY_PROBLEMS = (SecretsKeyMissing, SecretUnreadable)


@router.get("/endpoints")
@requires("admin", problems=KEY_PROBLEMS)
async def list_endpoints(
    caller: CallerParameter,
    endpoints: EndpointsParameter,
    receiver: ReceiverParameter,
    after: After = "",
    limit: Limit = 100,
) -> Json[Page[Endpoint]]:
    """Lists endpoints, ordered by id."""
    await receiver.tally.write()
    found = await endpoints.page(caller.workspace_id, after, limit + 1)
    return await page_of(found, limit, to_json, lambda view: view.record.id)


@router.get("/endpoints/{id}")
@requires("admin", problems=KEY_PROBLEMS)
async def get_endpoint(
    caller: CallerParameter, endpoints: EndpointsParameter, receiver: ReceiverParameter, id: PathId
) -> Json[Endpoint]:
    """Returns an endpoint: its path, what comes, and what needs attention."""
    await receiver.tally.write()
    return _shown(await endpoints.find(caller.workspace_id, id))


@router.put("/endpoints/{id}", responses=created(Endpoint))
@requires("admin", problems=KEY_PROBLEMS)
async def upsert_endpoint(
    caller: CallerParameter,
    endpoints: EndpointsParameter,
    on: PreconditionParameter,
    id: PathId,
    body: EndpointInput,
) -> Json[Endpoint]:
    """Creates or replaces an endpoint. Its path stays the same, and so do its secrets once it exists."""
    record = _without_secrets(to_record(body))
    view, new = await endpoints.write(
        caller.workspace_id, caller.key_id, parse_id(id), lambda _: record, on, body.secrets, body.token
    )
    return _shown(view, 201 if new else 200)


@router.patch("/endpoints/{id}")
@requires("admin", problems=KEY_PROBLEMS)
async def update_endpoint(
    caller: CallerParameter,
    endpoints: EndpointsParameter,
    on: PreconditionParameter,
    id: PathId,
    body: Patch,
) -> Json[Endpoint]:
    """Changes some fields of an endpoint (RFC 7396). Null removes a field. Secrets stay as they are."""

    def make(before: Mapping[str, Any] | None) -> dict[str, Any]:
        if before is None:
            raise NotFound()
        return parse_record(EndpointSettings, merge_patch(before, _without_secrets(body)))

    view, _ = await endpoints.write(caller.workspace_id, caller.key_id, id, make, on)
    return _shown(view)


@router.delete("/endpoints/{id}")
@requires("admin")
async def delete_endpoint(
    caller: CallerParameter, endpoints: EndpointsParameter, on: PreconditionParameter, id: PathId
) -> NoContent:
    """Deletes an endpoint, with its path, its secrets, and every event that is not processed yet."""
    await endpoints.delete(caller.workspace_id, caller.key_id, id, on)
    return NoContent()


@router.post("/endpoints/{id}/path")
@requires("admin", problems=KEY_PROBLEMS)
async def rotate_endpoint_path(
    caller: CallerParameter, endpoints: EndpointsParameter, id: PathId
) -> Json[Endpoint]:
    """Gives the endpoint of a form a new path. The former one works for seven more days."""
    return _shown(await endpoints.rotate_path(caller.workspace_id, caller.key_id, id))


@router.post("/endpoints/{id}/secrets", status_code=201)
@requires("admin", problems=KEY_PROBLEMS)
async def add_endpoint_secret(
    caller: CallerParameter, endpoints: EndpointsParameter, id: PathId, body: EndpointSecretInput
) -> Json[EndpointSecret]:
    """Adds a secret, so that the CRM can change to it. Both are valid; of three, the oldest goes."""
    stored = await endpoints.add_secret(caller.workspace_id, caller.key_id, id, body.secret)
    return Json(_secret(stored), 201)


@router.delete("/endpoints/{id}/secrets/{secret_id}")
@requires("admin")
async def delete_endpoint_secret(
    caller: CallerParameter, endpoints: EndpointsParameter, id: PathId, secret_id: UUID
) -> NoContent:
    """Deletes a secret. Deliveries that it signed are refused from now on."""
    await endpoints.delete_secret(caller.workspace_id, caller.key_id, id, str(secret_id))
    return NoContent()


@router.put("/endpoints/{id}/token")
@requires("admin", problems=KEY_PROBLEMS)
async def set_endpoint_token(
    caller: CallerParameter, endpoints: EndpointsParameter, id: PathId, body: EndpointTokenInput
) -> Json[EndpointToken]:
    """Sets the token with which leads are fetched of which a form tool tells only the ids.

    What waits for a token is fetched with it.
    """
    stored = await endpoints.set_token(caller.workspace_id, caller.key_id, id, body.token)
    return Json(_token(stored))


@router.delete("/endpoints/{id}/token")
@requires("admin")
async def delete_endpoint_token(
    caller: CallerParameter, endpoints: EndpointsParameter, id: PathId
) -> NoContent:
    """Deletes the token. Nothing is fetched until there is another one."""
    await endpoints.delete_token(caller.workspace_id, caller.key_id, id)
    return NoContent()


def _shown(view: EndpointView, status: int = 200) -> Json[Endpoint]:
    return Json(to_json(view), status, etag(view.record.revision))


def to_json(view: EndpointView) -> dict[str, Any]:
    """An endpoint as it is returned."""
    events = sum(hour.events for hour in view.hours)
    days = {hour.hour.date() for hour in view.hours}
    span = (max(days) - min(days)).days + 1 if days else 1
    return {
        "id": view.record.id,
        **view.record.body,
        "path": view.path,
        "former_path": view.former_path,
        "former_path_ends_at": view.former_path_ends_at,
        "token": _token(view.token) if view.token is not None else None,
        "last_handshake_at": view.last_handshake_at,
        "secrets": [_secret(each) for each in view.secrets],
        "last_delivery_at": max((h.last_at for h in view.hours if h.last_at is not None), default=None),
        "usual_per_day": round(events / span, 1),
        "refused": sum(hour.refused for hour in view.hours),
        "duplicates": sum(hour.duplicates for hour in view.hours),
        "unrecognized": sum(hour.unrecognized for hour in view.hours),
        "waiting": view.backlog.waiting,
        "failures": view.backlog.failed,
        "findings": [
            {"code": each.code, "detail": each.detail, "since": each.since, "until": each.until}
            for each in view.findings
        ],
        "revision": view.record.revision,
        "updated_at": view.record.updated_at,
    }


def _secret(stored: StoredSecret) -> dict[str, Any]:
    return {
        "id": stored.id,
        "fingerprint": stored.fingerprint,
        "since": stored.created_at,
        "last_used_at": stored.last_used_at,
    }


def _token(stored: StoredToken) -> dict[str, Any]:
    return {
        "fingerprint": stored.fingerprint,
        "since": stored.created_at,
        "last_fetched_at": stored.fetched_at,
        "problem": stored.code,
        "failed_at": stored.failed_at,
        "paused_until": stored.paused_until if not stored.refused else None,
    }


def _without_secrets(body: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name not in ("secrets", "token")}
