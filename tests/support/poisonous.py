"""A strategy that fails for some leads."""

from collections.abc import Mapping
from typing import Any

from app.engine.model.decision import Verdict
from app.engine.model.state import Facts
from app.plan.document.steps import StepConfig


class Poisonous:
    """Raises for a lead from Nowhere, returns nonsense for one from Elsewhere, and passes otherwise."""

    name = "poisonous"
    Config = StepConfig

    def decide(self, values: Mapping[str, Any], facts: Facts, config: StepConfig) -> Verdict:
        """The verdict. The message of its error quotes the lead."""
        if values.get("city") == "Nowhere":
            raise RuntimeError(f"no such city for {values.get('email')}")
        if values.get("city") == "Elsewhere":
            nonsense: Any = "elsewhere"
            return nonsense  # type: ignore[no-any-return]
        return Verdict("poisonous")
