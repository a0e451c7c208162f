"""Leads whose owner somebody changed in the CRM: the books follow, and nothing is decided."""

from typing import Any

from app.engine.explain import sentences
from app.engine.followup.notices import left_in_crm
from app.engine.model.decision import Decision, DecisionRequest, LedgerEntry, Target
from app.engine.model.state import Facts
from app.engine.selection.eligibility import over_cap
from app.engine.selection.fair_share import turn_of
from app.engine.selection.rebalance import live_members

CRM = "crm"
"""The kind of the request, and the cause in the history of the lead."""
CRM_REASSIGN = "crm_reassign"
"""The kind of the request when the plan decides again because of the CRM."""
FOLLOWED = frozenset((CRM, CRM_REASSIGN))


def follow(request: DecisionRequest, target: Target, facts: Facts) -> Decision:
    """The owner or the queue that the CRM says. Absence and caps do not matter: it has happened."""
    code = _code(request, target)
    steps = [{"step": code, "strategy": CRM, "code": code}]
    shared: dict[str, Any] = {"step": code, "strategy": CRM, "trace": {"steps": steps, "not_evaluated": 0}}
    if target.kind == "queue":
        text = sentences.waits_by_crm(target.name, code)
        return Decision("queued", code, text, queue=target.name, priority=target.priority, **shared)
    owner = facts.directory.owners[target.name]
    return Decision(
        "assigned",
        code,
        sentences.followed(owner.name),
        owner=owner,
        team=request.team,
        turn=_turn(request, facts) if request.count_turn else None,
        counts_toward_load=True,
        over_cap=over_cap(owner, facts),
        **shared,
    )


def _code(request: DecisionRequest, target: Target) -> str:
    if request.kind == CRM_REASSIGN:
        return "crm_loop"
    return "crm_owner" if target.kind == "owner" else "crm_queue"


def _turn(request: DecisionRequest, facts: Facts) -> LedgerEntry | None:
    """The turn of the new owner, as if the team had chosen them."""
    owner = request.to.name if request.to is not None else ""
    members = live_members(facts.directory.teams.get(request.team or ""), facts.directory.owners, facts.now)
    if request.team is None or owner not in members:
        return None
    return LedgerEntry(request.team, "turn", owner, turn_of(owner, members))


def told(request: DecisionRequest, facts: Facts) -> tuple[dict[str, Any], ...]:
    """What cancels the open follow-ups of the owner who had the lead, and tells them."""
    owner = facts.directory.owners.get(request.present_owner or "")
    if owner is None or request.kind != CRM:
        return ()
    cancel = {"type": "cancel_task", "params": {"owner": owner.id, "code": CRM}, "due_at": None}
    return (cancel, left_in_crm(owner)) if owner.active else (cancel,)
