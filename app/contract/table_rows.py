"""The rows of a table, gathered one by one out of whatever was sent, with the place of every fault."""

from collections.abc import Iterable, Sequence
from typing import Any

import orjson
from pydantic import ValidationError

from app.engine.lookup.tables import TableContent
from app.errors import Fault, Path, ValidationFailed, refused_at
from app.plan.document.pydantic_errors import findings_of
from app.plan.document.targets import Target
from app.plan.language.columns import MAX_COLUMNS
from app.plan_check.parse import steps

MAX_CELL_LENGTH = 255
MAX_FAULTS = 100
_CELL = f"must be text of at most {MAX_CELL_LENGTH} characters, a number, true, false, null, or [low, high]"

LISTS = frozenset(("skills", "languages", "match"))
"""Columns whose cells hold several words in CSV, with a semicolon between."""
OF_THE_TARGET = frozenset(
    ("owner", "team", "queue", "path", "block", "priority", "sla", "pick", "off_hours", "else", *LISTS)
)
"""Columns that say where the lead goes; every other is compared with the lead."""


class RowCollector:
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
        if len(self.faults) >= MAX_FAULTS:
            raise ValidationFailed(faults=self.faults)

    def table(self) -> TableContent:
        """The table, if there is nothing wrong with it. Raises Refused."""
        if self.faults:
            raise ValidationFailed(faults=self.faults)
        return TableContent(self.columns, self._targets, self._rows)

    def _target(self, written: object, path: Path) -> int | None:
        key = orjson.dumps(written, option=orjson.OPT_SORT_KEYS)
        if self._known.get(key) is None:
            try:
                if not isinstance(written, dict):
                    raise refused_at(path, "wrong_type", "must be an object, such as a rule's then")
                target = Target.model_validate(written)
            except ValidationError as refused:
                self.faults += [
                    Fault((*path, *steps(each.path)), each.code, each.text) for each in findings_of(refused)
                ]
                return None
            except ValidationFailed as refused:
                self.faults += refused.faults
                return None
            self._known[key] = len(self._targets)
            self._targets.append(
                target.model_dump(mode="json", by_alias=True, exclude_unset=True, exclude_none=True)
            )
        return self._known[key]


def _columns(sent: object, path: Path) -> list[str]:
    if not isinstance(sent, list) or not 1 <= len(sent) <= MAX_COLUMNS:
        raise refused_at(path, "wrong_type", f"must name 1 to {MAX_COLUMNS} columns")
    for position, name in enumerate(sent):
        at = (*path, position)
        if (
            not isinstance(name, str)
            or not name.strip()
            or len(name) > MAX_CELL_LENGTH
            or not name.isprintable()
        ):
            raise refused_at(at, "wrong_type", "must be the name of a field")
        if name in OF_THE_TARGET:
            raise refused_at(at, "reserved_name", "says where leads go and cannot be compared")
        if name in sent[:position]:
            raise refused_at(at, "duplicate_key", "stands there twice")
    return sent


def _is_cell(cell: object) -> bool:
    if isinstance(cell, str):
        return len(cell) <= MAX_CELL_LENGTH and "\0" not in cell
    if isinstance(cell, list):
        return len(cell) == 2 and all(not isinstance(end, (list, bool)) and _is_cell(end) for end in cell)
    return cell is None or isinstance(cell, (int, float))
