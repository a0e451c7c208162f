"""What a person allows: consent by channel and topic, quiet hours, and how often.

A consent that was withdrawn stays so until a later act of the person that says yes. One that ended with a
complaint stays so until somebody with the right to lifts it, with a reason.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal

from app.plan.language.contact import CHANNELS, EVERY, Cap, QuietHours, quiet_from_json
from app.plan.language.durations import parse_iso

ConsentState = Literal["granted", "withdrawn", "complained"]
MESSAGES = ("email", "sms", "chat")
"""What somebody who unsubscribes without naming a channel gets no more."""
MAX_TOPICS = 100
WITHDRAWS: Mapping[str, ConsentState] = {"unsubscribed": "withdrawn", "complained": "complained"}
"""What an event does to the consent of the person."""


@dataclass(frozen=True, slots=True)
class ConsentAct:
    """One act about the consent for a channel, or for a topic on it: what, when, and how it is known.

    `origin` is a form, an event, the preferences route, or a system. `form`, `field` and `text_version` are
    the proof, as far as they were sent.
    """

    state: ConsentState
    at: datetime
    origin: str
    actor: str | None = None
    form: str | None = None
    field: str | None = None
    text_version: str | None = None
    reason: str | None = None

    def to_json(self) -> dict[str, Any]:
        """As it is stored and shown. What was not sent is left out."""
        named = {name: getattr(self, name) for name in self.__slots__}
        return {name: value for name, value in named.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Preferences:
    """What a person allows. `consents` are the newest acts by `channel` or `channel/topic`.

    `version` goes up by one with each change. `more_quiet` are the quiet hours of leads that were merged,
    which hold as well until the person says new ones.
    """

    version: int = 0
    consents: Mapping[str, ConsentAct] = field(default_factory=dict)
    quiet: QuietHours | None = None
    caps: tuple[Cap, ...] = ()
    more_quiet: tuple[QuietHours, ...] = ()

    @property
    def all_quiet(self) -> tuple[QuietHours, ...]:
        """All quiet hours of the person."""
        return (*((self.quiet,) if self.quiet is not None else ()), *self.more_quiet)

    def to_json(self) -> dict[str, Any]:
        """As it is stored beside the lead."""
        more = {"more_quiet_hours": [each.to_json() for each in self.more_quiet]} if self.more_quiet else {}
        return {
            "version": self.version,
            "consents": {name: act.to_json() for name, act in self.consents.items()},
            "quiet_hours": self.quiet.to_json() if self.quiet is not None else None,
            "frequency": [cap.to_json() for cap in self.caps],
            **more,
        }

    def with_limits_of(self, other: "Preferences") -> "Preferences":
        """The same with the quiet hours and caps of another lead of the person as well."""
        quiet = tuple(dict.fromkeys((*self.all_quiet, *other.all_quiet)))
        caps = tuple(dict.fromkeys((*self.caps, *other.caps)))
        return replace(self, quiet=quiet[0] if quiet else None, more_quiet=quiet[1:], caps=caps)

    @property
    def closes(self) -> bool:
        """Whether the person wants nothing through some channel, or of some topic."""
        return any(act.state != "granted" for act in self.consents.values())

    def closing(self, channel: str, topic: str | None) -> ConsentAct | None:
        """The act that closes a channel for a topic, if one does."""
        for name in names_of(channel, topic):
            act = self.consents.get(name)
            if act is not None and act.state != "granted":
                return act
        return None

    def given(self, sent: Mapping[str, Any]) -> dict[str, Any]:
        """The consents of a lead with these acts. `sent` is what the lead was sent with."""
        known = dict(sent)
        for channel in CHANNELS:
            if self.closing(channel, None) is not None:
                known[channel] = False
            elif (act := self.consents.get(channel)) is not None and act.state == "granted":
                known[channel] = True
        return known

    def taking(self, acts: Iterable[tuple[str, ConsentAct]], *, lifts: bool = False) -> "Preferences":
        """These preferences after further acts. Those that change nothing are dropped.

        Older acts change nothing. A complaint is lifted only where `lifts` says so.
        """
        changed: dict[str, ConsentAct] = {}
        for name, act in acts:
            before = changed.get(name) or self.consents.get(name)
            if before is None or _counts(before, act, lifts=lifts):
                changed[name] = act
        if not changed:
            return self
        return replace(self, version=self.version + 1, consents={**self.consents, **changed})


NO_PREFERENCES = Preferences()


def _counts(before: ConsentAct, act: ConsentAct, *, lifts: bool) -> bool:
    if before.state == "complained":
        return act.state == "granted" and lifts and act.at >= before.at
    if act.state == "complained":
        return True
    if before.state == act.state:
        return act.state == "granted" and act.at > before.at
    return act.at > before.at if act.state == "granted" else act.at >= before.at


def names_of(channel: str, topic: str | None) -> Iterable[str]:
    """Under which names acts about a channel and a topic stand."""
    yield channel
    yield EVERY
    if topic is not None:
        yield f"{channel}/{topic}"
        yield f"{EVERY}/{topic}"


def name_of(channel: str, topic: str | None) -> str:
    """The name of an act about a channel, or about a topic on it."""
    return channel if topic in (None, "", "all") else f"{channel}/{topic}"


def joined(one: Preferences, other: Preferences) -> Preferences:
    """The preferences of two leads that are one person.

    Of each consent they have the stricter act, and the quiet hours and caps of both.
    """
    consents = dict(one.consents)
    rank = {"granted": 0, "withdrawn": 1, "complained": 2}
    for name, act in other.consents.items():
        mine = consents.get(name)
        if mine is None or (rank[mine.state], mine.at) < (rank[act.state], act.at):
            consents[name] = act
    version = max(one.version, other.version) + 1
    return replace(one, version=version, consents=consents).with_limits_of(other)


def from_json(stored: Mapping[str, Any]) -> Preferences:
    """Preferences as they were stored."""
    return Preferences(
        stored["version"],
        {name: act_from_json(act) for name, act in stored["consents"].items()},
        quiet_from_json(stored["quiet_hours"]) if stored["quiet_hours"] is not None else None,
        tuple(Cap(**cap) for cap in stored["frequency"]),
        tuple(map(quiet_from_json, stored.get("more_quiet_hours", ()))),
    )


def act_from_json(stored: Mapping[str, Any]) -> ConsentAct:
    """An act as it was stored."""
    at = stored["at"]
    return ConsentAct(**{**stored, "at": at if isinstance(at, datetime) else parse_iso(at)})


def act_of_event(
    type_: str, channel: str | None, topic: str | None, act: ConsentAct
) -> list[tuple[str, ConsentAct]]:
    """What the events `unsubscribed` and `complained` say. Without a channel it is all that fits."""
    return [(name_of(each, topic), act) for each in channels_of_event(type_, channel)]


def channels_of_event(type_: str, channel: str | None) -> list[str]:
    """The channels that the event `unsubscribed` or `complained` closes."""
    if channel is not None:
        return [channel]
    return list(MESSAGES if type_ == "unsubscribed" else CHANNELS)


def fields_of(preferences: Preferences) -> dict[str, Any]:
    """The preferences as fields for conditions."""
    found: dict[str, Any] = {
        channel: act.state for channel, act in preferences.consents.items() if channel in CHANNELS
    }
    closed = sorted(name for name, act in preferences.consents.items() if act.state != "granted")
    return {**found, "withdrawn": closed} if closed else found
