"""`GET /queues`: how many leads wait where, since when, and who may claim them."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from fastapi import APIRouter

from app.api.http.auth import Caller, requires
from app.api.http.json_response import Json
from app.api.http.parameters import CallerParameter, DispatchParameter, PoolParameter
from app.api.http.routing import StrictRoute
from app.contract.queues import QueueDetail, QueueList
from app.dispatch.dispatcher import Dispatcher
from app.engine.compile.plan import Plan
from app.engine.life.queues import QueueTerms
from app.engine.model.state import Facts
from app.engine.pipeline.claims import claim_refusal
from app.engine.pipeline.walk import FALLBACK_QUEUE
from app.engine.selection.eligibility import Refusal
from app.engine.selection.shifts import HELD
from app.errors import NotFound, PlanVersionUnreadable
from app.plan.document.queues import format_aging
from app.plan.language.durations import format_duration
from app.store.connection.pool import Pool, transaction
from app.store.leads.waiting import WaitingCount, count_waiting, find_untouched_claims
from app.store.path.current_state import read_current_state_on

router = APIRouter(route_class=StrictRoute, tags=["queues"])
BUILT_IN = (HELD, FALLBACK_QUEUE)
NONE_WAITS = WaitingCount(0, None)


@router.get("/queues")
@requires("claim", "leads:read", problems=(PlanVersionUnreadable,), for_owner=True)
async def list_queues(
    caller: CallerParameter, pool: PoolParameter, dispatch: DispatchParameter
) -> Json[QueueList]:
    """Lists the queues with their counts and settings: those of the plan first, then the others."""
    return Json({"items": await summaries_of_queues(pool, dispatch, caller)})


@router.get("/queues/{name}")
@requires("claim", "leads:read", problems=(NotFound, PlanVersionUnreadable), for_owner=True)
async def get_queue(
    caller: CallerParameter, pool: PoolParameter, dispatch: DispatchParameter, name: str
) -> Json[QueueDetail]:
    """Returns one queue, and which members of its team may claim now."""
    return Json(await detail_of_queue(pool, dispatch, caller, name))


async def summaries_of_queues(pool: Pool, dispatch: Dispatcher, caller: Caller) -> list[dict[str, Any]]:
    """What `GET /queues` lists."""
    waiting, plan, facts = await _read(pool, dispatch, caller.workspace_id)
    names = dict.fromkeys((*plan.queues, *BUILT_IN, *sorted(waiting)))
    return [_summary(name, waiting.get(name, NONE_WAITS), plan, facts.now) for name in names]


async def detail_of_queue(pool: Pool, dispatch: Dispatcher, caller: Caller, name: str) -> dict[str, Any]:
    """What `GET /queues/{name}` says. Raises NotFound."""
    waiting, plan, facts = await _read(pool, dispatch, caller.workspace_id)
    if name not in (*plan.queues, *BUILT_IN, *waiting):
        raise NotFound("There is no such queue.")
    summary = _summary(name, waiting.get(name, NONE_WAITS), plan, facts.now)
    full = await _who_holds_enough(pool, caller.workspace_id, name, plan, facts)
    claimants = _claimants(name, plan, facts, full)
    if claimants is not None and caller.owner_id is not None:
        claimants = [each for each in claimants if each["owner_id"] == caller.owner_id]
    return {**summary, "claimants": claimants}


async def _read(
    pool: Pool, dispatch: Dispatcher, workspace_id: int
) -> tuple[dict[str, WaitingCount], Plan, Facts]:
    async with transaction(pool, workspace_id, read_only=True) as connection:
        waiting = await count_waiting(connection, workspace_id)
        now = await read_current_state_on(connection, workspace_id)
    try:
        plan = await dispatch.plans.fetch(workspace_id, now.entry.plan_version)
    except LookupError:
        raise PlanVersionUnreadable from None
    return waiting, plan, now.facts


def _summary(name: str, count: WaitingCount, plan: Plan, now: datetime) -> dict[str, Any]:
    terms = plan.terms_of(name)
    waited = now - count.oldest_since if count.oldest_since is not None else timedelta()
    return {
        "name": name,
        "declared": name in plan.queues,
        "waiting": count.waiting,
        "oldest_since": count.oldest_since,
        "oldest_seconds": max(0, int(waited.total_seconds())),
        "claimable_by": terms.claimable_by,
        "settings": _settings(terms),
    }


def _settings(terms: QueueTerms) -> dict[str, Any]:
    wait = None
    if terms.max_wait is not None:
        clock = "working" if terms.wait_is_working else "wall"
        then = [{target.kind: target.name} for target in terms.then]
        wait = {"for": format_duration(terms.max_wait), "clock": clock, "then": then}
    claim = {
        "lease": format_duration(terms.lease) if terms.lease is not None else None,
        "clock": "working" if terms.lease_is_working else "wall",
        "max": terms.max_claims,
        "hide": list(terms.hide),
    }
    release = "shift" if terms.releases else "claim"
    return {"aging": format_aging(terms.aging), "max_wait": wait, "release": release, "claim": claim}


async def _who_holds_enough(
    pool: Pool, workspace_id: int, name: str, plan: Plan, facts: Facts
) -> frozenset[str]:
    """The members of the queue's team who hold as many untouched claims as it allows."""
    terms = plan.terms_of(name)
    team = facts.directory.teams.get(terms.claimable_by or "")
    if team is None or terms.max_claims is None:
        return frozenset()
    members = [member.owner for member in team.members]
    async with transaction(pool, workspace_id, read_only=True) as connection:
        held = await find_untouched_claims(connection, workspace_id, members)
    return frozenset(owner for owner, claims in held.items() if len(claims) >= terms.max_claims)


def _claimants(name: str, plan: Plan, facts: Facts, full: Collection[str]) -> list[dict[str, Any]] | None:
    team = facts.directory.teams.get(plan.terms_of(name).claimable_by or "")
    if team is None:
        return None
    found = []
    for member in team.members:
        refused = claim_refusal(member.owner, name, plan, facts)
        if refused is None and member.owner in full:
            refused = Refusal("claim_limit")
        code, until = (refused.code, refused.available_at) if refused is not None else (None, None)
        found.append({"owner_id": member.owner, "code": code, "available_at": until})
    return found
