"""The types of request fields: strict, bounded, and refused with our own messages."""

import re
import unicodedata
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Annotated, Any, Literal
from uuid import UUID
from zoneinfo import available_timezones

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    Strict,
    WithJsonSchema,
    model_validator,
)

from app.contract.faults import invalid
from app.contract.strict_json import MAX_INTEGER
from app.plan.language.durations import parse_duration
from app.plan.language.fields import TRIGGERS
from app.values.numbers import MAX_NUMBER

_OWN_TRIGGER = re.compile(r"x-[a-z0-9_-]{1,40}")
_TRIGGERS = frozenset(TRIGGERS)


class RequestModel(BaseModel):
    """The base of all request bodies. Types are not coerced, and unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", strict=True)

    def __repr_args__(self) -> list[tuple[str | None, object]]:
        """Hides all values, so that personal data never reaches a log."""
        return [(None, "…")]


class RecordModel(RequestModel):
    """A directory record or a part of one. A null field takes its default."""

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, sent: object) -> object:
        return without_nulls(sent)


def without_nulls(sent: object) -> object:
    """The same object without its null fields: null is the same as absent."""
    if isinstance(sent, Mapping):
        return {key: value for key, value in sent.items() if value is not None}
    return sent


def _at_most_255_bytes(text: str) -> str:
    # Measured in the stored form: some characters take more bytes when they are composed.
    if len(unicodedata.normalize("NFC", text).encode()) > 255:
        raise invalid("too_long", "must be at most 255 bytes of UTF-8")
    return text


def _plain(text: str) -> str:
    if "/" in text or any(unicodedata.category(letter) == "Cc" for letter in text):
        raise invalid("invalid_id", "must not contain a control character or a slash")
    return text


def _timestamp(sent: object) -> datetime:
    """An ISO 8601 date and time. Without an offset it is UTC."""
    at = _local_timestamp(sent)
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)


def _local_timestamp(sent: object) -> datetime:
    """An ISO 8601 date and time, in UTC if it has an offset. A date is its midnight."""
    if not isinstance(sent, str):
        raise invalid("wrong_type", "must be a string with a date and time")
    try:
        at = datetime.fromisoformat(sent)
        at = at if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):
        raise invalid("invalid_timestamp", "must be a date and time, such as 2026-11-20T10:00:00Z") from None
    if not 1900 <= at.year <= 2200:
        raise invalid("out_of_range", "must be between the years 1900 and 2200")
    return at


def _day(sent: object) -> date:
    """An ISO 8601 date."""
    try:
        day = date.fromisoformat(sent if isinstance(sent, str) else "")
    except ValueError:
        raise invalid("invalid_date", "must be a date, such as 2026-11-20") from None
    if not 1900 <= day.year <= 2200:
        raise invalid("out_of_range", "must be between the years 1900 and 2200")
    return day


def _number_or_text(sent: object) -> float | str:
    """A pydantic union would add its own branches to the paths of faults."""
    if isinstance(sent, str) and len(sent) <= 8192:
        return sent
    if isinstance(sent, (int, float)) and not isinstance(sent, bool) and abs(sent) <= MAX_NUMBER:
        return sent
    raise invalid("wrong_type", "must be a number or a string")


def _number_of_lead(sent: object) -> float | str:
    """A number, or a text that intake reads."""
    if isinstance(sent, str) and len(sent) <= 8192:
        return sent
    if not isinstance(sent, (int, float)) or isinstance(sent, bool):
        raise invalid("wrong_type", "must be a number or a string")
    if not abs(sent) <= (MAX_INTEGER if isinstance(sent, int) else MAX_NUMBER):
        raise invalid("out_of_range", "is too large a number")
    return sent


def _boolean_of_lead(sent: object) -> object:
    """A boolean, or what intake reads as one."""
    if isinstance(sent, (bool, int)) or (isinstance(sent, str) and len(sent) <= 8192):
        return sent
    raise invalid("wrong_type", "must be true, false or a string")


def _timestamp_of_lead(sent: object) -> datetime | str:
    """A timestamp, without an offset if none was sent, or a text that intake reads."""
    if isinstance(sent, int) and not isinstance(sent, bool):
        return str(sent)
    if not isinstance(sent, str) or len(sent) > 8192:
        raise invalid("wrong_type", "must be a string with a date and time")
    try:
        return _local_timestamp(sent)
    except ValueError:
        return sent


def _postal_code_of_lead(sent: object) -> object:
    """A postal code. A spreadsheet may have made a number of it."""
    return str(sent) if isinstance(sent, int) and not isinstance(sent, bool) else sent


def _age(sent: object) -> timedelta:
    """A duration such as `3d`."""
    try:
        return parse_duration(sent if isinstance(sent, str) else "")
    except ValueError:
        detail = "must be an integer with s, m, h, d or w, such as 3d"
        raise invalid("invalid_duration", detail) from None


def _trigger(text: str) -> str:
    if text not in _TRIGGERS and not _OWN_TRIGGER.fullmatch(text):
        raise invalid("not_allowed", f"must be one of {', '.join(TRIGGERS)}, or x- and a word of your own")
    return text


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def _zone(name: str) -> str:
    if name not in _zones():
        raise invalid("unknown_timezone", "must be an IANA time zone, such as Europe/Berlin")
    return name


def _three_decimals(number: float) -> float:
    if Decimal(str(number)) * 1000 % 1:
        raise invalid("too_precise", "must have at most three decimal places")
    return number


Id = Annotated[str, Field(max_length=255), AfterValidator(_at_most_255_bytes)]
RequiredId = Annotated[str, Field(min_length=1, max_length=255), AfterValidator(_at_most_255_bytes)]
RecordId = Annotated[RequiredId, AfterValidator(_plain)]
Topic = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]
ShortText = Annotated[str, Field(min_length=1, max_length=255)]
ShortTexts = Annotated[list[ShortText], Field(max_length=200)]
Text = Annotated[str, Field(max_length=8192)]
Texts = Annotated[list[Text], Field(max_length=1000)]
Count = Annotated[int, Field(ge=-MAX_INTEGER - 1, le=MAX_INTEGER)]
Cap = Annotated[int, Field(ge=0, le=1_000_000)]
Number = Annotated[float, Field(ge=-MAX_NUMBER, le=MAX_NUMBER, allow_inf_nan=False)]
NumberOrText = Annotated[float | str, PlainValidator(_number_or_text, json_schema_input_type=float | str)]
# Any, because a union is serialized slowly, and warns of integers. Not plain validators, because for those
# pydantic serializes through a function.
LeadNumber = Annotated[Any, BeforeValidator(_number_of_lead, json_schema_input_type=float | str)]
LeadBoolean = Annotated[Any, BeforeValidator(_boolean_of_lead, json_schema_input_type=bool | int | str)]
LeadTimestamp = Annotated[Any, BeforeValidator(_timestamp_of_lead, json_schema_input_type=int | str)]
PostalCode = Annotated[Text, BeforeValidator(_postal_code_of_lead, json_schema_input_type=int | str)]
Weight = Annotated[float, Field(ge=0, le=1000, allow_inf_nan=False), AfterValidator(_three_decimals)]
Factor = Annotated[float, Field(gt=0, le=1, allow_inf_nan=False), AfterValidator(_three_decimals)]
LeadId = Annotated[UUID, Strict(False)]
CustomerStatus = Literal["prospect", "trial", "active", "lapsed", "churned"]
Zone = Annotated[str, Field(max_length=255), AfterValidator(_zone)]
Timestamp = Annotated[
    datetime,
    Strict(False),
    BeforeValidator(_timestamp),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
LocalTimestamp = Annotated[
    datetime,
    Strict(False),
    BeforeValidator(_local_timestamp),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
"""A time that may have no offset. The code that stores it adds the time zone."""
Day = Annotated[
    date,
    Strict(False),
    BeforeValidator(_day),
    WithJsonSchema({"type": "string", "format": "date"}),
]
Age = Annotated[
    timedelta,
    PlainValidator(_age),
    WithJsonSchema({"type": "string", "pattern": "^[0-9]{1,9}[smhdw]$"}),
]
"""A duration such as `3d`."""
Trigger = Annotated[
    str,
    AfterValidator(_trigger),
    WithJsonSchema({"type": "string", "pattern": f"^({'|'.join(TRIGGERS)}|{_OWN_TRIGGER.pattern})$"}),
]
