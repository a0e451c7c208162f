"""How complicated the plan is, and how much of it matters."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.diagnosis.findings import Effect, Fact, Kind, Subject, in_order, percent, rounded

TOP = 10
MIN_RULES = 30
MIN_LEADS = 500
MIN_SHARE = 0.9
"""A plan with so many rules, of which ten decide so much of so many leads, has a long tail."""
MAX_LISTED = 5


@dataclass(frozen=True, slots=True)
class Overlap:
    """A step that earlier ones leave nothing, or less than it asks for, as the check of the plan found it."""

    step: str
    code: str
    text: str


def complexity_figures(
    version: int, rules: Sequence[str], overlaps: Sequence[Overlap], decided: Mapping[str, int]
) -> dict[str, Any]:
    """The figures of the active plan. `decided` are the leads of the period that each step decided."""
    by_rule = sorted((decided.get(rule, 0) for rule in rules), reverse=True)
    leads, by_rules = sum(decided.values()), sum(by_rule)
    return {
        "plan_version": version,
        "steps_that_decided": sum(count > 0 for count in decided.values()),
        "rules": len(rules),
        "rules_that_fired": sum(count > 0 for count in by_rule),
        "overlaps": len(overlaps),
        "leads": leads,
        "decided_by_rules": by_rules,
        "decided_by_top_ten": sum(by_rule[:TOP]),
        "share_of_top_ten": rounded(sum(by_rule[:TOP]) / by_rules) if by_rules else None,
    }


def complexity_facts(figures: Mapping[str, Any], overlaps: Sequence[Overlap]) -> Iterator[Fact]:
    """What is worth telling about them."""
    subject = Subject(Kind.PLAN, str(figures["plan_version"]))
    if overlaps:
        steps = list(dict.fromkeys(each.step for each in overlaps))
        named = in_order([f"`{each}`" for each in steps[:MAX_LISTED]])
        more = f" and {len(steps) - MAX_LISTED} more" if len(steps) > MAX_LISTED else ""
        yield Fact(
            code="plan_overlaps",
            subject=subject,
            text=f"Earlier steps take leads that these ask for: {named}{more}.",
            effect=Effect("overlaps", "steps", len(steps)),
            look_at="The warnings of `POST /plans/check`: each names the steps and the values.",
            evidence={"overlaps": [{"step": e.step, "code": e.code, "text": e.text} for e in overlaps]},
        )
    if (
        figures["rules"] >= MIN_RULES
        and figures["decided_by_rules"] >= MIN_LEADS
        and figures["share_of_top_ten"] >= MIN_SHARE
    ):
        share = figures["share_of_top_ten"]
        yield Fact(
            code="plan_long_tail",
            subject=subject,
            text=f"Ten of {figures['rules']} rules decide {percent(share)} of the leads that rules decide.",
            effect=Effect("share_of_top_ten", "share", share),
            look_at="Rules that decide a few leads each: a table, or the rule above them, may do the same.",
            evidence=dict(figures),
        )
