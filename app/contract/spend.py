"""Spend: what campaigns cost by day, as callers upload it."""

from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any

from pydantic import AfterValidator, Field, PlainValidator, StringConstraints, WithJsonSchema, model_validator

from app.contract.events import MAX_AMOUNT, Currency
from app.contract.faults import invalid
from app.contract.limits import KIB, BodyLimits
from app.contract.responses import ResponseModel
from app.contract.types import Day, RequestModel

MAX_ROWS = 10_000
MAX_PLACES = 6
LIMITS = BodyLimits(size=4 * 1024 * KIB, items=MAX_ROWS, seconds=30)


def _cost(sent: object) -> Decimal:
    """An amount of money: a number, or a decimal number as a string."""
    if isinstance(sent, bool) or not isinstance(sent, (int, float, str)) or len(str(sent)) > 64:
        raise invalid("wrong_type", "must be a number, or a string with a decimal number such as 12.50")
    try:
        amount = Decimal(str(sent))
    except InvalidOperation:
        raise invalid("wrong_type", "must be a number, or a string such as 12.50") from None
    if not amount.is_finite() or not 0 <= amount < MAX_AMOUNT or amount != round(amount, MAX_PLACES):
        raise invalid("out_of_range", f"must be at least 0, with at most {MAX_PLACES} decimal places")
    return amount


def _printable(text: str) -> str:
    if not text.isprintable():
        raise invalid("invalid_format", "must not contain a control character")
    return text


Cost = Annotated[
    Any, PlainValidator(_cost), WithJsonSchema({"anyOf": [{"type": "number"}, {"type": "string"}]})
]
Campaign = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=255),
    AfterValidator(_printable),
]


class SpendItem(RequestModel):
    """What a campaign cost on one day."""

    campaign: Campaign = Field(description="The campaign, as leads name it.")
    day: Day = Field(description="A day of the workspace's time zone.")
    currency: Currency = Field(description="An ISO 4217 code.")
    amount: Cost = Field(description="At least 0.")


class SpendUpload(RequestModel):
    """What campaigns cost, by day. A row replaces an earlier one of its campaign, day and currency."""

    rows: Annotated[list[SpendItem], Field(min_length=1, max_length=MAX_ROWS)]

    @model_validator(mode="after")
    def _distinct(self) -> "SpendUpload":
        seen: set[tuple[str, date, str]] = set()
        for position, row in enumerate(self.rows):
            key = (row.campaign, row.day, row.currency)
            if key in seen:
                raise invalid(
                    "duplicate_key",
                    f"has a second row of one campaign, day and currency at position {position}",
                    "rows",
                )
            seen.add(key)
        return self


class SpendResult(ResponseModel):
    """What an upload did."""

    rows: int
    created: int
    replaced: int
    campaigns_without_leads: list[str] = Field(
        description="Campaigns that no lead names so far: perhaps they are spelled differently."
    )


class Spend(ResponseModel):
    """What a campaign cost on a day."""

    campaign: str
    day: date
    currency: str
    amount: float


class SpendRemoval(ResponseModel):
    """How many rows were deleted."""

    deleted: int
