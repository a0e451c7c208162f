"""Leads that the service moves on its own.

They are taken away from an owner who missed a deadline, escalated, covered while their owner is on leave, and
brought back afterwards.
"""

from dataclasses import replace
from typing import Any

from app.engine.compile.plan import CompiledStep, Plan
from app.engine.explain import sentences
from app.engine.model.decision import Decision, DecisionRequest, Target, Verdict
from app.engine.model.state import Facts
from app.engine.pipeline.walk import FALLBACK_QUEUE, try_step, walk
from app.engine.selection.targets import try_team

MOVES = {"take_away": "taken_away", "escalate": "escalated", "cover": "covered", "return": "returned"}
"""The code of the decision, by the kind of the request. The step has the same name."""


def along_ladder(request: DecisionRequest, facts: Facts) -> Decision:
    """The first target of the request's ladder that can take the lead, else the built-in queue."""
    code = MOVES.get(request.kind, request.kind)
    verdict = Verdict(code, request.ladder)
    step = CompiledStep(code, code, None, lambda _values, _facts: verdict)
    trail: list[dict[str, Any]] = []
    decision = try_step(step, request, facts, trail, [])
    if decision is None:
        text = sentences.moved_to_fallback(FALLBACK_QUEUE, code)
        decision = Decision("queued", code, text, step=code, strategy=code, queue=FALLBACK_QUEUE)
    decision.trace = {"steps": trail, "not_evaluated": 0}
    return decision


def along_covers(request: DecisionRequest, plan: Plan, facts: Facts) -> Decision:
    """The same for leads of an owner on leave. If none of the targets can take one, the plan routes it.

    Nobody takes a turn: covering is no share of new leads.
    """
    decision = along_ladder(request, facts)
    if request.kind == "cover" and decision.owner is None and decision.held_until is None:
        walked = walk(request, plan, facts)
        steps = [*decision.trace["steps"], *walked.trace["steps"]]
        decision = replace(walked, trace={**walked.trace, "steps": steps})
    if decision.owner is not None and request.team is not None:
        decision.team = request.team
    decision.turn = None
    return decision


def has_next(team: Target, request: DecisionRequest, facts: Facts) -> bool:
    """Whether a member can take the lead now, or at the next shift if the target holds leads."""
    attempt = try_team(team, request, facts)
    return attempt.code == "chosen" or attempt.until is not None
