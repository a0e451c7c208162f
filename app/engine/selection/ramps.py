"""Newcomers: until a day of their own, weight and caps are a fraction of what they will be."""

from datetime import datetime
from zoneinfo import ZoneInfo

from app.engine.model.directory import Caps, Member

FULL_FACTOR = 1000
"""A factor counts thousandths."""


def factor_at(member: Member, zone: ZoneInfo, now: datetime) -> int:
    """What a member's weight and caps are multiplied with at `now`, in thousandths.

    The ramp ends when the day it names begins in the owner's zone.
    """
    ramp = member.ramp
    if ramp is None or now.astimezone(zone).date() >= ramp.until:
        return FULL_FACTOR
    return ramp.factor


def weight_at(member: Member, zone: ZoneInfo, now: datetime) -> int:
    """The weight his turns are counted by at `now`; who takes turns goes on taking some."""
    if member.ramp is None or not member.weight:
        return member.weight
    return max(1, member.weight * factor_at(member, zone, now) // FULL_FACTOR)


def scaled(caps: Caps | None, factor: int) -> Caps | None:
    """The caps of a newcomer, rounded up, so that a small cap does not shut him out."""
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
