"""Explanations of decisions as a caller may see them. The API and the console show these."""

from dataclasses import asdict, dataclass
from typing import Any

import orjson

from app.api.hidden_fields import View
from app.api.http.auth import Caller
from app.api.lead_view import erased_as_seen_by, seen_lead
from app.audit.explain import explain_decision
from app.audit.passed_over import PassedOver, count_reasons
from app.audit.replay import DecisionInputs, inputs_of
from app.audit.why_not import Bystanders, as_owner_sees, bystanders
from app.dispatch.dispatcher import Dispatcher
from app.engine.compile.plan import Plan
from app.errors import NotFound, PlanVersionUnreadable, refused_at
from app.places import EXPLANATIONS
from app.store.connection.pool import Pool, transaction
from app.store.directory import records
from app.store.directory.history import read_directory_at
from app.store.leads import decisions
from app.store.leads.decisions import StoredDecision
from app.store.leads.lead_detail import LeadDetail
from app.store.stored_bytes import unpack

MAX_OWNERS = 10_000
"""Of owners who came after a decision, no more are listed."""


async def _inputs(pool: Pool, workspace_id: int, assignment_id: str) -> tuple[StoredDecision, DecisionInputs]:
    async with transaction(pool, workspace_id, read_only=True) as connection:
        decided = await decisions.find_decision(connection, workspace_id, assignment_id)
        if decided is None:
            raise NotFound
        stored = decided.read_inputs()
        directory = await read_directory_at(connection, workspace_id, stored["directory"])
    return decided, inputs_of(stored, directory)


async def explanation_of(
    pool: Pool, dispatch: Dispatcher, caller: Caller, assignment_id: str
) -> dict[str, Any]:
    """A decision computed again, with every rule. Raises NotFound, Erased or PlanVersionUnreadable."""
    made = await _decision_seen(pool, dispatch, caller, assignment_id)
    # Thousands of rules take a while and would block all other requests.
    whole = await EXPLANATIONS.run(caller.workspace_id, explain_decision, made.decided, made.basis, made.plan)
    return made.view.discreet(made.view.of_reassigned(made.lead, whole))


@dataclass(frozen=True, slots=True)
class WhyNotPage:
    """The owners that an answer is about: one, or at most `limit` after the first `after` of all."""

    owner: str | None
    after: int
    limit: int


async def why_not(
    pool: Pool, dispatch: Dispatcher, caller: Caller, assignment_id: str, page: WhyNotPage
) -> dict[str, Any]:
    """The answer of `GET /assignments/{id}/why-not`.

    Raises NotFound, Erased, PlanVersionUnreadable, or ValidationFailed for an unknown owner.
    """
    found = await _bystanders_of(pool, dispatch, caller, assignment_id)
    return await EXPLANATIONS.run(caller.workspace_id, _answers, found, caller, page)


async def _bystanders_of(pool: Pool, dispatch: Dispatcher, caller: Caller, assignment_id: str) -> Bystanders:
    """Everybody who may be asked about at a decision."""
    made = await _decision_seen(pool, dispatch, caller, assignment_id)
    async with transaction(pool, caller.workspace_id, read_only=True) as connection:
        now = await records.list_records(connection, caller.workspace_id, "owners", "", MAX_OWNERS)
    then = made.basis.facts.directory.owners
    return await EXPLANATIONS.run(
        caller.workspace_id,
        bystanders,
        made.basis,
        made.plan,
        had=_had_before(made.lead, made.decided.decision_number),
        newcomers={each.id: each.body["name"] for each in now if each.id not in then},
        names_needs=not made.view.hidden_in(made.lead),
    )


@dataclass(frozen=True, slots=True)
class _DecisionSeen:
    """A stored decision with what it was made from, and its lead as the caller sees it."""

    decided: StoredDecision
    basis: DecisionInputs
    plan: Plan
    lead: LeadDetail
    view: View


async def _decision_seen(
    pool: Pool, dispatch: Dispatcher, caller: Caller, assignment_id: str
) -> _DecisionSeen:
    with erased_as_seen_by(caller):
        decided, basis = await _inputs(pool, caller.workspace_id, assignment_id)
    try:
        lead, view = await seen_lead(pool, dispatch, caller, decided.read_response()["lead_id"])
        plan = await dispatch.plans.fetch(caller.workspace_id, basis.plan_version)
    except LookupError:
        raise PlanVersionUnreadable from None
    return _DecisionSeen(decided, basis, plan, lead, view)


def _answers(found: Bystanders, caller: Caller, page: WhyNotPage) -> dict[str, Any]:
    """Each answer may decide once more, so this takes a while."""
    owner, end = page.owner, page.after + page.limit
    everyone = found.owners(caller.owner_id)
    if owner is not None and owner not in everyone:
        raise refused_at(("owner",), "unknown_owner", "names an owner that does not exist", "query")
    wanted = everyone[page.after : end] if owner is None else [owner]
    answers = [found.answer(each) for each in wanted]
    if caller.owner_id is not None:
        answers = as_owner_sees(answers, caller.owner_id)
    more = owner is None and end < len(everyone)
    return {
        "assignment_id": found.basis.request.assignment_id,
        "decided_at": found.basis.facts.now,
        "items": [asdict(each) for each in answers],
        "total": len(everyone),
        "next": end if more else None,
    }


async def passed_over(pool: Pool, workspace_id: int, owner_id: str, limit: int) -> PassedOver:
    """What became of an owner in the newest decisions. Raises NotFound for an unknown owner."""
    async with transaction(pool, workspace_id, read_only=True) as connection:
        if await records.find_record(connection, workspace_id, "owners", owner_id) is None:
            raise NotFound
        stored = await decisions.list_newest_answers(connection, workspace_id, limit)
    answers = (orjson.loads(unpack(each)) for each in stored)
    return await EXPLANATIONS.run(workspace_id, count_reasons, owner_id, answers)


def _had_before(lead: LeadDetail, number: int) -> dict[str, str | None]:
    """The owners who had the lead before the decision with this number, and why that ended."""
    earlier = [
        each for each in lead.assignments if each.answer["decision_number"] < number and not each.repeats
    ]
    return {each.answer["owner"]["id"]: each.end_cause for each in earlier if each.answer["owner"]}
