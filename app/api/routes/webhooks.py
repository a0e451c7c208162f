"""`/webhooks`: what CRMs send, and what of it could not be processed."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from app.api.http.auth import FailureLimit, public, requires
from app.api.http.client_address import client_of, peer_of
from app.api.http.json_response import Json, page_of
from app.api.http.parameters import CallerParameter, Limit, PathId, PoolParameter
from app.api.http.raw_body import TEXT, documented
from app.api.http.routing import RawRoute, StrictRoute, read
from app.contract.endpoints import CrmFinding, RetryInput, RetryResult, WebhookFailure, WebhookFailureDetail
from app.contract.limits import KIB, BodyLimits
from app.contract.responses import Page
from app.errors import NotFound, TooManyFailures, WebhookRefused
from app.store.crm.failures import Failure
from app.store.crm.findings import Finding
from app.webhooks import crm_findings, failures
from app.webhooks.crm_events import WebhookRequest
from app.webhooks.known_endpoints import KnownEndpoint
from app.webhooks.receive import Receiver

hot = APIRouter(route_class=RawRoute, tags=["webhooks"])
router = APIRouter(route_class=StrictRoute, tags=["webhooks"])
LIMITS = BodyLimits(size=1024 * KIB)
XML_LIMITS = BodyLimits(size=256 * KIB)
BODY = documented({"application/json": TEXT, "text/xml": TEXT}, "What the CRM sends, as it sends it.")
AfterId = Annotated[UUID | None, Query(description="`next` of the previous page.")]
AfterFinding = Annotated[str | None, Query(max_length=1024, description="`next` of the previous page.")]
EndpointId = Annotated[str | None, Query(max_length=255, description="Only failures of this endpoint.")]


@router.get("/webhooks/failures")
@requires("admin")
async def list_webhook_failures(
    caller: CallerParameter,
    pool: PoolParameter,
    endpoint: EndpointId = None,
    after: AfterId = None,
    limit: Limit = 100,
) -> Json[Page[WebhookFailure]]:
    """Lists events that could not be processed, the oldest first, without what they hold."""
    start = str(after) if after is not None else None
    found = await failures.page(pool, caller.workspace_id, endpoint, start, limit + 1)
    return await page_of(found, limit, _failure, lambda failure: failure.id)


@router.post("/webhooks/failures/retry")
@requires("admin")
async def retry_webhook_failures(
    caller: CallerParameter, pool: PoolParameter, body: RetryInput
) -> Json[RetryResult]:
    """Processes all failures of an endpoint again, for example after its mapping was corrected."""
    retried, more = await failures.retry_endpoint(pool, caller.workspace_id, body.endpoint)
    return Json({"retried": retried, "has_more": more})


@router.get("/webhooks/failures/{failure_id}")
@requires("privacy")
async def get_webhook_failure(
    caller: CallerParameter, pool: PoolParameter, failure_id: UUID
) -> Json[WebhookFailureDetail]:
    """Returns a failure with the body of its delivery, as the CRM sent it."""
    failure, body = await failures.find(pool, caller.workspace_id, str(failure_id))
    return Json({**_failure(failure), "body": body.decode("utf-8", "replace") if body else None})


@router.post("/webhooks/failures/{failure_id}/retry")
@requires("admin")
async def retry_webhook_failure(
    caller: CallerParameter, pool: PoolParameter, failure_id: UUID
) -> Json[RetryResult]:
    """Processes a failure again."""
    await failures.retry(pool, caller.workspace_id, str(failure_id))
    return Json({"retried": 1, "has_more": False})


@router.get("/webhooks/findings")
@requires("admin")
async def list_crm_findings(
    caller: CallerParameter,
    pool: PoolParameter,
    endpoint: EndpointId = None,
    after: AfterFinding = None,
    limit: Limit = 100,
) -> Json[Page[CrmFinding]]:
    """Lists what needs attention about records of CRMs, by code. It goes 30 days after it last came."""
    found = await crm_findings.page(pool, caller.workspace_id, after, endpoint, limit + 1)
    return await page_of(found, limit, _finding, crm_findings.cursor_of)


def _finding(finding: Finding) -> dict[str, Any]:
    known = crm_findings.explanation_of(finding.code)
    return {
        "code": finding.code,
        "endpoint": finding.endpoint_id,
        "object": finding.object,
        "record": finding.record_id,
        "lead_id": finding.lead_id,
        "cause": known.cause,
        "remedy": known.remedy,
        "since": finding.since,
        "last_at": finding.last_at,
        "count": finding.count,
    }


def _failure(failure: Failure) -> dict[str, Any]:
    return {
        "id": failure.id,
        "endpoint": failure.endpoint_id,
        "event": failure.kind if failure.object else None,
        "object": failure.object or None,
        "record": failure.record_id or None,
        "code": failure.code,
        "problem": failures.problem_of(failure.code),
        "tries": failure.tries,
        "received_at": failure.received_at,
        "failed_at": failure.ended_at,
    }


@hot.post(
    "/webhooks/{path}",
    response_class=Response,
    responses={200: {"description": "Stored.", "content": {"text/plain": {}, "text/xml": {}}}},
    openapi_extra=BODY,
)
@public(problems=(WebhookRefused, TooManyFailures))
async def receive_webhook(request: Request, path: PathId) -> Response:
    """Takes a delivery of a CRM. The path is that of an endpoint, and the CRM signs what it sends."""
    receiver: Receiver = request.app.state.receiver
    known = await _known(request, receiver, path)
    xml = "xml" in request.headers.get("content-type", "")
    body = await read(request, XML_LIMITS if xml else LIMITS)
    try:
        answer = await receiver.receive(path, known, _delivery(request, body))
    finally:
        receiver.tally.write_soon()
    headers = {"Retry-After": str(answer.retry_after)} if answer.retry_after is not None else None
    return Response(answer.body, answer.status, headers, media_type=answer.media_type)


async def _known(request: Request, receiver: Receiver, path: str) -> KnownEndpoint:
    """The endpoint. For callers who try too many unknown paths no more are looked up.

    Paths that are known are served all the same: CRMs send for many customers from few addresses.
    """
    unknown: FailureLimit = request.app.state.unknown_paths
    peer = peer_of(client_of(request.scope))
    wait = unknown.wait(peer)
    try:
        return await receiver.find(path, look_up=not wait)
    except NotFound:
        unknown.failed(peer)
        if wait:
            raise TooManyFailures(retry_after=wait) from None
        raise


def _delivery(request: Request, body: bytes) -> WebhookRequest:
    scope = request.scope
    query = b"?" + scope["query_string"] if scope["query_string"] else b""
    path = (scope.get("raw_path") or scope["path"].encode()).partition(b"?")[0]
    headers: dict[str, bytes] = {}
    for name, value in scope["headers"]:
        # Of two headers with one name neither counts: it would be unclear which one is signed.
        headers[name.decode("latin-1").lower()] = b"" if name.decode("latin-1").lower() in headers else value
    return WebhookRequest(scope["method"], (path + query).decode("latin-1"), headers, body)
