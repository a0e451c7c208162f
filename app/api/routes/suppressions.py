"""`/suppressions`: lists of addresses, domains and phone numbers whose leads are blocked."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import ValidationError
from starlette.requests import Request

from app.api.http.auth import requires
from app.api.http.json_response import Json, NoContent, page_of
from app.api.http.parameters import CallerParameter, Limit, PoolParameter
from app.api.http.raw_body import TEXT, documented, raw_body
from app.api.http.routing import StrictRoute
from app.contract import ndjson
from app.contract.faults import validation_failed
from app.contract.ndjson import BulkResult, Tally, check_lines, read_lines
from app.contract.responses import Page
from app.contract.suppressions import (
    LIMITS,
    Reason,
    SuppressionCounts,
    SuppressionEntry,
    SuppressionKeys,
    SuppressionLine,
    SuppressionsAdded,
    SuppressionsInput,
    SuppressionsRemoval,
    SuppressionsRemoved,
)
from app.contract.types import RecordId
from app.directory import suppressions
from app.engine.model.lead_keys import SuppressionKey
from app.errors import Problem
from app.store.life.suppressions import ListCount

router = APIRouter(route_class=StrictRoute, tags=["suppressions"])
AfterId = Annotated[UUID | None, Query(description="`next` of the previous page.")]
OfList = Annotated[RecordId | None, Query(alias="list", description="Only the entries of this list.")]
Why = Annotated[Reason, Query(description="Why, as one word such as `customer_now`. No names.")]
LINES = documented(
    dict.fromkeys(ndjson.MEDIA, TEXT),
    'An entry per line: {"list": "rivals", "domain": "rival.example"}.',
)


@router.get("/suppressions")
@requires("leads:read", "privacy")
async def list_suppressions(
    caller: CallerParameter,
    pool: PoolParameter,
    list_: OfList = None,
    after: AfterId = None,
    limit: Limit = 100,
) -> Json[Page[SuppressionEntry]]:
    """Lists the entries of all suppression lists, or of one, the oldest first."""
    start = str(after) if after is not None else None
    found = await suppressions.list_suppressions(pool, caller.workspace_id, start, limit + 1, list_)
    return await page_of(found, limit, lambda entry: entry, lambda entry: entry.id)


@router.get("/suppressions/counts")
@requires("leads:read", "privacy", "ops")
async def count_suppressions(caller: CallerParameter, pool: PoolParameter) -> Json[SuppressionCounts]:
    """Returns how many entries each suppression list has."""
    return Json({"items": counts_to_json(await suppressions.count_suppressions(pool, caller.workspace_id))})


@router.post("/suppressions")
@requires("directory:write", "privacy", body=LIMITS)
async def add_suppressions(
    caller: CallerParameter, pool: PoolParameter, body: SuppressionsInput
) -> Json[SuppressionsAdded]:
    """Adds entries to a suppression list. Leads that are there stay where they are."""
    by_list = {body.list: [entry.key for entry in body.entries]}
    added = await suppressions.add_suppressions(pool, caller.workspace_id, caller.key_id, by_list)
    return Json(added._asdict())


@router.post("/suppressions/bulk", openapi_extra=LINES)
@requires("directory:write", "privacy", body=ndjson.LIMITS)
async def bulk_add_suppressions(
    request: Request, caller: CallerParameter, pool: PoolParameter
) -> Json[BulkResult]:
    """Adds many entries to suppression lists, one per line."""
    raw = await raw_body(request, ndjson.MEDIA, ndjson.LIMITS)
    check_lines(raw)
    tally = Tally()
    by_list: dict[str, list[SuppressionKey]] = defaultdict(list)
    async for batch in read_lines(raw, _line, suppressions.SLICE):
        for number, line in batch:
            if isinstance(line, Problem):
                tally.add(number, line)
            else:
                by_list[line.list].append(line.key)
    # In one series: each would read the directory, and write a line of the change log.
    added = await suppressions.add_suppressions(pool, caller.workspace_id, caller.key_id, by_list)
    tally.counts.update(added._asdict())
    return Json(tally.to_json())


@router.post("/suppressions/remove")
@requires("privacy", body=LIMITS)
async def remove_suppressions(
    caller: CallerParameter, pool: PoolParameter, body: SuppressionsRemoval
) -> Json[SuppressionsRemoved]:
    """Takes entries off a suppression list. Blocked leads stay so until they are reassigned or return."""
    keys = [entry.key for entry in body.entries]
    removed = await suppressions.remove_suppressions(
        pool, caller.workspace_id, caller.key_id, body.list, keys, body.reason
    )
    return Json({"removed": removed})


@router.post("/suppressions/keys")
@requires("privacy")
async def rotate_suppression_key(caller: CallerParameter, pool: PoolParameter) -> Json[SuppressionKeys]:
    """Makes a new key for suppression lists. Entries keep theirs, and block, until they are added again."""
    return Json({"key_ids": await suppressions.rotate_key(pool, caller.workspace_id, caller.key_id)})


@router.delete("/suppressions/{suppression_id}")
@requires("privacy")
async def delete_suppression(
    caller: CallerParameter, pool: PoolParameter, suppression_id: UUID, reason: Why
) -> NoContent:
    """Takes an entry off its list. Leads that were blocked stay so until they are reassigned or return."""
    id_ = str(suppression_id)
    await suppressions.delete_suppression(pool, caller.workspace_id, caller.key_id, id_, reason)
    return NoContent()


def counts_to_json(counts: Sequence[ListCount]) -> list[dict[str, Any]]:
    """The counts of each list in one row."""
    found: dict[str, dict[str, Any]] = {}
    for each in counts:
        empty = {"list": each.list, "email": 0, "domain": 0, "phone": 0, "entries": 0, "of_older_keys": 0}
        row = found.setdefault(each.list, empty)
        row[each.kind] = each.entries
        row["entries"] += each.entries
        row["of_older_keys"] += each.of_older_keys
    return list(found.values())


def _line(sent: Any) -> SuppressionLine:
    try:
        return SuppressionLine.model_validate(sent)
    except ValidationError as refused:
        raise validation_failed(refused, model=SuppressionLine) from None
