"""Queues: what waits, why and for how long; and claiming it."""

from typing import Annotated, Any
from uuid import UUID

import orjson
from fastapi import APIRouter, Path, Query
from starlette.requests import Request
from starlette.responses import Response

from app.api.http.auth import requires
from app.api.http.parameters import DispatchParameter, PoolParameter
from app.api.routes.queues import detail_of_queue, summaries_of_queues
from app.console.conflicts import in_words, sentence
from app.console.forms import FormParameter
from app.console.names import names_of
from app.console.pages.decision import gone_to
from app.console.pages.leads import rows_of
from app.console.rendering import render, render_live, version_of
from app.console.route import ConsoleRoute, live
from app.console.viewer import Viewer, ViewerParameter
from app.console.words import claim_refused, shown_fields
from app.dispatch.dispatcher import Dispatcher
from app.dispatch.jobs.claim import Claim
from app.engine.selection.shifts import HELD
from app.errors import Forbidden, LeadNotInQueue, Problem, refused_at
from app.store.connection.pool import Pool, transaction
from app.store.leads import open_leads
from app.store.leads.current_leads import find_leads
from app.store.leads.open_leads import ListedAssignment

router = APIRouter(route_class=ConsoleRoute)
READERS = ("claim", "leads:read")
PAGE, CLAIMANTS = 20, 100
SHOWN = ("company", "title", "employees", "city", "country", "language", "lead_type", "source")
"""The fields that help to choose a lead."""
QueueName = Annotated[str, Path(min_length=1, max_length=255)]
After = Annotated[UUID | None, Query()]


@router.get("/console/queues")
@requires(*READERS, for_owner=True)
async def get_queues(
    request: Request, viewer: ViewerParameter, pool: PoolParameter, dispatch: DispatchParameter
) -> Response:
    """Lists the queues: how much waits, and since when."""
    context = await _all(pool, dispatch, viewer)
    version = version_of(request, "queues/list.html", context)
    return render(request, "queues/page.html", {**context, "version": version})


@router.get("/console/queues/now")
@live
@requires(*READERS, for_owner=True)
async def get_queues_now(
    request: Request, viewer: ViewerParameter, pool: PoolParameter, dispatch: DispatchParameter
) -> Response:
    """Returns the list, if it has changed."""
    return render_live(request, "queues/list.html", await _all(pool, dispatch, viewer))


@router.get("/console/queues/{name}")
@requires(*READERS, for_owner=True)
async def get_queue(
    request: Request,
    viewer: ViewerParameter,
    pool: PoolParameter,
    dispatch: DispatchParameter,
    name: QueueName,
    after: After = None,
) -> Response:
    """Shows the leads of a queue in the order in which they leave it."""
    context = await _one(pool, dispatch, viewer, name, after)
    version = version_of(request, "queues/rows.html", context)
    return render(request, "queues/queue.html", {**context, "version": version})


@router.get("/console/queues/{name}/now")
@live
@requires(*READERS, for_owner=True)
async def get_queue_now(
    request: Request,
    viewer: ViewerParameter,
    pool: PoolParameter,
    dispatch: DispatchParameter,
    name: QueueName,
    after: After = None,
) -> Response:
    """Returns the same leads, if something has changed."""
    return render_live(request, "queues/rows.html", await _one(pool, dispatch, viewer, name, after))


@router.post("/console/queues/{name}/claim")
@requires("claim", for_owner=True)
async def claim(
    request: Request,
    viewer: ViewerParameter,
    pool: PoolParameter,
    dispatch: DispatchParameter,
    form: FormParameter,
    name: QueueName,
) -> Response:
    """Gives an owner one lead of the queue, or the first one, and leads to it."""
    caller = viewer.caller
    owner_id = caller.owner_id or form.required("owner_id", max_length=255)
    lead_id = _id_of(form.text("lead_id", max_length=64))
    job = Claim(
        key=form.idempotency_key(),
        queue=name,
        owner_id=owner_id,
        lead_id=lead_id,
        actor=caller.key_id,
        bound=caller.owner_id is not None,
    )
    try:
        with in_words(viewer):
            reply = await dispatch.ask(caller.workspace_id, job)
    except LeadNotInQueue as gone:
        gone.detail = await _who_has_it(pool, viewer, gone, lead_id)
        raise
    assignment_id = orjson.loads(reply.body)["assignment_id"]
    place = "my-leads" if caller.owner_id is not None else "assignments"
    where = f"/console/{place}/{assignment_id}" if caller.may("leads:read") else f"/console/queues/{name}"
    return gone_to(request, where)


def _id_of(text: str) -> str | None:
    try:
        return str(UUID(text)) if text else None
    except ValueError:
        raise refused_at(("lead_id",), "invalid_format", "must be the id of a lead") from None


async def _who_has_it(pool: Pool, viewer: Viewer, gone: Problem, lead_id: str | None) -> str:
    """What became of a lead that somebody else took. Whose it is learns who may see every lead."""
    told = sentence(gone, viewer) or gone.detail
    if lead_id is None or viewer.owner_id is not None or not viewer.may("leads:read"):
        return told
    async with transaction(pool, viewer.caller.workspace_id, read_only=True) as connection:
        lead = (await find_leads(connection, viewer.caller.workspace_id, [lead_id])).get(lead_id)
    if lead is None or not lead.prior.owner:
        return told
    names = await names_of(pool, viewer, [lead.prior.owner])
    return f"{told} {names.owner(lead.prior.owner)} has it now."


async def _all(pool: Pool, dispatch: Dispatcher, viewer: Viewer) -> dict[str, Any]:
    found = await summaries_of_queues(pool, dispatch, viewer.caller)
    if viewer.owner_id is not None:
        found = [each for each in found if each["name"] != HELD]
    return {
        "queues": [_rounded(each) for each in found],
        "waiting": sum(each["waiting"] for each in found),
        "names": await names_of(pool, viewer, teams=[each["claimable_by"] for each in found]),
    }


async def _one(
    pool: Pool, dispatch: Dispatcher, viewer: Viewer, name: str, after: UUID | None
) -> dict[str, Any]:
    """A queue with a page of its leads. Raises NotFound, and Forbidden for what is held for others."""
    queue = await detail_of_queue(pool, dispatch, viewer.caller, name)
    if viewer.owner_id is not None and name == HELD:
        raise Forbidden("A key that is bound to an owner cannot list what is held for others.")
    rows: list[dict[str, Any]] = []
    if viewer.may("leads:read"):
        async with transaction(pool, viewer.caller.workspace_id, read_only=True) as connection:
            found = await open_leads.list_queue(
                connection, viewer.caller.workspace_id, name, str(after) if after else None, PAGE + 1
            )
        rows = await rows_of(pool, dispatch, viewer, found)
    shown, more = rows[:PAGE], len(rows) > PAGE
    for row in shown:
        listed = row["listed"]
        row["fields"] = shown_fields({each: row["values"][each] for each in SHOWN if each in row["values"]})
        row["waited"] = _waited(listed)
    claimants = queue["claimants"]
    own = claimants[0] if viewer.owner_id is not None and claimants else None
    free = [each["owner_id"] for each in claimants or () if each["code"] is None][:CLAIMANTS]
    teams = [queue["claimable_by"], *(row["listed"].team for row in shown)]
    return {
        "queue": _rounded(queue),
        "rows": shown,
        "names": await names_of(pool, viewer, free, teams),
        "lists": viewer.may("leads:read"),
        "after": str(after) if after else "",
        "following": shown[-1]["listed"].assignment_id if more else "",
        "free": free,
        "open_to_all": claimants is None,
        "may_claim": viewer.may("claim") and _may_claim(viewer, claimants, own),
        "refused": claim_refused(own["code"]) if own is not None and own["code"] else "",
    }


def _waited(listed: ListedAssignment) -> int:
    """Whole minutes, in seconds, since a lead first came to its queue. A claim that ends keeps its place."""
    before = listed.decided_at - (listed.queue_since or listed.decided_at)
    return (listed.age_seconds + max(0, int(before.total_seconds()))) // 60 * 60


def _may_claim(viewer: Viewer, claimants: Any, own: Any) -> bool:
    """Whether a claim can succeed as far as is known: the owner of the key is free, or in no need of it."""
    if viewer.owner_id is None or claimants is None:
        return True
    return own is not None and own["code"] is None


def _rounded(queue: dict[str, Any]) -> dict[str, Any]:
    """The queue with whole minutes, so that it does not change each second."""
    return {**queue, "oldest_seconds": queue["oldest_seconds"] // 60 * 60}
