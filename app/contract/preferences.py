"""What a person allows, as callers write and read it."""

from datetime import datetime, time
from typing import Annotated, Any, Literal

from pydantic import Field, PlainValidator, WithJsonSchema, model_validator

from app.contract.faults import invalid
from app.contract.responses import ResponseModel
from app.contract.types import Id, RequestModel, Text, Timestamp, Topic, Zone
from app.engine.life.preferences import MAX_TOPICS
from app.plan.language.contact import EVERY, MAX_CONTACTS, MAX_DAYS, Cap, QuietHours, read_time

Channel = Literal["email", "sms", "phone", "chat"]
State = Literal["granted", "withdrawn", "complained"]


def _clock(value: object) -> time:
    try:
        return read_time(value)
    except ValueError:
        raise invalid("invalid_time", "must be a time of day, such as 21:00") from None


Clock = Annotated[
    time, PlainValidator(_clock), WithJsonSchema({"type": "string", "pattern": "^[0-9:]{4,5}$"})
]


class QuietHoursInput(RequestModel):
    """When the person is not to be contacted. An end before the beginning is that of the next day."""

    from_: Clock = Field(alias="from")
    to: Clock
    timezone: Zone | None = Field(None, description="The default is what is known of the person.")
    channels: Annotated[list[Channel], Field(min_length=1, max_length=4)] = Field(
        default_factory=lambda: list[Channel](("email", "sms", "phone"))
    )

    @model_validator(mode="after")
    def _not_empty(self) -> "QuietHoursInput":
        if self.from_ == self.to:
            raise invalid("empty_window", "must not be the same as from", "to")
        return self

    def value(self) -> QuietHours:
        """The same as a value."""
        return QuietHours(self.from_, self.to, tuple(dict.fromkeys(self.channels)), self.timezone)


class CapInput(RequestModel):
    """At most so many contacts in so many days."""

    max: Annotated[int, Field(ge=0, le=MAX_CONTACTS)] = Field(description="0 means none at all.")
    days: Annotated[int, Field(ge=1, le=MAX_DAYS)]
    channel: Channel | None = Field(None, description="The default is all channels together.")

    def value(self) -> Cap:
        """The same as a value."""
        return Cap(self.max, self.days, self.channel)


class PreferencesInput(RequestModel):
    """What the person wants from now on.

    A channel or topic that is not named keeps its consent. Quiet hours and frequency are replaced. A channel
    that ended with a complaint is opened only by a key with the scope `privacy`, and a `reason`.
    """

    channels: dict[Channel, bool] = Field(default_factory=dict, description="Whether a channel is wanted.")
    topics: Annotated[dict[Topic, bool | dict[Channel, bool]], Field(max_length=MAX_TOPICS)] = Field(
        default_factory=dict, description="Whether a topic is wanted, on all channels or by channel."
    )
    quiet_hours: QuietHoursInput | None = None
    frequency: Annotated[list[CapInput], Field(max_length=20)] = Field(default_factory=list)
    origin: Annotated[str, Field(min_length=1, max_length=64)] = Field(
        description="Where the person said so, such as preference_center."
    )
    at: Timestamp | None = Field(None, description="When. The default is now.")
    form: Id | None = None
    field: Id | None = None
    text_version: Id | None = Field(None, description="The version of the text that the person agreed to.")
    reason: Text | None = Field(None, description="Why a complaint is lifted.")

    def wishes(self) -> list[tuple[str, bool]]:
        """The names of consents, each with what the person wants."""
        found = [(str(channel), wanted) for channel, wanted in self.channels.items()]
        for topic, wanted in self.topics.items():
            by_channel = wanted if isinstance(wanted, dict) else {EVERY: wanted}
            found += [(f"{channel}/{topic}", each) for channel, each in by_channel.items()]
        return found


class ConsentShown(ResponseModel):
    """The newest act about a consent."""

    state: State
    at: datetime
    origin: str
    actor: str | None = None
    form: str | None = None
    field: str | None = None
    text_version: str | None = None
    reason: str | None = None


class QuietHoursShown(ResponseModel):
    """When the person is not contacted."""

    from_: str = Field(alias="from")
    to: str
    channels: list[Channel]
    timezone: str | None


class CapShown(ResponseModel):
    """How often the person is contacted at most."""

    max: int
    days: int
    channel: Channel | None


class PreferencesChange(ResponseModel):
    """One act of the person, or of somebody for them."""

    lead_id: str
    version: int
    at: datetime
    actor: str
    details: dict[str, Any]


class PreferencesShown(ResponseModel):
    """What a person allows. `consents` are by channel, `channel/topic` or `*/topic`.

    `history` has the acts, the newest first, as proof.
    """

    lead_id: str
    revision: int
    consents: dict[str, ConsentShown]
    quiet_hours: QuietHoursShown | None
    more_quiet_hours: list[QuietHoursShown] | None = Field(
        None, description="Present only after a merge: the quiet hours of the other lead, which hold as well."
    )
    frequency: list[CapShown]
    history: list[PreferencesChange]
