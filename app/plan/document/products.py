"""Products that attract the same people, and the step that sends a lead to the team of one of them."""

from collections.abc import Iterable
from datetime import timedelta

from pydantic import Field

from app.plan.document.step_configs import StepConfig
from app.plan.document.targets import OffHours, Rungs, Target
from app.plan.language.shapes import Duration, Name, Part, Priority, StepCondition, Words


class Product(Part):
    """A product: who sells it, and what runs for those who look at it."""

    team: Name = Field(description="The team whose members get its leads in turn.")
    sequences: Words = Field(
        (), description="Its sequences and campaigns: suppressed for who comes to look at another product."
    )


class ProductConfig(StepConfig):
    """Sends a lead to the team of the product it looks at: the first of `product_interest` that is declared.

    A known person who was with another product is decided anew for the present one, instead of keeping his
    owner. A lead that looks at none of the products goes on.
    """

    within: Duration = Field(
        timedelta(days=30),
        description="For how long after his last decision a known person who comes for another product "
        "leaves his owner; later he keeps him.",
    )
    unless: StepCondition | None = Field(
        None, description="Which known persons keep their owner though they come for another product."
    )
    priority: Priority = Field(0, description="0 to 100; counts where the lead comes to wait in a queue.")
    off_hours: OffHours | None = Field(
        None,
        description="What happens while nobody of the product's team is on shift: assign (when left out), "
        "hold in the built-in queue until the next shift begins, or next.",
    )
    sla: Name | None = Field(None, description="The SLA of the owner who gets it.")
    else_: Rungs = Field(
        (),
        alias="else",
        description="Targets to try in order when nobody in the product's team can take the lead.",
    )

    def ladder_from(self, team: str) -> tuple[Target, ...]:
        """The ladder of a lead that looks at the product of this team."""
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
