"""`product`: the lead goes to the team of the product it looks at, though the person was with another.

Products: which one a lead looks at, and whether a known person leaves another one for it.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from app.engine.conditions.comparisons import Values
from app.engine.conditions.condition import compile_condition
from app.engine.explain.sentences import left_product
from app.engine.model.decision import Decision, PriorAssignment, ProductSwitch, Verdict
from app.engine.model.directory import Directory
from app.engine.model.state import Facts
from app.engine.selection.ladder import ladder
from app.plan.document.plan import PlanDocument
from app.plan.document.products import Product as ProductDocument
from app.plan.document.products import ProductConfig


class ProductCatalog:
    """The products of one plan, ready to be asked."""

    def __init__(self, declared: Mapping[str, ProductDocument]) -> None:
        self._declared = declared
        self._by_word = {name.casefold(): name for name in declared}

    def looked_at(self, values: Values) -> str | None:
        """The present intent: the first product the lead names that is one of the plan's."""
        named = values.get("product_interest") or ()
        found = (self._by_word.get(each.casefold()) for each in named if isinstance(each, str))
        return next((name for name in found if name is not None), None)

    def left(self, prior: PriorAssignment, for_product: str) -> tuple[str, ...]:
        """The products a known person is with and leaves; none when he is with this very one.

        He is with a product whose team he was given to or waits for, or of which a sequence is his path.
        Products that share a team cannot be told apart.
        """
        his = tuple(name for name, product in self._declared.items() if _is_with(prior, product))
        return () if for_product in his else his

    def leaves(self, prior: PriorAssignment, values: Values) -> bool:
        """Whether he comes for another product than the one he is with."""
        product = self.looked_at(values)
        return product is not None and bool(self.left(prior, product))

    def farewell(
        self, decision: Decision, prior: PriorAssignment, directory: Directory
    ) -> tuple[dict[str, Any], ...]:
        """What a switch asks of the caller: end what runs for the other product, tell the former owner."""
        sequences = [
            name for product in decision.previous_products for name in self._declared[product].sequences
        ]
        actions = [_action("suppress_campaign", name=name) for name in dict.fromkeys(sequences)]
        actions.append(_action("cancel_task", assignment_id=prior.assignment_id, lead_id=prior.lead_id))
        former = directory.owners.get(prior.owner or "") if prior.state == "assigned" else None
        if former is not None and former.active and former != decision.owner:
            text = left_product(decision.previous_products, decision.owner.name if decision.owner else None)
            actions.append(
                _action("notify", via="email", owner_id=former.id, to=former.email or former.id, text=text)
            )
        return tuple(actions)


class ProductStep:
    """One product step, made ready with the products of its plan."""

    def __init__(self, config: ProductConfig, declared: Mapping[str, ProductDocument]) -> None:
        self._products = ProductCatalog(declared)
        self._ladders = {name: ladder(config.ladder_from(each.team)) for name, each in declared.items()}
        self._within = config.within
        self._unless = compile_condition(config.unless) if config.unless is not None else None

    def verdict(self, values: Values, facts: Facts) -> Verdict:
        """The ladder of the product he looks at; no targets when it is none."""
        product = self._products.looked_at(values)
        if product is None:
            return Verdict("no_product")
        left = self._left(facts.prior, product, values, facts.now)
        code = "product_switch" if left else "product"
        return Verdict(code, self._ladders[product], intent=ProductSwitch(product, left))

    def _left(
        self, prior: PriorAssignment | None, product: str, values: Values, now: datetime
    ) -> tuple[str, ...]:
        if prior is None or now - prior.decided_at > self._within:
            return ()
        if self._unless is not None and self._unless.holds(values, now):
            return ()
        return self._products.left(prior, product)


def _is_with(prior: PriorAssignment, product: ProductDocument) -> bool:
    match prior.state:
        case "assigned":
            return prior.team == product.team
        case "queued":
            return prior.held_for_team == product.team
        case "automated":
            return prior.path in product.sequences
        case _:
            return False


def _action(kind: str, **params: str) -> dict[str, Any]:
    return {"type": kind, "params": params, "due_at": None}


class ProductStrategy:
    """Looks at what the lead is interested in, and at where a known person was before."""

    name = "product"
    Config = ProductConfig

    def ready(self, config: ProductConfig, document: PlanDocument) -> ProductStep:
        """The step with the plan's products, once for a plan."""
        return ProductStep(config, document.products)

    def decide(self, values: Mapping[str, Any], facts: Facts, config: ProductStep) -> Verdict:
        """The team of the present intent, then the ladder; passes without an intent."""
        return config.verdict(values, facts)
