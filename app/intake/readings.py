"""Reads the values of a lead with the readers that plans and tables use.

What cannot be read stays as it was sent, and a flag says so. The usual values cost a look-up each.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, tzinfo
from typing import Any

from app.plan.language.fields import LEAD, Field, Kind
from app.values.booleans import read_boolean
from app.values.countries import COUNTRIES, country_code
from app.values.dates import Order, read_date
from app.values.languages import ENGLISH_NAMES, read_language, split_languages
from app.values.numbers import Decimal, bounds_of, decimal_of, read_number
from app.values.postal_codes import postal_code
from app.values.states import read_state

READ = ("country", "state", "postal_code", "language")
"""The fields that the answer always shows as `normalized`."""

_NUMBERS = tuple(
    (name, field.kind is Kind.INTEGER)
    for name, field in LEAD.fields.items()
    if field.kind in (Kind.INTEGER, Kind.NUMBER)
)
NUMBERS = tuple(name for name, _ in _NUMBERS)
TIMESTAMPS = tuple(name for name, field in LEAD.fields.items() if field.kind is Kind.TIMESTAMP)


_MIDNIGHT = time()


@dataclass(frozen=True, slots=True)
class Hints:
    """How a file writes what is ambiguous: its decimal sign, the order of day and month, and its time zone.

    A time of day without an offset is one of `zone`. A day alone begins at midnight UTC, as in a plan.
    """

    decimal: Decimal | None = None
    dates: Order | None = None
    zone: tzinfo = UTC

    def moment(self, at: datetime) -> datetime:
        """The moment, in UTC, of a time without an offset."""
        return at.replace(tzinfo=self.zone if at.time() != _MIDNIGHT else UTC).astimezone(UTC)


NO_HINTS = Hints()


@dataclass(slots=True)
class Readings:
    """What reading did: the flags, and the names of further fields that were sent as text."""

    flags: list[str]
    changed: list[str]


def read_fields(values: dict[str, Any], hints: Hints = NO_HINTS) -> Readings:
    """Put the values of a lead into their form, in place."""
    changed: list[str] = []
    flags = [*read_places(values), *_languages(values)]
    for name, whole in _NUMBERS:
        if type(values.get(name)) is str:
            changed.append(name)
            values[name] = _number(values[name], whole, hints, values.get("country"), flags)
    for name in TIMESTAMPS:
        if type(values.get(name)) is str:
            changed.append(name)
            values[name] = _timestamp(values[name], hints, flags)
    if "consent" in values:
        _consent(values, flags, changed)
    if "consent_record" in values:
        record = values["consent_record"]
        if type(record.get("at")) is str:
            values["consent_record"] = {**record, "at": _timestamp(record["at"], hints, flags)}
    if "engagement" in values:
        values["engagement"] = [_engagement(item, hints, flags) for item in values["engagement"]]
    return Readings(list(dict.fromkeys(flags)) if len(flags) > 1 else flags, changed)


def read_places(values: dict[str, Any]) -> Iterator[str]:
    """Put country, state and postal code into their form, in place. Yields the flags."""
    country = values.get("country")
    known = country if country in COUNTRIES else None
    if country is not None and known is None:
        known = country_code(country)
        if known is None:
            yield "country_unknown"
        else:
            values["country"] = known
    if "state" in values:
        state = read_state(values["state"], known)
        values["state"] = state or values["state"]
        if state is None:
            yield "state_unknown"
    if "postal_code" in values:
        form = postal_code(values["postal_code"], known)
        values["postal_code"] = form or values["postal_code"]
        if form is None:
            yield "postal_code_invalid"


def _languages(values: dict[str, Any]) -> Iterator[str]:
    text = values.get("language")
    if text is None or (isinstance(text, str) and text in ENGLISH_NAMES):
        return
    parts = text if isinstance(text, list) else split_languages(text)
    codes = [(part, read_language(part)) for part in parts]
    known = dict.fromkeys(code for _, code in codes if code is not None)
    unknown = dict.fromkeys(part for part, code in codes if code is None)
    if known:
        all_ = [*known, *unknown]
        values["language"] = all_[0] if len(all_) == 1 else all_
    if unknown:
        yield "language_unknown"


def _number(text: str, whole: bool, hints: Hints, country: object, flags: list[str]) -> int | float | str:
    """The number or range, or the text if it is neither."""
    read = read_number(text, hints.decimal or decimal_of(country), whole=whole)
    if read is None:
        flags.append("number_unreadable")
        return text
    if read.ambiguous:
        flags.append("number_ambiguous")
    return read.value


def _timestamp(text: str, hints: Hints, flags: list[str]) -> datetime | str:
    read = read_date(text, hints.dates)
    if read.at is None:
        flags.append("date_ambiguous" if read.ambiguous else "date_unreadable")
        return text
    return hints.moment(read.at.replace(tzinfo=None)) if read.is_local else read.at


def _consent(values: dict[str, Any], flags: list[str], changed: list[str]) -> None:
    """Consent is given only by a word that is true. Any other text is kept, and counts as not given."""
    given = values["consent"]
    if all(type(each) is bool for each in given.values()):
        return
    changed.append("consent")
    values["consent"] = read = {
        name: each if (known := read_boolean(each)) is None else known for name, each in given.items()
    }
    if not all(type(each) is bool for each in read.values()):
        flags.append("consent_unreadable")


def _engagement(item: dict[str, Any], hints: Hints, flags: list[str]) -> dict[str, Any]:
    at, count = item.get("at"), item.get("count")
    if type(at) is not str and type(count) is not str:
        return item
    read = dict(item)
    if type(at) is str:
        read["at"] = _timestamp(at, hints, flags)
    if type(count) is str:
        read["count"] = _number(count, True, hints, None, flags)
    return read


def is_unread(name: str, value: Any) -> bool:
    """Whether this is the text of a number or a time that could not be read."""
    if name in NUMBERS:
        return isinstance(value, str) and bounds_of(value) is None
    return name in TIMESTAMPS and isinstance(value, str)


def flags_of_unread(values: Mapping[str, Any], declared: Iterable[Field]) -> Iterator[str]:
    """The flags of numbers, times, consent and declared attributes that still are as they were sent."""
    flags: list[str] = []
    engagement = [item for item in values.get("engagement", ()) if isinstance(item, dict)]
    if any(is_unread(name, values.get(name)) for name in NUMBERS) or any(
        is_unread(NUMBERS[0], item.get("count")) for item in engagement
    ):
        yield "number_unreadable"
    for text in (*(values.get(name) for name in TIMESTAMPS), *(item.get("at") for item in engagement)):
        if isinstance(text, str):
            _timestamp(text, NO_HINTS, flags)
    if any(type(each) is not bool for each in values.get("consent", {}).values()):
        yield "consent_unreadable"
    if isinstance(attributes := values.get("attributes"), dict):
        flags += read_declared(attributes, declared, NO_HINTS, values.get("country"))[1]
    yield from flags


def read_declared(
    attributes: dict[str, Any], declared: Iterable[Field], hints: Hints, country: object
) -> tuple[dict[str, Any], list[str]]:
    """Custom attributes in the types that a plan declares, and the flags. The given ones are not changed."""
    flags: list[str] = []
    for field in declared:
        *path, last = field.name.split(".")[1:]
        place: Any = attributes
        for name in path:
            place = place.get(name) if isinstance(place, dict) else None
        value = place.get(last) if isinstance(place, dict) else None
        if value is None:
            continue
        read = _as_declared(value, field.kind, hints, country, flags)
        if read is not value:
            attributes = _with(attributes, [*path, last], read)
    return attributes, list(dict.fromkeys(flags))


def _as_declared(value: Any, kind: Kind, hints: Hints, country: object, flags: list[str]) -> Any:
    """The value in this type. What cannot be read stays."""
    match kind:
        case Kind.INTEGER | Kind.NUMBER if isinstance(value, str):
            return _number(value, kind is Kind.INTEGER, hints, country, flags)
        case Kind.INTEGER | Kind.NUMBER if isinstance(value, bool) or not isinstance(value, (int, float)):
            flags.append("number_unreadable")
        case Kind.BOOLEAN if not isinstance(value, bool):
            read = read_boolean(value)
            if read is None:
                flags.append("boolean_unreadable")
            return value if read is None else read
        case Kind.TIMESTAMP if isinstance(value, (str, int)) and not isinstance(value, bool):
            at = _timestamp(str(value), hints, flags)
            return at.isoformat().replace("+00:00", "Z") if isinstance(at, datetime) else value
        case Kind.STRING if isinstance(value, (int, float)) and not isinstance(value, bool):
            return str(value)
        case Kind.STRINGS if isinstance(value, str):
            return [part.strip() for part in value.split(";") if part.strip()]
    return value


def _with(attributes: dict[str, Any], path: list[str], value: Any) -> dict[str, Any]:
    first, *rest = path
    return {**attributes, first: _with(attributes[first], rest, value) if rest else value}
