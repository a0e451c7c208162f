"""The types of what is sent: taken literally, bounded, and refused in our own words."""

import re
import unicodedata
from datetime import UTC, date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    Strict,
    WithJsonSchema,
)

from app.contract.faults import said
from app.contract.strict_json import MAX_INTEGER, MAX_NUMBER
from app.plan.language.fields import TRIGGERS

_OWN_TRIGGER = re.compile(r"x-[a-z0-9_-]{1,40}")
_TRIGGERS = frozenset(TRIGGERS)


class RequestModel(BaseModel):
    """No guessing of types, and no field we do not know."""

    model_config = ConfigDict(extra="forbid", strict=True)

    def __repr_args__(self) -> list[tuple[str | None, object]]:
        """None of the values: a person's data would end up in a log."""
        return [(None, "…")]


def _at_most_255_bytes(text: str) -> str:
    # Measured as it is kept: some characters take more bytes when they are composed.
    if len(unicodedata.normalize("NFC", text).encode()) > 255:
        raise said("too_long", "must be at most 255 bytes of UTF-8")
    return text


def _instant(sent: object) -> datetime:
    """An ISO 8601 date and time; without an offset it is taken as UTC."""
    if not isinstance(sent, str):
        raise said("wrong_type", "must be text holding a date and time")
    try:
        at = datetime.fromisoformat(sent)
        at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):
        raise said("bad_format", "must be a date and time as in 2026-11-20T10:00:00Z") from None
    if not 1900 <= at.year <= 2200:
        raise said("out_of_range", "must be in the years 1900 to 2200")
    return at


def _day(sent: object) -> date:
    """An ISO 8601 date."""
    try:
        day = date.fromisoformat(sent if isinstance(sent, str) else "")
    except ValueError:
        raise said("bad_format", "must be a date as in 2026-11-20") from None
    if not 1900 <= day.year <= 2200:
        raise said("out_of_range", "must be in the years 1900 to 2200")
    return day


def _number_or_word(sent: object) -> float | str:
    """A union of the two would put its own branches into the paths of faults."""
    if isinstance(sent, str) and len(sent) <= 8192:
        return sent
    if isinstance(sent, (int, float)) and not isinstance(sent, bool) and abs(sent) <= MAX_NUMBER:
        return sent
    raise said("wrong_type", "must be a number or a word")


def _trigger(text: str) -> str:
    if text not in _TRIGGERS and not _OWN_TRIGGER.fullmatch(text):
        raise said("not_allowed", f"must be one of {', '.join(TRIGGERS)}, or x- and a word of your own")
    return text


Id = Annotated[str, Field(max_length=255), AfterValidator(_at_most_255_bytes)]
RequiredId = Annotated[str, Field(min_length=1, max_length=255), AfterValidator(_at_most_255_bytes)]
Text = Annotated[str, Field(max_length=8192)]
Texts = Annotated[list[Text], Field(max_length=1000)]
Count = Annotated[int, Field(ge=-MAX_INTEGER - 1, le=MAX_INTEGER)]
Number = Annotated[float, Field(ge=-MAX_NUMBER, le=MAX_NUMBER, allow_inf_nan=False)]
NumberOrWord = Annotated[float | str, PlainValidator(_number_or_word, json_schema_input_type=float | str)]
LeadId = Annotated[UUID, Strict(False)]
CustomerStatus = Literal["prospect", "trial", "active", "lapsed", "churned"]
Timestamp = Annotated[
    datetime,
    Strict(False),
    BeforeValidator(_instant),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
Day = Annotated[
    date,
    Strict(False),
    BeforeValidator(_day),
    WithJsonSchema({"type": "string", "format": "date"}),
]
Trigger = Annotated[
    str,
    AfterValidator(_trigger),
    WithJsonSchema({"type": "string", "pattern": f"^({'|'.join(TRIGGERS)}|{_OWN_TRIGGER.pattern})$"}),
]
