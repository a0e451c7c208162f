"""`product`: the lead goes to the team of the product it is interested in.

A returning lead that comes for another product leaves its previous one.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from app.engine.conditions.comparisons import Values
from app.engine.conditions.condition import compile_condition
from app.engine.explain.sentences import left_product
from app.engine.model.decision import Decision, PriorAssignment, Verdict
from app.engine.model.directory import Directory
from app.engine.model.state import Facts
from app.engine.selection.ladder import ladder
from app.plan.document.plan import PlanDocument
from app.plan.document.products import Product as ProductDocument
from app.plan.document.products import ProductConfig


class ProductCatalog:
    """The products of one plan."""

    def __init__(self, declared: Mapping[str, ProductDocument]) -> None:
        self._declared = declared
        self._by_word = {name.casefold(): name for name in declared}

    def interest(self, values: Values) -> str | None:
        """The first product the lead names that is one of the plan's."""
        named = values.get("product_interest") or ()
        found = (self._by_word.get(each.casefold()) for each in named if isinstance(each, str))
        return next((name for name in found if name is not None), None)

    def previous(self, prior: PriorAssignment, for_product: str) -> tuple[str, ...]:
        """The products that a returning lead leaves; none when it is with `for_product` already.

        A lead is with a product when it is assigned to the product's team or held for it, or when its path is
        one of the product's sequences. Products that share a team cannot be told apart.
        """
        current = tuple(name for name, product in self._declared.items() if _is_with(prior, product))
        return () if for_product in current else current

    def leaves(self, prior: PriorAssignment, values: Values) -> bool:
        """Whether a returning lead comes for another product than the one it is with."""
        product = self.interest(values)
        return product is not None and bool(self.previous(prior, product))

    def farewell(
        self, decision: Decision, prior: PriorAssignment, directory: Directory
    ) -> tuple[dict[str, Any], ...]:
        """The actions of a switch: end what runs for the previous products, and notify the previous owner."""
        sequences = [
            name for product in decision.previous_products for name in self._declared[product].sequences
        ]
        actions = [_action("suppress_campaign", name=name) for name in dict.fromkeys(sequences)]
        actions.append(_action("cancel_task", assignment_id=prior.assignment_id, lead_id=prior.lead_id))
        previous = directory.owners.get(prior.owner or "") if prior.state == "assigned" else None
        if previous is not None and previous.active and previous != decision.owner:
            text = left_product(decision.previous_products, decision.owner.name if decision.owner else None)
            to = previous.email or previous.id
            actions.append(_action("notify", via="email", owner_id=previous.id, to=to, text=text))
        return tuple(actions)


class ProductStep:
    """One product step, compiled with the products of its plan."""

    def __init__(self, config: ProductConfig, declared: Mapping[str, ProductDocument]) -> None:
        self._products = ProductCatalog(declared)
        self._ladders = {name: ladder(config.ladder_from(each.team)) for name, each in declared.items()}
        self._within = config.within
        self._unless = compile_condition(config.unless) if config.unless is not None else None

    def verdict(self, values: Values, facts: Facts) -> Verdict:
        """The targets of the product that the lead is interested in; none without one."""
        product = self._products.interest(values)
        if product is None:
            return Verdict("no_product")
        previous = self._previous(facts.prior, product, values, facts.now)
        details: dict[str, Any] = {"product": product}
        if previous:
            details["previous_products"] = list(previous)
        return Verdict(
            "product_switch" if previous else "product",
            self._ladders[product],
            details=details,
            because=(
                ("chosen_product", "eq", product),
                *(("previous_product", "eq", name) for name in previous),
            ),
        )

    def _previous(
        self, prior: PriorAssignment | None, product: str, values: Values, now: datetime
    ) -> tuple[str, ...]:
        if prior is None or abs(now - prior.decided_at) > self._within:
            return ()
        if self._unless is not None and self._unless.holds(values, now):
            return ()
        return self._products.previous(prior, product)


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
    """Routes by product interest, and lets a returning lead switch products."""

    name = "product"
    Config = ProductConfig

    def compile(self, config: ProductConfig, document: PlanDocument) -> ProductStep:
        """The step with the plan's products."""
        return ProductStep(config, document.products)

    def decide(self, values: Mapping[str, Any], facts: Facts, config: ProductStep) -> Verdict:
        """The team of the product, then the other targets. Passes without a product."""
        return config.verdict(values, facts)
