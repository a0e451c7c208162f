"""A lead that looks like junk is blocked, or waits for somebody to look at it, as the plan says."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from app.engine.compile.plan import Plan
from app.engine.explain import sentences
from app.engine.model.decision import Decision, DecisionRequest
from app.engine.model.junk import Junk, Verdict
from app.engine.model.state import Facts
from app.engine.pipeline.returning_lead import existing_lead, with_returning_step

STEP, REVIEW = "junk", "junk_review"


def decide_junk(junk: Junk, request: DecisionRequest, plan: Plan, facts: Facts) -> Decision | None:
    """The decision about a lead that arrives as junk; None if it goes on like any other.

    Anybody who knows an address can send junk in its name. So a lead that is known stays where it is, and
    only what was sent is blocked.
    """
    verdict = plan.junk.verdict(junk, request.values) if request.kind == "assign" else "clean"
    if verdict == "blocked":
        decision = _blocked(junk, plan)
        prior = request.prior
        if prior is None:
            return decision
        existing = replace(existing_lead(prior, request, plan, facts), kind="duplicate")
        trace = with_returning_step(existing, STEP, decision.trace)
        return replace(decision, existing_lead=existing, keeps_assignment=True, trace=trace)
    if verdict == "review" and request.prior is None and plan.junk.queue is not None:
        return _to_review(junk, plan.junk.queue, plan)
    return None


def with_verdict(junk: Junk, decision: Decision) -> Junk:
    """The same with what followed in this decision."""
    if not junk.parts:
        return junk
    held: Mapping[str, Verdict] = {STEP: "blocked", REVIEW: "review"}
    return replace(junk, verdict=held.get(decision.code, "flagged"))


def _blocked(junk: Junk, plan: Plan) -> Decision:
    return Decision(
        outcome="blocked",
        code=STEP,
        text=sentences.junk_blocked(list(junk.parts), junk.score),
        step=STEP,
        strategy=STEP,
        block=STEP,
        trace=_trace(STEP, junk, plan),
    )


def _to_review(junk: Junk, queue: str, plan: Plan) -> Decision:
    return Decision(
        outcome="queued",
        code=REVIEW,
        text=sentences.junk_review(list(junk.parts), junk.score, queue),
        step=STEP,
        strategy=STEP,
        queue=queue,
        trace=_trace(REVIEW, junk, plan),
    )


def _trace(code: str, junk: Junk, plan: Plan) -> Mapping[str, Any]:
    entry = {"step": STEP, "strategy": STEP, "code": code, "score": junk.score, "parts": dict(junk.parts)}
    return {"steps": [entry], "not_evaluated": len(plan.steps)}
