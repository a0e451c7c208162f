"""From counts by group to the answer of a report: its rows in order, and the totals."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from app.reports.dimensions import DIMENSIONS
from app.reports.report import Question
from app.reports.tables import Column, Table
from app.store.connection.pool import Row

Cells = Callable[[Row], Mapping[str, Any]]


def table_of(question: Question, columns: Sequence[Column], counted: Sequence[Row], cells: Cells) -> Table:
    """A row for each group, in order, and the totals out of the row that is about everything."""
    groups = [row for row in counted if not row["is_total"]]
    groups.sort(key=lambda row: [(row[name] is None, row[name] or "") for name in question.group_by])
    rows = [{**{name: row[name] for name in question.group_by}, **cells(row)} for row in groups]
    totals = next((cells(row) for row in counted if row["is_total"]), None)
    return Table([*named(question.group_by), *columns], rows, totals)


def named(names: Sequence[str]) -> list[Column]:
    """The columns of the groups."""
    return [Column(name, "name", DIMENSIONS.get(name, name)) for name in names]


def newest_change(counted: Sequence[Row]) -> datetime | None:
    """When the newest of what was counted changed."""
    return max((row["changed_at"] for row in counted if row["changed_at"] is not None), default=None)
