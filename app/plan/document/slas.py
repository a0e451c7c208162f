"""SLAs: the deadlines by which an owner must accept and touch a lead."""

from datetime import timedelta
from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from app.plan.findings import fault
from app.plan.language.shapes import Duration, Name, Part, StepCondition

MAX_SLA = timedelta(days=90)


def _within_reason(length: timedelta) -> timedelta:
    if not timedelta() < length <= MAX_SLA:
        raise fault("invalid_duration", "Must be longer than 0 and at most 90d.")
    return length


Allowed = Annotated[Duration, AfterValidator(_within_reason)]
"""A length of the owner's working time."""


class Sla(Part):
    """Deadlines in the working time of the owner, counted from the assignment."""

    accept: Allowed | None = Field(None, description="The time to accept the lead.")
    touch: Allowed | None = Field(None, description="The time to touch the lead.")

    @model_validator(mode="after")
    def _something(self) -> "Sla":
        if self.accept is None and self.touch is None:
            raise fault("required", "At least one of accept and touch is required.")
        return self


class SlaRule(Part):
    """The SLA of the leads that match a condition, when the step sets none."""

    when: StepCondition | None = Field(
        None,
        description="The leads it is for. The default is every lead. The first rule that matches counts.",
    )
    sla: Name = Field(description="An SLA of this plan.")
