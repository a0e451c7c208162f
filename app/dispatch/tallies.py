"""What metrics count of a commit group."""

from app.dispatch.decision_session import DecisionSession
from app.engine.followup.contact import SUPPRESSED
from app.engine.model.decision import Decision
from app.engine.pipeline.same_company import PROBABLE_PERSON
from app.engine.pipeline.same_company import STEP as SAME_COMPANY
from app.metrics.counters import (
    ACCOUNT_MATCHES,
    COLLEAGUES,
    DECISION_REASONS,
    DECISIONS,
    PROBABLE,
    RECEIVED,
    SKIPPED,
    STEP_DECISIONS,
    SUPPRESSED_LEADS,
    TEAM_ASSIGNMENTS,
    WITHHELD_ACTIONS,
    Tally,
)
from app.metrics.label_names import NO_TEAM, OTHER


def tally_of(session: DecisionSession) -> Tally:
    """What the jobs of a group did, by series."""
    tally = session.work.tally
    for decision in session.work.decided:
        _add_decision(tally, decision)
        if session.plan.wants_accounts:
            tally[ACCOUNT_MATCHES, _how_matched(decision)] += 1
    if session.received:
        tally[(RECEIVED,)] += session.received
    return tally


def _add_decision(tally: Tally, decision: Decision) -> None:
    tally[DECISIONS, decision.outcome] += 1
    tally[STEP_DECISIONS, decision.step or OTHER, decision.outcome] += 1
    tally[DECISION_REASONS, decision.code] += 1
    if decision.outcome == "assigned":
        tally[TEAM_ASSIGNMENTS, decision.team or NO_TEAM] += 1
    if decision.code == SUPPRESSED:
        tally[SUPPRESSED_LEADS, decision.block or OTHER] += 1
    for withheld in decision.withheld_actions:
        tally[WITHHELD_ACTIONS, withheld["cause"]] += 1
    if any("score" in each for each in decision.trace.get("possible_duplicate", ())):
        tally[PROBABLE, "known" if decision.code == PROBABLE_PERSON else "review"] += 1
    for step in decision.trace["steps"]:
        if step["strategy"] == SAME_COMPANY:
            tally[COLLEAGUES, step["code"]] += 1
        for target in step.get("targets", ()):
            for candidate in target.get("candidates", ()):
                if candidate["code"] != "chosen":
                    tally[SKIPPED, candidate["code"]] += 1


def _how_matched(decision: Decision) -> str:
    """How the account of a decision was found."""
    match = decision.trace.get("account", {})
    how = match.get("matched_by")
    if how is None:
        return "review" if match.get("review") else "none"
    return "domain" if how.endswith("domain") else str(how)
