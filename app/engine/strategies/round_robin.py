"""`round_robin`: the next in turn of a team."""

from collections.abc import Mapping
from typing import Any

from app.engine.model import Verdict
from app.engine.state import Facts
from app.engine.targets import ladder
from app.plan.schema import PlanDocument
from app.plan.steps import RoundRobinConfig


class RoundRobin:
    """One team, whose members take turns by weight."""

    name = "round_robin"
    Config = RoundRobinConfig

    def ready(self, config: RoundRobinConfig, document: PlanDocument) -> Verdict:
        """The team, then its ladder."""
        return Verdict("round_robin", ladder(config.targets()))

    def decide(self, values: Mapping[str, Any], facts: Facts, config: Verdict) -> Verdict:
        """The same for every lead."""
        return config
