"""From a target that was honoured, or is waited for, to the decision: what it says, and why."""

from datetime import datetime
from typing import Any

from app.engine.compile.plan import CompiledStep
from app.engine.conditions.condition import Satisfied
from app.engine.explain import sentences
from app.engine.model.decision import Decision, DecisionRequest, Verdict
from app.engine.model.state import Facts
from app.engine.selection.pickers import TargetAttempt
from app.engine.selection.shifts import HELD


def to_decision(
    step: CompiledStep, verdict: Verdict, attempt: TargetAttempt, question: DecisionRequest, facts: Facts
) -> Decision:
    """The decision of a step one of whose targets was honoured."""
    target = attempt.target
    text = sentences.settled(
        strategy=step.strategy,
        step=step.name,
        because=_because(step, verdict, question, facts),
        kind=target.kind,
        target=_team_name(target.name, facts) if target.kind == "team" else target.name,
        owner=attempt.owner.name if attempt.owner else None,
        pick=attempt.pick,
        code=target.code,
        row=verdict.found,
    )
    known: dict[str, Any] = {
        "code": target.code or verdict.code,
        "text": text,
        "step": step.name,
        "strategy": step.strategy,
    }
    match target.kind:
        case "queue":
            return Decision("queued", queue=target.name, priority=target.priority, **known)
        case "path":
            return Decision("automated", path=target.name, **known)
        case "block":
            return Decision("blocked", block=target.name, **known)
    team = target.name if target.kind == "team" else None
    return Decision(
        "assigned",
        owner=attempt.owner,
        team=team,
        priority=target.priority,
        turn=attempt.turn,
        counts_toward_load=True,
        over_cap=attempt.over_cap,
        sla_name=target.sla,
        **known,
    )


def to_held(step: CompiledStep, attempt: TargetAttempt, until: datetime, facts: Facts) -> Decision:
    """The decision of a step whose target the lead waits for."""
    target = attempt.target
    owner = facts.directory.owners.get(target.name) if target.kind == "owner" else None
    name = owner.name if owner is not None else f"team {_team_name(target.name, facts)}"
    found = [candidate["code"] for candidate in attempt.candidates]
    why = found[0] if target.kind == "owner" else "off_shift"
    if "not_next" in found:
        why = "not_next"
    return Decision(
        outcome="queued",
        code="held",
        text=sentences.held(strategy=step.strategy, step=step.name, target=name, why=why, until=until),
        step=step.name,
        strategy=step.strategy,
        queue=HELD,
        priority=target.priority,
        held_until=until,
        held_for_owner=target.name if target.kind == "owner" else None,
        held_for_team=target.name if target.kind == "team" else None,
    )


def _because(
    step: CompiledStep, verdict: Verdict, question: DecisionRequest, facts: Facts
) -> tuple[Satisfied, ...]:
    """The comparisons that held, and what the step itself found: a band, or a product."""
    held = step.when.satisfied(question.values, facts.now) if step.when else ()
    band = verdict.labels.get("band") if verdict.labels else None
    if band is not None:
        held = (*held, ("band", "eq", band))
    if verdict.intent is not None:
        left = (("previous_product", "eq", name) for name in verdict.intent.previous_products)
        held = (*held, ("chosen_product", "eq", verdict.intent.product), *left)
    return held


def _team_name(id_: str, facts: Facts) -> str:
    """The name of a team, or its id when the team is gone."""
    team = facts.directory.teams.get(id_)
    return team.name if team is not None else id_
