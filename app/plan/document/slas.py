"""Until when an owner must accept a lead, and must touch it."""

from datetime import timedelta
from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from app.plan.findings import fault
from app.plan.language.shapes import Duration, Name, Part, StepCondition

MAX_SLA = timedelta(days=90)


def _within_reason(length: timedelta) -> timedelta:
    if not timedelta() < length <= MAX_SLA:
        raise fault("invalid_duration", "Write a time of more than nothing and at most 90d.")
    return length


Allowed = Annotated[Duration, AfterValidator(_within_reason)]
"""Working time an owner has."""


class Sla(Part):
    """How much working time the owner has, from the moment the lead is his."""

    accept: Allowed | None = Field(None, description="Until he must have accepted it.")
    touch: Allowed | None = Field(None, description="Until he must have touched it.")

    @model_validator(mode="after")
    def _something(self) -> "Sla":
        if self.accept is None and self.touch is None:
            raise fault("required", "Say accept, touch or both.")
        return self


class SlaRule(Part):
    """Which SLA holds for the leads that meet a condition, where the step names none."""

    when: StepCondition | None = Field(
        None, description="Which leads it is for; every lead when left out. The first that fits counts."
    )
    sla: Name = Field(description="An SLA of this plan.")
