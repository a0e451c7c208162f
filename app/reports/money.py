"""Money in reports: one row for each currency, because amounts of different ones are never added."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import ROUND_HALF_EVEN, Decimal

from app.reports.groups import Key, key_of
from app.store.connection.pool import Row

_CENT = Decimal("0.01")


def per(amount: Decimal, of: int) -> Decimal | None:
    """An amount for each of so many, rounded to a hundredth. None for none."""
    return (amount / of).quantize(_CENT, ROUND_HALF_EVEN) if of else None


def by_currency(rows: Iterable[Row], names: Sequence[str]) -> Mapping[tuple[Key, str], Row]:
    """The rows by their group and their currency."""
    return {(key_of(row, names), row["currency"]): row for row in rows}


def currencies_of(*found: Iterable[tuple[Key, str]]) -> Sequence[str | None]:
    """All currencies of rows, in order; an unknown one if there are none, so that leads still count."""
    known = sorted({currency for rows in found for _, currency in rows})
    return known or [None]


def shown(currency: str | None) -> str | None:
    """A currency as a cell: empty if the event did not name it."""
    return currency or None
