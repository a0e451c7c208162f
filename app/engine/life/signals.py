"""Signals: what a person who is already a lead does, such as reading a page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from app.engine.model.filled import overridden
from app.engine.model.stored import lead_fields_from_json
from app.plan.language.durations import parse_iso

MAX_KEPT = 100
"""The engagements of signals that are kept beside a lead until its next decision, the newest."""
MAX_ENGAGEMENTS = 1000
"""The most engagements of a lead. The oldest go first."""
_SAME = ("at", "type", "name", "product")


@dataclass(frozen=True, slots=True)
class Signals:
    """What signals have brought to a lead since the decision that has its fields.

    - `engagement` are the engagements, the newest first.
    - `band` is the band that the lead had when assignment `of` began, as far as signals know.
    - `untold` is the number of signals of which the owner was not told yet, `told_at` when they last were.
    - `decided_at` is when a signal last made the lead decided again.
    - `fields` are what a CRM changed since the decision `fields_of`, which has the lead's other fields. None
      stands for a field that was cleared.
    """

    engagement: Sequence[Mapping[str, Any]] = ()
    of: str | None = None
    band: str | None = None
    untold: int = 0
    told_at: datetime | None = None
    decided_at: datetime | None = None
    fields: Mapping[str, Any] = field(default_factory=dict)
    fields_of: str | None = None

    def to_json(self) -> dict[str, Any]:
        """As it is stored beside the lead."""
        return {
            "engagement": list(self.engagement[:MAX_KEPT]),
            "of": self.of,
            "band": self.band,
            "untold": self.untold,
            "told_at": self.told_at,
            "decided_at": self.decided_at,
            **({"fields": dict(self.fields), "fields_of": self.fields_of} if self.fields else {}),
        }


NO_SIGNALS = Signals()


def signals_from_json(stored: Mapping[str, Any]) -> Signals:
    """Signals as they were stored."""
    engagement = lead_fields_from_json({"engagement": stored["engagement"]})["engagement"]
    told_at, decided_at = stored["told_at"], stored["decided_at"]
    return Signals(
        engagement=engagement,
        of=stored["of"],
        band=stored["band"],
        untold=stored["untold"],
        told_at=parse_iso(told_at) if told_at is not None else None,
        decided_at=parse_iso(decided_at) if decided_at is not None else None,
        fields=lead_fields_from_json(stored.get("fields", {})),
        fields_of=stored.get("fields_of"),
    )


def with_signals(fields: Mapping[str, Any], signals: Signals, fields_from: str) -> Mapping[str, Any]:
    """The fields of a lead with what came since the decision `fields_from`, which has them."""
    if signals.fields and signals.fields_of == fields_from:
        changed = {**overridden(fields, signals.fields), **signals.fields}
        fields = {name: value for name, value in changed.items() if value is not None}
    return with_engagement(fields, signals.engagement)


def with_engagement(values: Mapping[str, Any], more: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """The fields of a lead with more engagements, the newest first. One that it has already is not added."""
    if not more:
        return values
    stored = values.get("engagement")
    earlier = stored if isinstance(stored, list) else []
    known = {_key(each) for each in earlier}
    new = [each for each in more if _key(each) not in known]
    return {**values, "engagement": [*new, *earlier][:MAX_ENGAGEMENTS]} if new else values


def in_window(at: datetime | None, now: datetime, window: timedelta) -> bool:
    """Whether something happened within this time before now."""
    return at is not None and now - at < window


def rises(before: str | None, after: str | None, levels: Mapping[str, tuple[float, float]]) -> bool:
    """Whether a band is above another one. A lead without a band is below all bands."""
    if after is None or after not in levels:
        return False
    return before is None or before not in levels or levels[before] < levels[after]


def _key(item: object) -> str:
    return repr([item.get(name) for name in _SAME]) if isinstance(item, Mapping) else repr(item)
