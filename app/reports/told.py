"""Events as facts see them: who did what."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.engine.life.event_table import is_automated
from app.store.reports.fact_rows import Actor
from app.store.reports.fact_sources import EventRecord

TOUCHES = ("first_touch", "reached")


@dataclass(frozen=True, slots=True)
class Told:
    """An event, who did it, and the assignment it is about."""

    event: EventRecord
    actor: Actor
    by: str | None

    @property
    def touches(self) -> bool:
        """Whether a person tried to reach the lead, or reached it."""
        return self.actor == "person" and self.event.type in TOUCHES

    @property
    def accepts(self) -> bool:
        """Whether the owner took the lead on. A touch accepts."""
        return self.touches or (self.event.type == "accepted" and self.event.effect == "accepted")


def told_of(event: EventRecord, owner_id: str | None) -> Told:
    """Who did it. The fact of an event keeps what was known at first: the owner may be gone since."""
    if event.known_actor is not None:
        known: Any = event.known_actor
        return Told(event, known, event.known_owner)
    if not event.reported:
        return Told(event, "system", None)
    by = event.by_id if event.by_id is not None else owner_id
    is_owner = by is not None and (event.by_is_owner or by == owner_id)
    if is_automated(event.via) or not is_owner:
        return Told(event, "automated", None)
    return Told(event, "person", by)


def first_of(told: Iterable[Told], since: datetime) -> Told | None:
    """The first in time; of those at the same time one whose time is known, and the one told first."""
    return min(
        told,
        key=lambda each: (max(each.event.at, since), each.event.day_only, each.event.sequence),
        default=None,
    )
