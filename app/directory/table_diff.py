"""The difference between two states of a table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.engine.lookup.tables import TableContent

MAX_SHOWN = 20
Row = Sequence[Any]
"""A row: the cells, then the target."""


@dataclass(frozen=True, slots=True)
class TableDifference:
    """The number of rows added, removed and changed (another target), and the first of each."""

    added: int
    removed: int
    changed: int
    first: Mapping[str, Sequence[Row]]

    def to_json(self) -> dict[str, Any]:
        """As JSON."""
        counts = {"added": self.added, "removed": self.removed, "changed": self.changed}
        return {**counts, "first": dict(self.first)}


def diff_rows(before: TableContent | None, now: TableContent) -> TableDifference:
    """Compare rows by their cells. Of several rows with the same cells, only the first one counts."""
    old = _by_cells(before) if before is not None and list(before.columns) == list(now.columns) else {}
    new = _by_cells(now)
    added = [row for cells, row in new.items() if cells not in old]
    removed = [row for cells, row in old.items() if cells not in new]
    changed = [row for cells, row in new.items() if cells in old and _differ(before, old[cells], now, row)]
    gone = len(removed) if old or before is None else len(before.rows)
    first = {
        "added": _shown(now, added),
        "removed": _shown(before, removed),
        "changed": _shown(now, changed),
    }
    return TableDifference(len(added), gone, len(changed), first)


def _by_cells(table: TableContent) -> dict[tuple[Any, ...], Row]:
    found: dict[tuple[Any, ...], Row] = {}
    for row in table.rows:
        key = tuple(row[:-1])
        try:
            found.setdefault(key, row)
        except TypeError:  # a list has no hash
            key = tuple([tuple(cell) if type(cell) is list else cell for cell in key])
            found.setdefault(key, row)
    return found


def _differ(before: TableContent | None, old: Row, now: TableContent, new: Row) -> bool:
    return before is not None and before.targets[old[-1]] != now.targets[new[-1]]


def _shown(table: TableContent | None, rows: Sequence[Row]) -> Sequence[Row]:
    """The first rows with their targets."""
    return [[*row[:-1], table.targets[row[-1]]] for row in rows[:MAX_SHOWN]] if table is not None else []
