"""How many comparisons a plan makes for one lead at most."""

from collections.abc import Iterable
from typing import NamedTuple

from app.engine.conditions.condition import Requirement, requirements_of
from app.engine.conditions.index import ConditionIndex
from app.plan.document.plan import PlanDocument
from app.plan.document.scoring import OWN, ScoreConfig
from app.plan.document.steps import PlanStep
from app.plan.language.conditions import Leaf, Node, leaves
from app.plan.language.operands import ANY_OF


class _Required(NamedTuple):
    requires: tuple[Requirement, ...]


def cost_of(node: Node | None) -> int:
    """The comparisons that a condition makes at most."""
    return sum(map(_of_leaf, leaves(node))) if node is not None else 0


class StepCosts:
    """The comparisons that each step makes at most: those of its condition and of its score."""

    def __init__(self, document: PlanDocument) -> None:
        self._scores = {
            name: sum(1 + cost_of(row.when) for row in rows) for name, rows in document.scores.items()
        }

    def of(self, step: PlanStep) -> int:
        """The comparisons of one step."""
        cost, config = 1 + cost_of(step.condition), step.config
        if isinstance(config, ScoreConfig):
            cost += len(config.bands) + sum(self._scores.get(name, 0) for name in config.model if name != OWN)
        return cost


def cost_of_lead(document: PlanDocument) -> int:
    """The comparisons that the plan makes for the most expensive lead, when it walks the pipeline once.

    Steps count only as far as the index of their conditions can find them for the same lead.
    """
    costs = list(map(StepCosts(document).of, document.pipeline))
    required = [
        _Required(requirements_of(step.condition)) if step.condition is not None else None
        for step in document.pipeline
    ]
    return ConditionIndex(required).heaviest(costs) + sum(map(cost_of, _others(document)))


def _others(document: PlanDocument) -> Iterable[Node | None]:
    """The conditions that are tested one after another, beside those of the steps."""
    for derived in document.fields.derived:
        yield from (case.when for case in derived.cases)
    yield from (each.when for each in document.returning_leads.reroute_when)
    yield from (rule.when for rule in document.sla_rules)
    yield from (block.when for block in document.follow_up)


def _of_leaf(leaf: Leaf) -> int:
    several = isinstance(leaf.operand, tuple) and leaf.operator in ANY_OF
    return max(len(leaf.operand), 1) if several and isinstance(leaf.operand, tuple) else 1
