"""Rules that never fire."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from app.diagnosis.findings import Effect, Fact, Kind, Subject, percent
from app.reports.statistics import Z

MIN_LEADS = 100
"""Leads that were decided while the rule stood in the plan, and that reached it."""


@dataclass(frozen=True, slots=True)
class PlanInUse:
    """A version of the plan that decided leads: its steps in order, and the leads that each step decided.

    `unreachable` says of a step why the check of the plan found that no lead can reach it.
    """

    version: int
    steps: Sequence[str]
    strategies: Mapping[str, str]
    decided: Mapping[str, int]
    unreachable: Mapping[str, str]


def silent_rules(plans: Sequence[PlanInUse], days: int) -> Iterator[Fact]:
    """The rules of the last plan that decided no lead. `plans` are in order of their versions."""
    if not plans:
        return
    last = plans[-1]
    for step in last.steps:
        if last.strategies[step] == "rule":
            found = _silent(step, plans, days)
            if found is not None:
                yield found


def _silent(rule: str, plans: Sequence[PlanInUse], days: int) -> Fact | None:
    held = [each for each in plans if rule in each.steps]
    if any(each.decided.get(rule, 0) for each in held):
        return None
    leads = sum(sum(each.decided.get(step, 0) for step in each.steps) for each in held)
    reached = sum(
        sum(each.decided.get(step, 0) for step in each.steps[each.steps.index(rule) :]) for each in held
    )
    reason = held[-1].unreachable.get(rule)
    if leads < MIN_LEADS or (reached < MIN_LEADS and reason is None):
        return None
    most = upper_bound_of_none(reached) if reached else 0.0
    return Fact(
        code="rule_never_fires",
        subject=Subject(Kind.RULE, rule),
        text=_text(rule, reached, leads, most),
        effect=Effect("share_of_leads", "share", 0.0, 0.0, most),
        look_at=reason or "The condition: a field that no form sends, a value that is written another way.",
        evidence={
            "plan_versions": [each.version for each in held],
            "days": days,
            "leads": leads,
            "reached": reached,
            "fired": 0,
            "because": reason,
        },
    )


def _text(rule: str, reached: int, leads: int, most: float) -> str:
    if not reached:
        return f"No lead reached the rule `{rule}`: the steps before it decided all {leads}."
    return (
        f"None of the {reached} leads that reached the rule `{rule}` met it: at most {percent(most)} of all"
        " such leads do (95 %)."
    )


def upper_bound_of_none(leads: int) -> float:
    """The upper end of Wilson's 95 % interval of 0 out of this many."""
    return Z**2 / (leads + Z**2)
