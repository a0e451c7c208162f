"""`consent`, `quiet_hours` and `frequency`: when nobody is contacted, whatever an action says."""

from datetime import time
from typing import Annotated, Literal

from pydantic import Field, PlainValidator, model_validator

from app.plan.findings import fault
from app.plan.language.contact import MAX_CONTACTS, MAX_DAYS, Cap, QuietHours, read_time
from app.plan.language.shapes import Part

Channel = Literal["email", "sms", "phone", "chat"]
_CLOCK = r"^([01]?[0-9]|2[0-3]):[0-5][0-9]$"


def _clock(value: object) -> time:
    try:
        return read_time(value)
    except ValueError as refused:
        raise fault("invalid_time", str(refused)) from None


Clock = Annotated[time, PlainValidator(_clock, json_schema_input_type=Annotated[str, Field(pattern=_CLOCK)])]


class ConsentDefaults(Part):
    """What consent is needed for."""

    required: tuple[Channel, ...] = Field(
        (), description="Channels whose actions need a consent, also those that name none."
    )


class QuietHoursConfig(Part):
    """Times of the day at which nobody is contacted, in the person's time zone."""

    from_: Clock = Field(alias="from", description="The beginning, such as 21:00.")
    to: Clock = Field(description="The end. Before the beginning it is that of the next day.")
    channels: tuple[Channel, ...] = Field(
        ("email", "sms", "phone"), min_length=1, description="The channels they hold for."
    )

    @model_validator(mode="after")
    def _not_empty(self) -> "QuietHoursConfig":
        if self.from_ == self.to:
            raise fault("empty_window", "Must end at another time than it begins.", "to")
        return self

    @property
    def terms(self) -> QuietHours:
        """The same as a value."""
        return QuietHours(self.from_, self.to, self.channels)


class FrequencyCap(Part):
    """At most so many contacts in so many days."""

    max: Annotated[int, Field(strict=True, ge=0, le=MAX_CONTACTS)] = Field(
        description="The most contacts. 0 means none at all."
    )
    days: Annotated[int, Field(strict=True, ge=1, le=MAX_DAYS)] = Field(
        description="The days before now that are counted, of 24 hours each."
    )
    channel: Channel | None = Field(None, description="The channel. The default is all together.")

    @property
    def terms(self) -> Cap:
        """The same as a value."""
        return Cap(self.max, self.days, self.channel)
