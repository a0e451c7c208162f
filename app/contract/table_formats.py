"""The body of a table: a JSON document, a CSV file, or lines of JSON."""

import csv
from collections.abc import Iterator, Sequence
from typing import Any

from app.contract.limits import KIB, BodyLimits
from app.contract.strict_json import parse
from app.contract.table_rows import LISTS, OF_THE_TARGET, RowCollector
from app.engine.lookup.tables import TableContent
from app.errors import Fault, Path, Problem, ValidationFailed, refused_at

JSON, CSV, LINES = "application/json", "text/csv", "application/x-ndjson"
MEDIA = (JSON, CSV, LINES, "application/ndjson")
MAX_ROWS = 100_000
LIMITS = BodyLimits(size=32 * 1024 * KIB, depth=8, keys=100, items=MAX_ROWS, seconds=60)


def read_table(raw: bytes, media: str) -> TableContent:
    """The table of a body of this media type.

    Raises Malformed, and Refused with the place of every fault: `rows[17][2].team`, or `lines[18].team` in
    CSV and lines of JSON, where lines count from 1 as editors do.
    """
    if media == CSV:
        return _of_csv(raw)
    if media == JSON:
        return _of_document(parse(raw, LIMITS))
    return _of_lines(raw)


def _of_document(sent: object) -> TableContent:
    if not isinstance(sent, dict):
        raise refused_at((), "wrong_type", "must be an object with columns and rows")
    unknown = [
        Fault((name,), "unknown_field", "is not a known field") for name in sent.keys() - {"columns", "rows"}
    ]
    missing = [Fault((name,), "missing", "is required") for name in ("columns", "rows") if name not in sent]
    if unknown or missing:
        raise ValidationFailed(faults=[*unknown, *missing])
    if not isinstance(sent["rows"], list):
        raise refused_at(("rows",), "wrong_type", "must be a list")
    gathered = RowCollector(sent["columns"], ("columns",))
    width = len(gathered.columns)
    for position, row in enumerate(sent["rows"]):
        _add_list(gathered, ("rows", position), row, width)
    return gathered.table()


def _add_list(gathered: RowCollector, path: Path, row: object, width: int) -> None:
    if not isinstance(row, list) or len(row) != width + 1:
        detail = f"must be a list of {width} cells, one for each column, and the target"
        gathered.faults.append(Fault(path, "wrong_type", detail))
    else:
        gathered.add(path, row[:-1], row[-1], range(width + 1))


def _of_lines(raw: bytes) -> TableContent:
    """Objects that bear the names of the columns, or lists as in a document.

    The first object says which columns there are; before lists that is {"columns": […]}.
    """
    gathered: RowCollector | None = None
    for number, line in _numbered(raw):
        path: Path = ("lines", number)
        try:
            sent = parse(line, LIMITS)
        except Problem as problem:
            raise refused_at(path, problem.code, problem.detail or problem.title) from None
        if gathered is None:
            gathered = RowCollector(_first_columns(sent, path), path)
            if isinstance(sent, dict) and "columns" in sent:
                continue
        if isinstance(sent, dict):
            _add_object(gathered, path, sent)
        else:
            _add_list(gathered, path, sent, len(gathered.columns))
    if gathered is None:
        raise refused_at((), "missing", "must hold at least one line")
    return gathered.table()


def _first_columns(sent: object, path: Path) -> object:
    if not isinstance(sent, dict):
        raise refused_at(path, "missing", 'must be preceded by a line {"columns": […]}')
    return sent["columns"] if "columns" in sent else [name for name in sent if name not in OF_THE_TARGET]


def _add_object(gathered: RowCollector, path: Path, sent: dict[str, Any]) -> None:
    unknown = sent.keys() - OF_THE_TARGET - set(gathered.columns)
    gathered.faults += [
        Fault((*path, name), "unknown_field", "is no column of the first line") for name in unknown
    ]
    cells = [sent.get(name) for name in gathered.columns]
    target = {name: value for name, value in sent.items() if name in OF_THE_TARGET}
    gathered.add(path, cells, target, (*gathered.columns, ""))


def _numbered(raw: bytes) -> Iterator[tuple[int, bytes]]:
    lines = raw.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    filled = [(number, line) for number, line in enumerate(lines, 1) if line.strip()]
    if len(filled) > MAX_ROWS + 1:
        raise _too_many()
    return iter(filled)


def _of_csv(raw: bytes) -> TableContent:
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise refused_at((), "bad_format", "must be UTF-8") from None
    lines = text.splitlines(keepends=True)
    rows = csv.reader(lines, strict=True, delimiter=_delimiter(lines[0] if lines else ""))
    try:
        header = [name.strip() for name in next(rows, [])]
        names = [name for name in header if name not in OF_THE_TARGET]
        gathered = RowCollector(names, ("lines", 1))
        if len(set(header)) < len(header):
            raise refused_at(("lines", 1), "duplicate_key", "names a column twice")
        for count, row in enumerate(filter(any, rows)):
            if count == MAX_ROWS:
                raise _too_many()
            _add_cells(gathered, ("lines", rows.line_num), header, row)
    except csv.Error:
        raise refused_at(("lines", rows.line_num), "bad_format", "is not well-formed CSV") from None
    return gathered.table()


def _delimiter(header: str) -> str:
    """What separates the names of the columns, and so the cells: a comma where nothing else does."""
    return max(",;\t|", key=header.count)


def _add_cells(gathered: RowCollector, path: Path, header: Sequence[str], row: Sequence[str]) -> None:
    if len(row) != len(header):
        gathered.faults.append(
            Fault(path, "wrong_type", f"must hold {len(header)} cells, as the first line does")
        )
        return
    filled = {name: cell.strip() for name, cell in zip(header, row, strict=True) if cell.strip()}
    target = {name: _of_target(name, cell) for name, cell in filled.items() if name in OF_THE_TARGET}
    gathered.add(path, [filled.get(name) for name in gathered.columns], target, (*gathered.columns, ""))


def _of_target(name: str, cell: str) -> object:
    if name in LISTS:
        return [part.strip() for part in cell.split(";") if part.strip()]
    if name == "priority" and cell.isascii() and cell.isdigit():
        return int(cell)
    return cell


def _too_many() -> ValidationFailed:
    return refused_at(("rows",), "too_many_items", f"must hold at most {MAX_ROWS} items")
