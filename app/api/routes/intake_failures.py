"""`/intake`: what forms sent and nothing could be made of yet, and test leads."""

from typing import Annotated, Any
from uuid import UUID

import orjson
from fastapi import APIRouter, Query
from starlette.requests import Request

from app.api.http.auth import requires
from app.api.http.json_response import Json, page_of
from app.api.http.parameters import CallerParameter, Limit, PoolParameter
from app.api.http.raw_body import TEXT, documented, media_type, raw_body
from app.api.http.routing import StrictRoute
from app.contract.endpoints import RetryInput, RetryResult
from app.contract.forms import CompletionInput, IntakeFailure, IntakeFailureDetail, TestLead, UploadResult
from app.contract.responses import Page
from app.contract.table_formats import CSV, JSON, LIMITS
from app.forms import failed
from app.store.crm.failures import Failure
from app.store.forms import test_leads
from app.webhooks import failures

router = APIRouter(route_class=StrictRoute, tags=["forms"])
AfterId = Annotated[UUID | None, Query(description="`next` of the previous page.")]
UploadEndpoint = Annotated[str, Query(max_length=255, description="The endpoint whose leads are uploaded.")]
UPLOAD = documented(
    {CSV: TEXT, JSON: {"title": "Leads", "type": ["array", "object"]}},
    "The export of a form tool, in UTF-8, UTF-16 or Windows-1252, with the ids of the leads; or JSON.",
)
EndpointId = Annotated[str | None, Query(max_length=255, description="Only failures of this endpoint.")]


@router.get("/intake/failures")
@requires("admin")
async def list_intake_failures(
    caller: CallerParameter,
    pool: PoolParameter,
    endpoint: EndpointId = None,
    after: AfterId = None,
    limit: Limit = 100,
) -> Json[Page[IntakeFailure]]:
    """Lists what forms sent and is no lead yet, the oldest first, without what it holds."""
    start = str(after) if after is not None else None
    found = await failures.page(pool, caller.workspace_id, endpoint, start, limit + 1, of_forms=True)
    return await page_of(found, limit, _failure, lambda failure: failure.id)


@router.post("/intake/failures/retry")
@requires("admin")
async def retry_intake_failures(
    caller: CallerParameter, pool: PoolParameter, body: RetryInput
) -> Json[RetryResult]:
    """Reads all failures of an endpoint again, for example after its mapping was corrected."""
    retried, more = await failures.retry_endpoint(pool, caller.workspace_id, body.endpoint)
    return Json({"retried": retried, "has_more": more})


@router.post("/intake/failures/upload", openapi_extra=UPLOAD)
@requires("admin")
async def upload_leads(
    request: Request, caller: CallerParameter, pool: PoolParameter, endpoint: UploadEndpoint
) -> Json[UploadResult]:
    """Completes what came as ids only with leads that were taken out of the form tool.

    The file is an export of the tool as CSV, or JSON in the shape of its interface or flat. Its rows are
    found by their ids; each lead is decided once, however often it is uploaded or fetched.
    """
    raw = await raw_body(request, (CSV, JSON), LIMITS)
    is_json = media_type(request) == JSON
    done = await failed.upload(pool, caller.workspace_id, endpoint, raw, is_json=is_json)
    return Json({"completed": done.completed, "not_waiting": done.not_waiting, "unreadable": done.unreadable})


@router.get("/intake/failures/{problem_id}")
@requires("privacy")
async def get_intake_failure(
    caller: CallerParameter, pool: PoolParameter, problem_id: UUID
) -> Json[IntakeFailureDetail]:
    """Returns a failure with what is kept of its delivery."""
    failure, body, fetch = await failed.find(pool, caller.workspace_id, str(problem_id))
    shown = body.decode("utf-8", "replace") if body else None
    return Json({**_failure(failure), "body": shown, "fetch": fetch})


@router.post("/intake/failures/{problem_id}/retry")
@requires("admin")
async def retry_intake_failure(
    caller: CallerParameter, pool: PoolParameter, problem_id: UUID
) -> Json[RetryResult]:
    """Reads a failure again."""
    await failures.retry(pool, caller.workspace_id, str(problem_id), of_forms=True)
    return Json({"retried": 1, "has_more": False})


@router.post("/intake/failures/{problem_id}/complete")
@requires("admin")
async def complete_intake_failure(
    caller: CallerParameter, pool: PoolParameter, problem_id: UUID, body: CompletionInput
) -> Json[RetryResult]:
    """Supplies the lead of a delivery that had only ids, or cannot be read. It is decided as any other."""
    sent = body.lead.model_dump(mode="json", exclude_none=True)
    await failed.complete(pool, caller.workspace_id, str(problem_id), sent)
    return Json({"retried": 1, "has_more": False})


@router.get("/intake/tests")
@requires("leads:read")
async def list_test_leads(
    caller: CallerParameter, pool: PoolParameter, after: AfterId = None, limit: Limit = 100
) -> Json[Page[TestLead]]:
    """Lists the test leads of the last seven days, the oldest first, with the owner each would have got."""
    start = str(after) if after is not None else None
    found = await failed.page_of_tests(pool, caller.workspace_id, start, limit + 1)
    return await page_of(found, limit, _test, lambda test: test.id)


def _test(test: test_leads.TestLead) -> dict[str, Any]:
    return {
        "id": test.id,
        "endpoint": test.endpoint_id,
        "at": test.at,
        "lead": orjson.loads(test.lead),
        "decision": orjson.loads(test.decision),
    }


def _failure(failure: Failure) -> dict[str, Any]:
    return {
        "id": failure.id,
        "endpoint": failure.endpoint_id,
        "code": failure.code,
        "problem": failed.problem_of(failure.code),
        "tries": failure.tries,
        "received_at": failure.received_at,
        "failed_at": failure.ended_at,
    }
