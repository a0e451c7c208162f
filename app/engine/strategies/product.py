"""`product`: the lead goes to the team of the product it looks at, though the person was with another."""

from collections.abc import Mapping
from typing import Any

from app.engine.model import Verdict
from app.engine.products import ProductStep
from app.engine.state import Facts
from app.plan.products import ProductConfig
from app.plan.schema import PlanDocument


class Product:
    """Looks at what the lead is interested in, and at where a known person was before."""

    name = "product"
    Config = ProductConfig

    def ready(self, config: ProductConfig, document: PlanDocument) -> ProductStep:
        """The step with the plan's products, once for a plan."""
        return ProductStep(config, document.products)

    def decide(self, values: Mapping[str, Any], facts: Facts, config: ProductStep) -> Verdict:
        """The team of the present intent, then the ladder; passes without an intent."""
        return config.verdict(values, facts)
