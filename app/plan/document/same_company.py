"""`same_company` and `probable`: people of one company, and leads that are probably one person."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from app.plan.findings import fault
from app.plan.language.shapes import Duration, Part, WrittenAsNumber

Count = Literal["per_lead", "per_company"]


class SameCompany(Part):
    """Leads of one company. A duration alone is the `window`."""

    window: Duration = Field(
        timedelta(days=30), description="How long after the last decision about a colleague."
    )
    count: Count = Field(
        "per_lead",
        description="Whether each lead takes a turn of its owner (`per_lead`), or only the first one of a "
        "company (`per_company`).",
    )
    education: bool = Field(
        False,
        description="Whether people of one school or university are colleagues too.",
        strict=True,
    )


Score = Annotated[float, WrittenAsNumber, Field(ge=0, le=1)]


class ProbablePersons(Part):
    """New leads that are probably a person who is known: one name, and one company or phone."""

    review: Score = Field(
        0.7, description="The score from which the decision has `review: true` and names the other leads."
    )
    known: Score | None = Field(
        None,
        description="The score from which the owner of the other lead takes this one, if there is one such "
        "lead. The default is never.",
    )

    @model_validator(mode="after")
    def _ordered(self) -> "ProbablePersons":
        if self.known is not None and self.known < self.review:
            raise fault("out_of_range", "known must not be below review.")
        return self


def _from_window(value: object) -> object:
    return value if value is None or isinstance(value, (Mapping, SameCompany)) else {"window": value}


CompanyWindow = Annotated[
    SameCompany | None,
    BeforeValidator(_from_window, json_schema_input_type=Duration | SameCompany),
]
