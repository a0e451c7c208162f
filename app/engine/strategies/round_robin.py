"""`round_robin`: the member of a team who is next in turn."""

from collections.abc import Mapping
from typing import Any

from app.engine.model.decision import Verdict
from app.engine.model.state import Facts
from app.engine.selection.ladder import ladder
from app.plan.document.plan import PlanDocument
from app.plan.document.steps import RoundRobinConfig


class RoundRobinStrategy:
    """A team with members who take turns by weight."""

    name = "round_robin"
    Config = RoundRobinConfig

    def compile(self, config: RoundRobinConfig, document: PlanDocument) -> Verdict:
        """The team, then its `else` targets."""
        return Verdict("round_robin", ladder(config.targets()))

    def decide(self, values: Mapping[str, Any], facts: Facts, config: Verdict) -> Verdict:
        """The same verdict for every lead."""
        return config
