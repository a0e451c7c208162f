"""`queue`: the lead waits until an owner claims it."""

from collections.abc import Mapping
from typing import Any

from app.engine.model.decision import Verdict
from app.engine.model.state import Facts
from app.engine.selection.ladder import ladder
from app.plan.document.plan import PlanDocument
from app.plan.document.steps import QueueConfig


class QueueStrategy:
    """Puts every lead into a queue."""

    name = "queue"
    Config = QueueConfig

    def compile(self, config: QueueConfig, document: PlanDocument) -> Verdict:
        """The queue, at the step's priority."""
        return Verdict("queue", ladder(config.targets()))

    def decide(self, values: Mapping[str, Any], facts: Facts, config: Verdict) -> Verdict:
        """The same verdict for every lead."""
        return config
