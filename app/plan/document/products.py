"""Products, and the `product` step, which sends a lead to the team of the product it looks at."""

from collections.abc import Iterable
from datetime import timedelta

from pydantic import Field

from app.plan.document.step_configs import StepConfig
from app.plan.document.targets import OffHours, Rungs, Target
from app.plan.language.shapes import Duration, Name, Part, Priority, StepCondition, Words


class Product(Part):
    """A product: the team that sells it, and the sequences for leads who look at it."""

    team: Name = Field(description="The team that shares its leads.")
    sequences: Words = Field(
        (),
        description="Its sequences and campaigns. They are suppressed when a lead moves to another product.",
    )


class ProductConfig(StepConfig):
    """Sends a lead to the team of its product: the first of `product_interest` that the plan declares.

    A returning lead that comes for another product is rerouted to that product instead of keeping its owner.
    A lead that looks at none of the products goes to the next step.
    """

    within: Duration = Field(
        timedelta(days=30),
        description="How long after its last decision a returning lead is rerouted for another product. "
        "Later it keeps its owner.",
    )
    unless: StepCondition | None = Field(
        None, description="The returning leads that keep their owner although they come for another product."
    )
    priority: Priority = Field(0, description="The priority of the lead in a queue, 0 to 100.")
    off_hours: OffHours | None = Field(
        None,
        description="What to do while nobody in the product's team is on shift: assign (the default), "
        "hold in the built-in queue until the next shift begins, or next.",
    )
    sla: Name | None = Field(None, description="The SLA of the owner who gets the lead.")
    else_: Rungs = Field(
        (),
        alias="else",
        description="The targets to try, in order, when nobody in the product's team can take the lead.",
    )

    def ladder_from(self, team: str) -> tuple[Target, ...]:
        """The targets, in order, for a lead that looks at the product of this team."""
        own = {name: getattr(self, name) for name in ("priority", "off_hours", "sla")}
        first = Target.model_validate({"team": team, **own, "else": self.else_})
        return (first, *first.otherwise)

    def targets(self) -> tuple[Target, ...]:
        return self.else_

    def ladders(self) -> Iterable[tuple[str, tuple[Target, ...]]]:
        return [(f".else[{rung}]", (target,)) for rung, target in enumerate(self.else_)]

    @property
    def default_name(self) -> str:
        return "product"
