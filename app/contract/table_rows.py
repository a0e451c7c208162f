"""The rows of a table, gathered one by one out of whatever was sent, with the place of every fault."""

from collections.abc import Iterable, Sequence
from typing import Any

import orjson
from pydantic import ValidationError

from app.engine.lookup.tables import Table
from app.errors import Fault, Path, Refused, fault_at
from app.plan.document.pydantic_errors import findings_of
from app.plan.document.targets import Target
from app.plan.language.columns import MOST_COLUMNS
from app.plan_check.parse import steps

LONGEST_CELL = 255
MOST_FAULTS = 100
_CELL = f"must be text of at most {LONGEST_CELL} characters, a number, true, false, null, or [low, high]"

LISTS = frozenset(("skills", "languages", "match"))
"""Columns whose cells hold several words in CSV, with a semicolon between."""
OF_THE_TARGET = frozenset(
    ("owner", "team", "queue", "path", "block", "priority", "sla", "pick", "off_hours", "else", *LISTS)
)
"""Columns that say where the lead goes; every other is compared with the lead."""


class Gathered:
    """Rows gathered one by one. Targets that are written alike are kept once."""

    def __init__(self, columns: object, path: Path) -> None:
        self.columns = _columns(columns, path)
        self.faults: list[Fault] = []
        self._rows: list[list[Any]] = []
        self._targets: list[dict[str, Any]] = []
        self._known: dict[bytes, int | None] = {}

    def add(self, path: Path, cells: Sequence[Any], target: object, places: Iterable[str | int]) -> None:
        """One row; `places` are the steps from it to each of its cells and to its target."""
        *at_cells, at_target = places
        wrong = [place for cell, place in zip(cells, at_cells, strict=True) if not _is_cell(cell)]
        self.faults += [Fault((*path, place), "wrong_type", _CELL) for place in wrong]
        position = self._target(target, (*path, at_target) if at_target != "" else path)
        if position is not None and not wrong:
            self._rows.append([*cells, position])
        if len(self.faults) >= MOST_FAULTS:
            raise Refused(faults=self.faults)

    def table(self) -> Table:
        """The table, if there is nothing wrong with it. Raises Refused."""
        if self.faults:
            raise Refused(faults=self.faults)
        return Table(self.columns, self._targets, self._rows)

    def _target(self, written: object, path: Path) -> int | None:
        key = orjson.dumps(written, option=orjson.OPT_SORT_KEYS)
        if self._known.get(key) is None:
            try:
                if not isinstance(written, dict):
                    raise fault_at(path, "wrong_type", "must be an object, such as a rule's then")
                target = Target.model_validate(written)
            except ValidationError as refused:
                self.faults += [
                    Fault((*path, *steps(each.path)), each.code, each.text) for each in findings_of(refused)
                ]
                return None
            except Refused as refused:
                self.faults += refused.faults
                return None
            self._known[key] = len(self._targets)
            self._targets.append(
                target.model_dump(mode="json", by_alias=True, exclude_unset=True, exclude_none=True)
            )
        return self._known[key]


def _columns(sent: object, path: Path) -> list[str]:
    if not isinstance(sent, list) or not 1 <= len(sent) <= MOST_COLUMNS:
        raise fault_at(path, "wrong_type", f"must name 1 to {MOST_COLUMNS} columns")
    for position, name in enumerate(sent):
        at = (*path, position)
        if (
            not isinstance(name, str)
            or not name.strip()
            or len(name) > LONGEST_CELL
            or not name.isprintable()
        ):
            raise fault_at(at, "wrong_type", "must be the name of a field")
        if name in OF_THE_TARGET:
            raise fault_at(at, "taken_name", "says where leads go and cannot be compared")
        if name in sent[:position]:
            raise fault_at(at, "duplicate_key", "stands there twice")
    return sent


def _is_cell(cell: object) -> bool:
    if isinstance(cell, str):
        return len(cell) <= LONGEST_CELL and "\0" not in cell
    if isinstance(cell, list):
        return len(cell) == 2 and all(not isinstance(end, (list, bool)) and _is_cell(end) for end in cell)
    return cell is None or isinstance(cell, (int, float))
