"""Whether an owner can take a lead now, and if not, why and until when."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from app.engine.model.directory import Caps, Owner
from app.engine.model.state import Facts, Load


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why an owner cannot take the lead: a code of the closed list, and when that ends, if known."""

    code: str
    available_at: datetime | None = None


CAPS = frozenset(("cap_open", "cap_day", "cap_week", "cap_rolling"))
"""The refusals about an owner's load. The others are about the owner."""


@dataclass(frozen=True, slots=True)
class Requirements:
    """The skills and languages that a target requires, and the owners that the caller excludes.

    Of the languages in `one_of`, one will do.
    """

    skills: frozenset[str] = frozenset()
    languages: frozenset[str] = frozenset()
    exclude: Collection[str] = frozenset()
    one_of: frozenset[str] = frozenset()


def absence_refusal(owner: Owner, need: Requirements, now: datetime) -> Refusal | None:
    """The refusals that bind every step and kept owners too: excluded, inactive, absent."""
    if owner.id in need.exclude:
        return Refusal("excluded")
    if not owner.active:
        return Refusal("inactive")
    for absence in owner.absences:
        if absence.start <= now < absence.end:
            return Refusal("absent", absence.end)
    return None


def keep_refusal(owner_id: str, exclude: Collection[str], facts: Facts) -> str | None:
    """The code of what keeps an owner from keeping a lead. Pauses and caps do not."""
    owner = facts.directory.owners.get(owner_id)
    if owner is None:
        return "not_found"
    refused = absence_refusal(owner, Requirements(exclude=exclude), facts.now)
    return refused.code if refused else None


def over_cap(owner: Owner, facts: Facts) -> bool:
    """Whether an owner who gets the lead regardless of caps has reached one of them."""
    load = facts.state.load(owner.id)
    return owner.caps is not None and cap_refusal(owner.caps, load, owner.zone, facts.now) is not None


def refusal(owner: Owner, load: Load, need: Requirements, now: datetime) -> Refusal | None:
    """Why `owner` cannot take the lead at `now`. None means that they can."""
    found = absence_refusal(owner, need, now)
    if found:
        return found
    if owner.paused_until is not None and now < owner.paused_until:
        return Refusal("paused", owner.paused_until)
    if need.skills and not need.skills <= owner.skills:
        return Refusal("missing_skill")
    if need.languages and not need.languages <= owner.languages:
        return Refusal("missing_language")
    if need.one_of and not need.one_of & owner.languages:
        return Refusal("missing_language")
    return cap_refusal(owner.caps, load, owner.zone, now) if owner.caps else None


def cap_refusal(caps: Caps, load: Load, zone: ZoneInfo, now: datetime) -> Refusal | None:
    """The first cap that is reached, in the order of the list of codes."""
    if caps.open is not None and load.open >= caps.open:
        return Refusal("cap_open")
    today = now.astimezone(zone).date()
    monday = today - timedelta(days=today.weekday())
    if caps.per_day is not None and load.on_day(today) >= caps.per_day:
        return Refusal("cap_day", _midnight(today + timedelta(days=1), zone))
    if caps.per_week is not None and load.in_week(monday) >= caps.per_week:
        return Refusal("cap_week", _midnight(monday + timedelta(days=7), zone))
    for count, window in caps.rolling:
        inside = load.since(now - window)
        if len(inside) >= count:
            return Refusal("cap_rolling", inside[-count] + window if count else None)
    return None


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)
