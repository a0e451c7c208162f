"""Ramps of new members: until a given day, their weight and caps are a fraction of the full ones."""

from datetime import datetime
from zoneinfo import ZoneInfo

from app.engine.model.directory import Caps, Member

FULL_FACTOR = 1000
"""Factors are in thousandths."""


def factor_at(member: Member, zone: ZoneInfo, now: datetime) -> int:
    """The factor for a member's weight and caps at `now`, in thousandths.

    The ramp ends when its last day begins in the owner's time zone.
    """
    ramp = member.ramp
    if ramp is None or now.astimezone(zone).date() >= ramp.until:
        return FULL_FACTOR
    return ramp.factor


def weight_at(member: Member, zone: ZoneInfo, now: datetime) -> int:
    """The weight of a member at `now`. A member who takes turns keeps a weight of at least one thousandth."""
    if member.ramp is None or not member.weight:
        return member.weight
    return max(1, member.weight * factor_at(member, zone, now) // FULL_FACTOR)


def scaled(caps: Caps | None, factor: int) -> Caps | None:
    """The caps of a new member. They are rounded up, so that a small cap does not become zero."""
    if caps is None or factor == FULL_FACTOR:
        return caps
    return Caps(
        _part(caps.open, factor),
        _part(caps.per_day, factor),
        _part(caps.per_week, factor),
        tuple((-(-count * factor // FULL_FACTOR), window) for count, window in caps.rolling),
    )


def _part(limit: int | None, factor: int) -> int | None:
    return None if limit is None else -(-limit * factor // FULL_FACTOR)
