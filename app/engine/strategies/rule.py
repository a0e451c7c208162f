"""`rule`: who fits the condition goes where the rule says."""

from collections.abc import Mapping
from typing import Any

from app.engine.model import Verdict
from app.engine.state import Facts
from app.engine.targets import ladder
from app.plan.steps import RuleConfig


class Rule:
    """A condition and a target. The condition has held when this is asked."""

    name = "rule"
    Config = RuleConfig

    def decide(self, values: Mapping[str, Any], facts: Facts, config: RuleConfig) -> Verdict:
        """The rule's target, then its ladder."""
        return Verdict("rule", ladder(config.targets()))
