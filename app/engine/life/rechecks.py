"""When a lead is decided again that was decided without a provider of enrichment."""

from typing import Final

from app.engine.compile.plan import Plan
from app.engine.life.clocks import Clock
from app.engine.model.decision import Decision, DecisionRequest
from app.engine.model.state import Facts

RECHECK: Final = "recheck"
_MAY_HEAL = ("status_401", "status_403", "status_408", "status_429")
"""The refusals that are not about this query."""


def recheck_clocks(
    decision: Decision, request: DecisionRequest, plan: Plan, facts: Facts
) -> tuple[Clock, ...]:
    """The clock of a new lead that somebody has, or that waits, while a provider may answer later."""
    delay = plan.enrichment.recheck if plan.enrichment is not None else None
    if delay is None or request.kind != "assign" or request.prior is not None:
        return ()
    if decision.keeps_assignment or decision.outcome not in ("assigned", "queued"):
        return ()
    names = sorted(name for name, code in request.degraded_codes.items() if may_heal(code))
    if not names:
        return ()
    at = facts.now + delay
    return (Clock(RECHECK, facts.now, at, at, at, terms={"providers": names}),)


def may_heal(code: str) -> bool:
    """Whether a provider that failed with this code may answer later."""
    return not code.startswith("status_4") or code in _MAY_HEAL


def is_moved(decision: Decision, step: str | None, owner: str | None, place: tuple[str | None, ...]) -> bool:
    """Whether a decision puts a lead elsewhere than this step with this owner, team, queue and path.

    Another member of the same team by the same step is no other place.
    """
    now = decision.owner.id if decision.owner is not None else None
    if now is not None and now == owner:
        return False
    same_place = (decision.team, decision.queue, decision.path) == place
    return not (same_place and decision.step == step and (now is None) == (owner is None))
