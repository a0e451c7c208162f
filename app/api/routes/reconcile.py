"""`/records` and `/reconcile`: what somebody read in a CRM, and lists of what the CRM has."""

from typing import Any

from fastapi import APIRouter

from app import places
from app.api.http.auth import requires
from app.api.http.idempotency import edit_once
from app.api.http.json_response import Json
from app.api.http.parameters import CallerParameter, DispatchParameter, IdempotencyKeyParameter, PoolParameter
from app.api.http.routing import StrictRoute
from app.contract.reconcile import (
    LIST_LIMITS,
    RECORD_LIMITS,
    ReconcileOwnersRequest,
    ReconcileOwnersResult,
    ReconcileRequest,
    ReconcileResult,
    RecordsRequest,
    RecordsResult,
)
from app.directory.edit_once import Edit
from app.directory.editing import DirectoryEdit
from app.pace import paced
from app.webhooks import reconcile
from app.webhooks.crm_events import CrmRecord
from app.webhooks.effects import Applied, Effects
from app.webhooks.read_records import DeliveredRecord, take_records
from app.webhooks.reconcile import Comparison, CrmList, Line, ListedRecord
from app.webhooks.sources import find_source
from app.webhooks.user_list import FollowedUser, ListedUser, follow_users

router = APIRouter(route_class=StrictRoute, tags=["webhooks"])


# Like a webhook, this only reports what is so in the CRM, so the executor's key needs no more than `events`.
@router.post("/records")
@requires("events", body=RECORD_LIMITS)
async def take_read_records(
    caller: CallerParameter,
    dispatch: DispatchParameter,
    pool: PoolParameter,
    key: IdempotencyKeyParameter,
    body: RecordsRequest,
) -> Json[RecordsResult]:
    """Takes records of a CRM that `read_record` actions asked for."""
    source = await find_source(pool, caller.workspace_id, body.endpoint)
    read = [
        DeliveredRecord(CrmRecord(each.object, each.id), each.fields, each.at, deleted=each.deleted)
        for each in body.records
    ]

    async def prepare() -> Edit[list[Applied]]:
        # Taking a record again changes nothing, so it may come before the reply is stored.
        async with places.LISTS.take(caller.workspace_id):
            taken = await take_records(Effects(pool, dispatch), caller.workspace_id, source, read)
        return _nothing_more(taken)

    def to_json(taken: list[Applied]) -> dict[str, Any]:
        return {"items": [_taken(each, applied) for each, applied in zip(read, taken, strict=True)]}

    return await edit_once(pool, caller, key, prepare, to_json)


# The lists of a CRM overrule what is stored here, for many leads and owners at once.
@router.post("/reconcile")
@requires("directory:write", body=LIST_LIMITS)
async def reconcile_leads(
    caller: CallerParameter,
    dispatch: DispatchParameter,
    pool: PoolParameter,
    key: IdempotencyKeyParameter,
    body: ReconcileRequest,
) -> Json[ReconcileResult]:
    """Compares the CRM's list of leads with what is stored. With `apply`, a job moves what differs."""
    terms = (await find_source(pool, caller.workspace_id, body.endpoint)).terms()
    records = [ListedRecord(each.id, each.owner, each.object, each.modified_at) for each in body.leads]
    listed = CrmList(records, body.as_of, body.complete)

    async def compare() -> Comparison:
        return await reconcile.compare(pool, dispatch.plans, caller.workspace_id, terms, listed)

    if not body.apply:
        return Json(await _compared(await compare()))

    async def prepare() -> Edit[dict[str, Any]]:
        compared = await compare()
        answer = await _compared(compared)

        async def change(edit: DirectoryEdit) -> dict[str, Any]:
            job = await reconcile.apply(edit, compared)
            return {**answer, "job": {"job_id": job.id, "total": job.total} if job is not None else None}

        return change

    return await edit_once(pool, caller, key, prepare, dict)


@router.post("/reconcile/owners")
@requires("directory:write", body=LIST_LIMITS)
async def reconcile_owners(
    caller: CallerParameter, pool: PoolParameter, key: IdempotencyKeyParameter, body: ReconcileOwnersRequest
) -> Json[ReconcileOwnersResult]:
    """Takes the CRM's list of its users: who is deactivated or out of office there is so here."""
    terms = (await find_source(pool, caller.workspace_id, body.endpoint)).terms()
    users = [
        ListedUser(
            id=each.id,
            email=each.email,
            active=each.active,
            away=each.out_of_office is not None if "out_of_office" in each.model_fields_set else None,
            away_from=each.out_of_office.from_ if each.out_of_office is not None else None,
            away_until=each.out_of_office.to if each.out_of_office is not None else None,
        )
        for each in body.owners
    ]

    async def prepare() -> Edit[list[FollowedUser]]:
        # The same list changes nothing the second time, so it may come before the reply is stored.
        async with places.LISTS.take(caller.workspace_id):
            followed = await follow_users(
                pool, caller.workspace_id, caller.key_id, terms, users, body.as_of, link=body.link
            )
        return _nothing_more(followed)

    return await edit_once(pool, caller, key, prepare, _followed)


def _nothing_more(result: Any) -> Edit[Any]:
    """An edit of nothing: only the reply is stored."""

    async def change(_: DirectoryEdit) -> Any:
        return result

    return change


def _taken(read: DeliveredRecord, applied: Applied) -> dict[str, Any]:
    return {
        "object": read.record.object,
        "id": read.record.id,
        "result": "waiting" if applied.result == "wait" else applied.result,
        "code": applied.code,
        "lead_id": applied.lead_id,
    }


async def _compared(compared: Comparison) -> dict[str, Any]:
    items = [_line(each) async for each in paced(reconcile.differing(compared))]
    return {"counts": compared.counts(), "job": None, "items": items}


def _line(line: Line) -> dict[str, Any]:
    to = line.to
    return {
        "object": line.object,
        "id": line.id,
        "result": line.result,
        "crm_owner": line.crm_owner,
        "lead_id": line.lead_id,
        "owner": line.owner,
        "queue": line.queue,
        "to_owner": to.name if to is not None and to.kind == "owner" else None,
        "to_queue": to.name if to is not None and to.kind == "queue" else None,
    }


def _followed(users: list[FollowedUser]) -> dict[str, Any]:
    said = [each for each in users if each.results != ["unchanged"]]
    return {
        "unchanged": len(users) - len(said),
        "items": [{"id": each.id, "owner": each.owner, "results": list(each.results)} for each in said],
    }
