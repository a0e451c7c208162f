"""What follows from a reject, as the plan says it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from app.engine.model.decision import Target
from app.engine.selection.ladder import ladder
from app.plan.document.plan import PlanDocument
from app.plan.document.targets import Target as Written


@dataclass(frozen=True, slots=True)
class RejectRule:
    """One reason of the plan. Without a target the pipeline decides.

    `list` names the suppression list for `suppress`: the list of the target, or else the reason.
    """

    refund: bool
    to: Target | None
    suppress: Literal["email", "domain"] | None
    list: str


@dataclass(frozen=True, slots=True)
class Rejects:
    """Everything that a plan says about rejects and refunds."""

    rules: Mapping[str, RejectRule] = field(default_factory=dict)
    max_refunds_per_day: int | None = None
    after_touch: bool = False
    refund_take_aways: bool = False

    def suppresses_domain(self, reason: str | None) -> bool:
        """Whether this reason suppresses a domain, which must not be that of a customer."""
        rule = self.rules.get(reason) if reason is not None else None
        return rule is not None and rule.suppress == "domain"


NO_REJECTS = Rejects()
"""A plan without reasons: nothing can be rejected."""


def compile_rejects(document: PlanDocument) -> Rejects:
    """Compile the reject reasons of a plan."""
    rules = {}
    for name, reason in document.reject_reasons.items():
        to = ladder((reason.then,))[0] if isinstance(reason.then, Written) else None
        blocked = to.name if to is not None and to.kind == "block" else name
        rules[name] = RejectRule(reason.refund, to, reason.suppress, blocked)
    return Rejects(
        rules,
        max_refunds_per_day=document.max_refunds_per_day,
        after_touch=document.reject_after_touch,
        refund_take_aways=document.refund_take_aways,
    )
