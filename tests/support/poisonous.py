"""A strategy as a plugin might bring it, which some leads do not agree with."""

from collections.abc import Mapping
from typing import Any

from app.engine.model.decision import Verdict
from app.engine.model.state import Facts
from app.plan.document.steps import StepConfig


class Poisonous:
    """Raises for a lead from Nowhere, answers nonsense for one from Elsewhere, and passes else."""

    name = "poisonous"
    Config = StepConfig

    def decide(self, values: Mapping[str, Any], facts: Facts, config: StepConfig) -> Verdict:
        """What the step says; the message of its error quotes the lead, as messages do."""
        if values.get("city") == "Nowhere":
            raise RuntimeError(f"no such city for {values.get('email')}")
        if values.get("city") == "Elsewhere":
            nonsense: Any = "elsewhere"
            return nonsense  # type: ignore[no-any-return]
        return Verdict("poisonous")
