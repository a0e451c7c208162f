"""What a new state of a table changes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.engine.lookup.tables import TableContent

MAX_SHOWN = 20
Row = Sequence[Any]
"""A row as it is sent: the cells, and the target."""


@dataclass(frozen=True, slots=True)
class TableDifference:
    """How many rows came, went, and have another target now; and the first of each, as they are or were."""

    added: int
    removed: int
    changed: int
    first: Mapping[str, Sequence[Row]]

    def told(self) -> dict[str, Any]:
        """As plain values."""
        counts = {"added": self.added, "removed": self.removed, "changed": self.changed}
        return {**counts, "first": dict(self.first)}


def diff_rows(before: TableContent | None, now: TableContent) -> TableDifference:
    """Rows are the same when their cells are. Of several with the same cells only the first one counts."""
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
