"""The form of an absence: whole days or hours of them, and who stands in."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, time, timedelta
from typing import TypeVar

from pydantic import ValidationError

from app.console.forms import Form
from app.contract.directory import AbsenceInput
from app.contract.faults import validation_failed
from app.errors import Fault, ValidationFailed, refused_at

Moment = TypeVar("Moment", date, time)
_FIELDS = {"from": "first", "to": "last"}


def absence_of(form: Form) -> AbsenceInput:
    """The absence that a form describes, in the owner's time zone.

    Without times it lasts from the first day until the end of the last one. Raises ValidationFailed at the
    fields of the form.
    """
    first, last = _day(form, "first"), _day(form, "last")
    begins, ends = _time(form, "first_time"), _time(form, "last_time")
    owner, team = form.text("cover_owner") or None, form.text("cover_team") or None
    if last < first:
        raise refused_at(("last",), "invalid_order", "must not be before the first day")
    if first == last and begins is not None and ends is not None and ends <= begins:
        raise refused_at(("last_time",), "invalid_order", "must be after the beginning")
    if owner and team:
        raise refused_at(("cover_team",), "exactly_one", "name an owner or a team, not both")
    body = {
        "from": _text(first, begins),
        "to": _text(last, ends) if ends is not None else (last + timedelta(days=1)).isoformat(),
        "kind": form.text("kind") or "leave",
        "cover": {"owner": owner, "team": team} if owner or team else None,
        "open_leads": form.text("open_leads") or None,
    }
    with at_fields():
        try:
            return AbsenceInput.model_validate(body)
        except ValidationError as refused:
            raise validation_failed(refused) from None


@contextmanager
def at_fields() -> Iterator[None]:
    """Says faults of an absence at the fields of its form: `cover.owner` is `cover_owner` there."""
    try:
        yield
    except ValidationFailed as refused:
        faults = []
        for fault in refused.faults:
            name = "_".join(each for each in fault.path if isinstance(each, str))
            faults.append(Fault((_FIELDS.get(name, name),), fault.code, fault.detail))
        raise ValidationFailed(refused.detail, faults=faults) from None


def _text(day: date, at: time | None) -> str:
    return day.isoformat() if at is None else f"{day.isoformat()}T{at.isoformat()}"


def _day(form: Form, name: str) -> date:
    day = _read(form.required(name, max_length=10), name, date.fromisoformat, "a day, such as 2030-12-24")
    if not 1900 <= day.year <= 2200:
        raise refused_at((name,), "out_of_range", "must be between the years 1900 and 2200")
    return day


def _time(form: Form, name: str) -> time | None:
    text = form.text(name, max_length=8)
    return _read(text, name, time.fromisoformat, "a time of day, such as 13:30") if text else None


def _read(text: str, name: str, read: Callable[[str], Moment], wanted: str) -> Moment:
    try:
        return read(text)
    except ValueError:
        raise refused_at((name,), "invalid_timestamp", f"must be {wanted}") from None
