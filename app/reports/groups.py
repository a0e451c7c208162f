"""The groups of a report: their keys in order, their columns, and a table out of counts by group."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from app.pace import in_order, paced
from app.reports.dimensions import DIMENSIONS
from app.reports.report import Question
from app.reports.tables import Column, Table
from app.store.connection.pool import Row

Key = tuple[Any, ...]
"""The values of a group, in the order of `group_by`. None is what has no value."""
Cells = Callable[[Row], Mapping[str, Any]]


def key_of(row: Row | Mapping[str, Any], names: Sequence[str]) -> Key:
    """The group that a row is about."""
    return tuple(row[name] for name in names)


def sort_key(key: Iterable[Any]) -> list[tuple[bool, str]]:
    """What groups are sorted by: their values as text. What has no value comes last."""
    return [(part is None, str(part)) for part in key]


async def sorted_keys(keys: Iterable[Key]) -> list[Key]:
    """Keys in order, each once."""
    return await in_order(set(keys), sort_key)


def group_columns(names: Iterable[str]) -> list[Column]:
    """A column for each dimension."""
    return [Column(name, "name", DIMENSIONS.get(name, name)) for name in names]


def group_cells(question: Question, key: Key) -> dict[str, Any]:
    """The cells of the groups of a row."""
    return dict(zip(question.group_by, key, strict=True))


async def table_of(
    question: Question, columns: Sequence[Column], counted: Sequence[Row], cells: Cells
) -> Table:
    """A row for each group, in order, and the totals out of the row that is about everything."""
    names = question.group_by
    groups = await in_order(
        (row for row in counted if not row["is_total"]), lambda row: sort_key(key_of(row, names))
    )
    rows = [{**group_cells(question, key_of(row, names)), **cells(row)} async for row in paced(groups)]
    totals = next((cells(row) for row in counted if row["is_total"]), None)
    return Table([*group_columns(names), *columns], rows, totals)


def newest(*times: datetime | None) -> datetime | None:
    """The newest of some times, of which some may be unknown."""
    return max((at for at in times if at is not None), default=None)


async def newest_change(counted: Iterable[Row]) -> datetime | None:
    """When the newest of what was counted changed."""
    return newest(*[row["changed_at"] async for row in paced(counted)])
