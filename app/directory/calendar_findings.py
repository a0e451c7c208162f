"""Warnings about working hours that are valid but probably unintended."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from app.plan.findings import Finding
from app.plan.language.hours import Hours, read_hours
from app.plan.language.public_holidays import mentions, rules_of

_MONDAY = datetime(2026, 6, 1, tzinfo=UTC)


def calendar_findings(hours: str, country: str | None) -> Iterator[Finding]:
    """What the author of these working hours should know."""
    if mentions(hours, "SH"):
        text = "SH has no effect, because school holidays are not known. Remove it, or enter absences."
        yield Finding("hours", "school_holidays", text, "warning")
    cut = _cut_night(hours, country)
    if cut is not None:
        midnight, remedy = cut
        before = midnight - timedelta(minutes=1)
        text = (
            f"The shift of {before:%A} night ends at midnight, because a later rule replaces {midnight:%A}."
            f" To keep the night, separate the rules with a comma: {remedy}"
        )
        yield Finding("hours", "night_shift_cut", text, "warning")


def _cut_night(hours: str, country: str | None) -> tuple[datetime, str] | None:
    """The first midnight at which a rule ends the shift of an earlier one, and the hours without that."""
    rules = list(rules_of(hours))
    for position in range(1, len(rules)):
        joined = f"{'; '.join(rules[:position])}, {'; '.join(rules[position:])}"
        try:
            as_meant = read_hours(joined, "UTC", country)
        except ValueError:
            continue
        midnight = _first_cut(read_hours(hours, "UTC", country), as_meant)
        if midnight is not None:
            return midnight, joined
    return None


def _first_cut(written: Hours, as_meant: Hours) -> datetime | None:
    """The first midnight of a week at which only the hours as meant go on."""
    for day in range(1, 8):
        midnight = _MONDAY + timedelta(days=day)
        before = midnight - timedelta(minutes=1)
        if not written.is_open(midnight) and written.is_open(before) and as_meant.is_open(midnight):
            return midnight
    return None
