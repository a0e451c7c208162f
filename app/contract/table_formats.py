"""Reads the body of a table: a JSON document, a CSV file, or lines of JSON."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import orjson
from pydantic import ValidationError

from app.contract.limits import KIB, BodyLimits
from app.contract.separators import dialect, find_separator
from app.contract.strict_json import parse
from app.engine.lookup.tables import TableContent
from app.errors import Fault, Path, Problem, ValidationFailed, refused_at
from app.plan.document.pydantic_errors import findings_of
from app.plan.document.targets import Target
from app.plan.language.columns import MAX_COLUMNS
from app.plan.language.fields import PIPELINE
from app.plan_check.parse import steps

JSON, CSV, LINES = "application/json", "text/csv", "application/x-ndjson"
MEDIA = (JSON, CSV, LINES, "application/ndjson")
MAX_ROWS = 100_000
MAX_CELL_VALUES = 20
"""The most prefixes in the list of a cell. A range has two ends."""
MAX_CELL_LENGTH = 255
MAX_FAULTS = 100
LIMITS = BodyLimits(size=32 * 1024 * KIB, depth=8, keys=100, items=MAX_ROWS, seconds=60)
_CELL = (
    f"must be a string of at most {MAX_CELL_LENGTH} characters, a number, true, false, null, [low, high],"
    " or a list of strings"
)

LIST_COLUMNS = frozenset(("skills", "languages", "match"))
"""Columns whose CSV cells hold several values, separated by semicolons."""
TARGET_COLUMNS = frozenset(
    (
        *("owner", "team", "current_owner", "queue", "path", "block"),
        *("priority", "sla", "pick", "off_hours", "else", *LIST_COLUMNS),
    )
)
"""Columns that say where the lead goes. All other columns are compared with the lead."""


def read_table(raw: bytes, media: str, separator: str | None = None) -> TableContent:
    """The table in a body of this media type. The separator of CSV is detected if it is not given.

    Raises MalformedJson, or ValidationFailed with the path of every fault, such as `rows[17][2].team`. In CSV
    and lines of JSON it is `lines[18].team`; lines count from 1, as in an editor.
    """
    if media == CSV:
        return _from_csv(raw, separator)
    if media == JSON:
        return _from_document(parse(raw, LIMITS))
    return _from_lines(raw)


class _RowCollector:
    """Collects rows one by one. Equal targets are stored once."""

    def __init__(self, columns: object, path: Path) -> None:
        self.columns = _checked_columns(columns, path)
        self.faults: list[Fault] = []
        self._rows: list[list[Any]] = []
        self._targets: list[dict[str, Any]] = []
        self._positions: dict[bytes, int | None] = {}

    def add(self, path: Path, cells: Sequence[Any], target: object, steps_to: Iterable[str | int]) -> None:
        """Adds a row. `steps_to` are the steps from `path` to each cell and then to the target."""
        fits = all(map(_is_cell, cells))
        position = self._positions.get(_key(target)) if fits else None
        if position is None:
            position = self._unknown(path, cells, target, steps_to)
        if position is not None and fits:
            self._rows.append([*cells, position])

    def _unknown(
        self, path: Path, cells: Sequence[Any], target: object, steps_to: Iterable[str | int]
    ) -> int | None:
        """The position of a target that is new or follows a fault. Collects the faults of the row."""
        *to_cells, to_target = steps_to
        wrong = [step for cell, step in zip(cells, to_cells, strict=True) if not _is_cell(cell)]
        self.refuse(Fault((*path, step), "wrong_type", _CELL) for step in wrong)
        return self._target(target, (*path, to_target) if to_target != "" else path)

    def refuse(self, faults: Iterable[Fault]) -> None:
        """Keep the faults of a row. Raises ValidationFailed when there are many."""
        self.faults += faults
        if len(self.faults) >= MAX_FAULTS:
            raise ValidationFailed(faults=self.faults)

    def table(self) -> TableContent:
        """The table. Raises ValidationFailed when a row had a fault."""
        if self.faults:
            raise ValidationFailed(faults=self.faults)
        return TableContent(self.columns, self._targets, self._rows)

    def _target(self, written: object, path: Path) -> int | None:
        key = _key(written)
        if self._positions.get(key) is None:
            try:
                if not isinstance(written, dict):
                    raise refused_at(path, "wrong_type", "must be an object, like the `then` of a rule")
                target = Target.model_validate(written)
            except ValidationError as refused:
                self.refuse(
                    Fault((*path, *steps(each.path)), each.code, each.text) for each in findings_of(refused)
                )
                return None
            except ValidationFailed as refused:
                self.refuse(refused.faults)
                return None
            self._positions[key] = len(self._targets)
            self._targets.append(
                target.model_dump(mode="json", by_alias=True, exclude_unset=True, exclude_none=True)
            )
        return self._positions[key]


def _key(target: object) -> bytes:
    return orjson.dumps(target, option=orjson.OPT_SORT_KEYS)


def _checked_columns(sent: object, path: Path) -> list[str]:
    if not isinstance(sent, list) or not 1 <= len(sent) <= MAX_COLUMNS:
        raise refused_at(path, "wrong_type", f"must name 1 to {MAX_COLUMNS} columns")
    for position, name in enumerate(sent):
        at = (*path, position)
        text = isinstance(name, str) and name.strip() and name.isprintable()
        if not text or len(name) > MAX_CELL_LENGTH:
            raise refused_at(at, "wrong_type", "must be the name of a field")
        if name in TARGET_COLUMNS:
            raise refused_at(at, "reserved_name", "is a target column and cannot be compared with a lead")
        if name in sent[:position]:
            raise refused_at(at, "duplicate_key", "appears twice")
    return sent


def _is_cell(cell: object) -> bool:
    if isinstance(cell, str):
        return len(cell) <= MAX_CELL_LENGTH and "\0" not in cell
    if isinstance(cell, list):
        texts = all(isinstance(each, str) for each in cell) and 1 <= len(cell) <= MAX_CELL_VALUES
        ends = len(cell) == 2 and not any(isinstance(each, (list, bool)) for each in cell)
        return (texts or ends) and all(map(_is_cell, cell))
    return cell is None or isinstance(cell, (int, float))


def _from_document(sent: object) -> TableContent:
    if not isinstance(sent, dict):
        raise refused_at((), "wrong_type", "must be an object with columns and rows")
    unknown = [
        Fault((name,), "unknown_field", "is not a known field") for name in sent.keys() - {"columns", "rows"}
    ]
    missing = [Fault((name,), "required", "is required") for name in ("columns", "rows") if name not in sent]
    if unknown or missing:
        raise ValidationFailed(faults=[*unknown, *missing])
    if not isinstance(sent["rows"], list):
        raise refused_at(("rows",), "wrong_type", "must be a list")
    collected = _RowCollector(sent["columns"], ("columns",))
    width = len(collected.columns)
    for position, row in enumerate(sent["rows"]):
        _add_list(collected, ("rows", position), row, width)
    return collected.table()


def _add_list(collected: _RowCollector, path: Path, row: object, width: int) -> None:
    if not isinstance(row, list) or len(row) != width + 1:
        detail = f"must be a list of {width} cells, one for each column, and the target"
        collected.refuse([Fault(path, "wrong_type", detail)])
    else:
        collected.add(path, row[:-1], row[-1], range(width + 1))


def _from_lines(raw: bytes) -> TableContent:
    """Reads objects with a key for each column, or lists as in a document.

    The first object names the columns. Lists need a first line {"columns": […]}.
    """
    collected: _RowCollector | None = None
    for number, line in _numbered(raw):
        path: Path = ("lines", number)
        try:
            sent = parse(line, LIMITS)
        except Problem as problem:
            raise refused_at(path, problem.code, problem.detail or problem.title) from None
        if collected is None:
            collected = _RowCollector(_first_columns(sent, path), path)
            if isinstance(sent, dict) and "columns" in sent:
                continue
        if isinstance(sent, dict):
            _add_object(collected, path, sent)
        else:
            _add_list(collected, path, sent, len(collected.columns))
    if collected is None:
        raise refused_at((), "required", "must have at least one line")
    return collected.table()


def _first_columns(sent: object, path: Path) -> object:
    if not isinstance(sent, dict):
        raise refused_at(path, "required", 'must be preceded by a line {"columns": […]}')
    return sent["columns"] if "columns" in sent else [name for name in sent if name not in TARGET_COLUMNS]


def _add_object(collected: _RowCollector, path: Path, sent: dict[str, Any]) -> None:
    unknown = sent.keys() - TARGET_COLUMNS - set(collected.columns)
    collected.refuse(
        Fault((*path, name), "unknown_field", "is not a column of the first line") for name in unknown
    )
    cells = [sent.get(name) for name in collected.columns]
    target = {name: value for name, value in sent.items() if name in TARGET_COLUMNS}
    collected.add(path, cells, target, (*collected.columns, ""))


def _numbered(raw: bytes) -> Iterator[tuple[int, bytes]]:
    lines = raw.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    filled = [(number, line) for number, line in enumerate(lines, 1) if line.strip()]
    if len(filled) > MAX_ROWS + 1:
        raise _too_many()
    return iter(filled)


def _from_csv(raw: bytes, separator: str | None) -> TableContent:
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise refused_at((), "not_utf8", "must be UTF-8") from None
    # Not splitlines(), which splits at more characters than an editor does.
    lines = io.StringIO(text, newline="")
    separator = separator or find_separator(lines, _is_known)
    lines.seek(0)
    rows = csv.reader(lines, strict=True, **dialect(separator))
    try:
        header = [name.strip() for name in next(rows, [])]
        names = [name for name in header if name not in TARGET_COLUMNS]
        collected = _RowCollector(names, ("lines", 1))
        if len(set(header)) < len(header):
            raise refused_at(("lines", 1), "duplicate_key", "names a column twice")
        for count, row in enumerate(filter(any, rows)):
            if count == MAX_ROWS:
                raise _too_many()
            _add_cells(collected, ("lines", rows.line_num), header, row)
    except csv.Error:
        raise refused_at(("lines", rows.line_num), "invalid_format", "is not well-formed CSV") from None
    return collected.table()


def _is_known(column: str) -> bool:
    return column in TARGET_COLUMNS or PIPELINE.find(column) is not None


def _add_cells(collected: _RowCollector, path: Path, header: Sequence[str], row: Sequence[str]) -> None:
    if len(row) != len(header):
        detail = f"must have {len(header)} cells, like the first line"
        collected.refuse([Fault(path, "wrong_type", detail)])
        return
    filled = {name: cell.strip() for name, cell in zip(header, row, strict=True) if cell.strip()}
    target = {name: _target_value(name, cell) for name, cell in filled.items() if name in TARGET_COLUMNS}
    collected.add(path, [filled.get(name) for name in collected.columns], target, (*collected.columns, ""))


def _target_value(name: str, cell: str) -> object:
    if name in LIST_COLUMNS:
        return [part.strip() for part in cell.split(";") if part.strip()]
    if name == "current_owner" and cell.casefold() == "true":
        return True
    if name == "priority" and cell.isascii() and cell.isdigit():
        return int(cell)
    return cell


def _too_many() -> ValidationFailed:
    return refused_at(("rows",), "too_many_items", f"must have at most {MAX_ROWS} items")
