"""The terms of a clock: what the plan said about it when it started."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from app.plan.language.durations import parse_iso

OnBreach = Literal["remind", "take_away", "escalate"]
GRACE = timedelta(minutes=2)
PAUSE = timedelta(hours=8)


@dataclass(frozen=True, slots=True)
class Terms:
    """What the plan said about a clock when it started.

    - `length` is in working time, `grace` and `bound` are in plain time; without `bound` there is none.
    - `reminders` are lengths of working time since the start, in order.
    - `attempts` is how many owners may have the lead before it is escalated, `escalate_to` the targets then,
      and `target` that of the step which chose the owner, as `app.engine.model.stored` writes targets.
    - `pause_after` misses in a row pause the owner for `pause_for` of working time.
    - `who` names whose working time an unowned clock has: a `team`, an `owner`, or else everybody.
    - A postponed clock runs again from `resumed_at`, with `worked` behind it.
    """

    length: timedelta
    reminders: tuple[timedelta, ...] = ()
    on_breach: OnBreach = "remind"
    grace: timedelta = GRACE
    bound: timedelta | None = None
    attempts: int | None = None
    escalate_to: tuple[Mapping[str, Any], ...] = ()
    target: Mapping[str, Any] | None = None
    pause_after: int | None = None
    pause_for: timedelta = PAUSE
    who: Mapping[str, str] | None = None
    resumed_at: datetime | None = None
    worked: timedelta = timedelta()

    def to_json(self) -> dict[str, Any]:
        """The stored form, with lengths in seconds. What is the default is left out."""
        stored: dict[str, Any] = {"length": self.length.total_seconds()}
        if self.reminders:
            stored["remind"] = [each.total_seconds() for each in self.reminders]
        if self.grace != GRACE:
            stored["grace"] = self.grace.total_seconds()
        if self.pause_for != PAUSE:
            stored["pause_for"] = self.pause_for.total_seconds()
        if self.worked:
            stored["worked"] = self.worked.total_seconds()
        others = {
            "on_breach": self.on_breach if self.on_breach != "remind" else None,
            "max_wall": self.bound.total_seconds() if self.bound is not None else None,
            "max_attempts": self.attempts,
            "escalate_to": list(self.escalate_to) or None,
            "target": self.target,
            "pause_after": self.pause_after,
            "who": self.who,
            "resumed_at": self.resumed_at,
        }
        return stored | {name: value for name, value in others.items() if value is not None}


def terms_from_json(stored: Mapping[str, Any]) -> Terms:
    """Terms out of their stored form."""
    bound, resumed_at = stored.get("max_wall"), stored.get("resumed_at")
    return Terms(
        length=timedelta(seconds=stored["length"]),
        reminders=tuple(timedelta(seconds=each) for each in stored.get("remind", ())),
        on_breach=stored.get("on_breach", "remind"),
        grace=_seconds(stored.get("grace"), GRACE),
        bound=timedelta(seconds=bound) if bound is not None else None,
        attempts=stored.get("max_attempts"),
        escalate_to=tuple(stored.get("escalate_to", ())),
        target=stored.get("target"),
        pause_after=stored.get("pause_after"),
        pause_for=_seconds(stored.get("pause_for"), PAUSE),
        who=stored.get("who"),
        resumed_at=parse_iso(resumed_at) if isinstance(resumed_at, str) else resumed_at,
        worked=_seconds(stored.get("worked"), timedelta()),
    )


def _seconds(stored: float | None, default: timedelta) -> timedelta:
    return default if stored is None else timedelta(seconds=stored)
