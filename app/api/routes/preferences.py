"""`/leads/{lead_id}/preferences`: what the person behind a lead allows."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter

from app.api.http.auth import requires
from app.api.http.json_response import Json, etag
from app.api.http.parameters import (
    CallerParameter,
    DispatchParameter,
    PoolParameter,
    PreconditionParameter,
)
from app.api.http.routing import StrictRoute
from app.contract.preferences import PreferencesInput, PreferencesShown
from app.dispatch.jobs.set_preferences import SetPreferences
from app.engine.life.preferences import NO_PREFERENCES
from app.errors import NotFound, PreconditionFailed
from app.store.connection.pool import Pool, transaction
from app.store.life.preferences import find_preference_changes, find_preferences
from app.store.privacy.held_data import find_person

router = APIRouter(route_class=StrictRoute, tags=["leads"])


@router.get("/leads/{lead_id}/preferences")
@requires("leads:read", "events", "privacy")
async def get_preferences(
    caller: CallerParameter, pool: PoolParameter, lead_id: UUID
) -> Json[PreferencesShown]:
    """Returns what the person behind a lead allows, and how that came about."""
    return await _shown(pool, caller.workspace_id, str(lead_id))


@router.put("/leads/{lead_id}/preferences")
@requires("events", "privacy", problems=(PreconditionFailed,))
async def put_preferences(
    caller: CallerParameter,
    pool: PoolParameter,
    dispatch: DispatchParameter,
    on: PreconditionParameter,
    lead_id: UUID,
    body: PreferencesInput,
) -> Json[PreferencesShown]:
    """Says what the person behind a lead allows from now on."""
    job = SetPreferences(
        lead_id=str(lead_id),
        wishes=body.wishes(),
        origin=body.origin,
        at=body.at,
        proof={name: getattr(body, name) for name in ("form", "field", "text_version", "reason")},
        quiet=body.quiet_hours.value() if body.quiet_hours is not None else None,
        caps=tuple(cap.value() for cap in body.frequency),
        on=on,
        actor=caller.key_id,
        may_lift=caller.may("privacy"),
    )
    await dispatch.ask(caller.workspace_id, job)
    return await _shown(pool, caller.workspace_id, str(lead_id))


async def _shown(pool: Pool, workspace_id: int, lead_id: str) -> Json[Any]:
    async with transaction(pool, workspace_id, read_only=True) as connection:
        there, found = await find_preferences(connection, workspace_id, lead_id)
        if not there:
            raise NotFound()
        ids = await find_person(connection, workspace_id, lead_id)
        history = await find_preference_changes(connection, workspace_id, ids)
    preferences = found or NO_PREFERENCES
    stored = preferences.to_json()
    revision = stored.pop("version")
    return Json({"lead_id": lead_id, "revision": revision, **stored, "history": history}, 200, etag(revision))
