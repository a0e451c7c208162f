"""Turns a target that took the lead, or that the lead waits for, into a decision."""

from collections.abc import Sequence
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
    step: CompiledStep,
    verdict: Verdict,
    attempt: TargetAttempt,
    request: DecisionRequest,
    facts: Facts,
    failed: Sequence[TargetAttempt] = (),
) -> Decision:
    """The decision of a step with a target that took the lead. `failed` are those tried before."""
    target = attempt.target
    text = sentences.settled(
        strategy=step.strategy,
        step=step.name,
        because=_because(step, verdict, request, facts),
        kind=target.kind,
        target=_team_name(target.name, facts) if target.kind == "team" else target.name,
        owner=attempt.owner.name if attempt.owner else None,
        pick=attempt.pick,
        code=target.code,
        row=verdict.row,
        replaced=_account_owner(failed, facts),
    )
    shared: dict[str, Any] = {
        "code": target.code or verdict.code,
        "text": text,
        "step": step.name,
        "strategy": step.strategy,
    }
    match target.kind:
        case "queue":
            return Decision(
                "queued", queue=target.name, priority=target.priority, sla_name=target.sla, **shared
            )
        case "path":
            return Decision("automated", path=target.name, sla_name=target.sla, **shared)
        case "block":
            return Decision("blocked", block=target.name, **shared)
    return Decision(
        "assigned",
        owner=attempt.owner,
        team=target.name if target.kind == "team" else None,
        priority=target.priority,
        turn=attempt.turn,
        backlog=attempt.backlog,
        counts_toward_load=True,
        origin_owner=target.covers_for,
        over_cap=attempt.over_cap,
        sla_name=target.sla,
        target=target if target.kind == "team" else None,
        **shared,
    )


def to_held(step: CompiledStep, attempt: TargetAttempt, until: datetime, facts: Facts) -> Decision:
    """The decision of a step with a target that the lead waits for."""
    target = attempt.target
    owner = facts.directory.owners.get(target.name) if target.kind == "owner" else None
    name = owner.name if owner is not None else f"team {_team_name(target.name, facts)}"
    codes = [candidate["code"] for candidate in attempt.candidates]
    why = codes[0] if target.kind == "owner" else "off_shift"
    if "share_taken" in codes:
        why = "share_taken"
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
        sla_name=target.sla,
    )


def _account_owner(failed: Sequence[TargetAttempt], facts: Facts) -> tuple[str, str, str | None] | None:
    """The owner of the account who could not take the lead: name, code of the refusal, and until when."""
    for attempt in failed:
        if attempt.target.code == "account_owner" and attempt.candidates:
            entry = attempt.candidates[0]
            return facts.directory.owners[entry["owner"]].name, entry["code"], entry.get("available_at")
    return None


def _because(
    step: CompiledStep, verdict: Verdict, request: DecisionRequest, facts: Facts
) -> tuple[Satisfied, ...]:
    """The comparisons that held, the band of the lead, and the step's own reasons."""
    held = step.when.satisfied(request.values, facts.now) if step.when else ()
    band = verdict.labels.get("band") if verdict.labels else None
    if band is not None:
        held = (*held, ("band", "eq", band))
    return (*held, *verdict.because) if verdict.because else held


def _team_name(id_: str, facts: Facts) -> str:
    """The name of a team, or its id when the team is gone."""
    team = facts.directory.teams.get(id_)
    return team.name if team is not None else id_
