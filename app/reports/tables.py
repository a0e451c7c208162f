"""The answer of a report: a table with its words, as JSON and as CSV."""

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

from app.pace import paced
from app.reports.statistics import Rate

Unit = Literal["name", "count", "rate", "seconds", "hours", "money", "number", "text", "time", "days"]
RATE_PARTS = ("", "_low", "_high", "_numerator", "_denominator")
"""A rate has five columns in CSV: the share, its interval, and what it was counted from."""
_FORMULA = re.compile(r"^[=+\-@\t\r]")


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its name, its unit, and what it says."""

    name: str
    unit: Unit
    text: str


@dataclass(frozen=True, slots=True)
class Table:
    """Rows with the same columns. `totals` counts each lead once, so it need not be the sum of the rows.

    Where there are several, such as one for each currency, they are `total_rows`.
    """

    columns: Sequence[Column]
    rows: Sequence[Mapping[str, Any]]
    totals: Mapping[str, Any] | None = None
    total_rows: Sequence[Mapping[str, Any]] = ()

    async def to_json(self) -> dict[str, Any]:
        """The table as callers see it."""
        return {
            "columns": [{"name": each.name, "unit": each.unit, "text": each.text} for each in self.columns],
            "rows": [self._row(row) async for row in paced(self.rows)],
            "totals": self._row(self.totals) if self.totals is not None else None,
        }

    def _row(self, row: Mapping[str, Any]) -> dict[str, Any]:
        return {each.name: _json_cell(row.get(each.name)) for each in self.columns}

    async def to_csv(self, *, bom: bool = False) -> str:
        """The table as CSV (RFC 4180), with the totals last, and with a byte order mark if asked."""
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\r\n")
        writer.writerow([name for each in self.columns for name in _csv_names(each)])
        totals = self.total_rows if self.totals is None else [self.totals]
        names: dict[str, Any] = dict.fromkeys(
            (each.name for each in self.columns if each.unit == "name"), "total"
        )
        async for row in paced((*self.rows, *({**names, **each} for each in totals))):
            writer.writerow([cell for each in self.columns for cell in _csv_cells(each, row)])
        return ("\ufeff" if bom else "") + out.getvalue()


@dataclass(frozen=True, slots=True)
class Result:
    """What a report found: its table, and what does not fit into one.

    - `credit` and `by` say who is credited, and what a row counts.
    - `method` says whether percentiles are `exact` or `binned`.
    - `details` are further small tables or lists by name, `notes` sentences for the reader.
    - `not_available` says what cannot be told, and why.
    - `changed_at` is the newest change of what was counted.
    """

    table: Table
    by: str | None = None
    credit: str | None = None
    method: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict)
    notes: Sequence[str] = ()
    not_available: Mapping[str, str] = field(default_factory=dict)
    changed_at: datetime | None = None


def _json_cell(cell: Any) -> Any:
    if isinstance(cell, Rate):
        return cell.to_json()
    if isinstance(cell, Decimal):
        cell = float(cell)
    return int(cell) if isinstance(cell, float) and cell.is_integer() else cell


def _csv_names(column: Column) -> list[str]:
    return [f"{column.name}{part}" for part in RATE_PARTS] if column.unit == "rate" else [column.name]


def _csv_cells(column: Column, row: Mapping[str, Any]) -> list[Any]:
    cell = row.get(column.name)
    if column.unit == "rate":
        if not isinstance(cell, Rate):
            return [_csv_cell(cell), "", "", "", ""]
        return [_csv_cell(each) for each in cell.to_json().values()]
    return [_csv_cell(cell)]


def _csv_cell(cell: Any) -> Any:
    """Text that a spreadsheet would take for a formula gets an apostrophe (CWE-1236); numbers stay."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, datetime):
        return cell.isoformat().replace("+00:00", "Z")
    if isinstance(cell, str):
        return f"'{cell}" if _FORMULA.match(cell) else cell
    return _plain(cell)


def _plain(number: float | Decimal) -> str:
    """A number in one form, whatever it was computed with: `1740`, `216.67`; no exponent, no zeros behind."""
    text = f"{Decimal(repr(number)) if isinstance(number, float) else Decimal(number):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
