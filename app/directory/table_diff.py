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
    changed = [row for cells, row in new.items() if cells in old and old[cells][-1] != row[-1]]
    removed = [row for cells, row in old.items() if cells not in new]
    gone = len(removed) if old or before is None else len(before.rows)
    found = {"added": added, "removed": removed, "changed": changed}
    return TableDifference(
        len(added), gone, len(changed), {name: rows[:MAX_SHOWN] for name, rows in found.items()}
    )


def _by_cells(table: TableContent) -> dict[tuple[Any, ...], Row]:
    found: dict[tuple[Any, ...], Row] = {}
    for *cells, target in table.rows:
        key = tuple(tuple(cell) if isinstance(cell, list) else cell for cell in cells)
        found.setdefault(key, [*cells, table.targets[target]])
    return found
