"""Reads tables as spreadsheets write them: with or without a byte order mark, with commas or semicolons.

A fault of the whole file ends the command. A fault of a row is reported with its line, and the other rows
are read.
"""

import codecs
import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from app.cli.context import CommandError
from app.errors import ValidationFailed, refused_at

TABLES = frozenset((".csv", ".tsv"))
"""File extensions of tables. All other files hold lines of JSON."""
DELIMITERS = (",", ";", "\t", "|")
_DECLARED = "sep="
_NUMBER = re.compile(r"[+-]?[0-9]{1,18}(\.[0-9]{1,18})?")
_WIDE = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)

Row = dict[str, str]
"""The trimmed cells of a row by column, without empty ones."""
Numbered = tuple[int, Row]
"""The line on which a row begins, and the row."""


@dataclass(slots=True)
class Sheet:
    """A table. `faults` are the rows that could not be read, by line.

    `comma` allows a decimal comma in numbers. It is set if cells are not separated by commas.
    """

    columns: tuple[str, ...]
    comma: bool
    rows: list[Numbered] = field(default_factory=list)
    faults: list[tuple[int, ValidationFailed]] = field(default_factory=list)


def text_of(path: Path) -> str:
    """The text of a UTF-8 file. Raises CommandError if it is empty or cannot be read."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise CommandError(f"Cannot read {path}: {error.strerror or type(error).__name__}.") from None
    try:
        if raw.startswith(_WIDE):
            raise UnicodeDecodeError("utf-8", raw, 0, 2, "UTF-16")
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        remedy = "Save it as UTF-8. Spreadsheets call this CSV UTF-8."
        raise CommandError(f"Cannot read {path}: line {line} is not UTF-8. {remedy}") from None
    if not text.strip():
        raise CommandError(f"{path} is empty.")
    return text


def read_sheet(path: Path) -> Sheet:
    """Read a table. Its first row names the columns.

    Raises CommandError if the file is no table, or if column names are missing or repeated.
    """
    text = text_of(path)
    delimiter, skipped = _delimiter(text)
    reader = _records(text, delimiter, skipped)
    try:
        _, header = next(reader)
    except (csv.Error, StopIteration):
        raise CommandError(f"Cannot read {path}: the first line names no columns.") from None
    columns = _columns(path, header)
    sheet = Sheet(columns, comma=delimiter != ",")
    for line, cells in reader:
        if isinstance(cells, ValidationFailed):
            sheet.faults.append((line, cells))
        elif any(cells) and tuple(cells) != columns:  # concatenated files repeat the header
            _take(sheet, line, cells)
    return sheet


def _delimiter(text: str) -> tuple[str, int]:
    """The delimiter, and the number of lines before the header. A first line `sep=;` names the delimiter."""
    if text.startswith(_DECLARED) and text[5:6] in ("\r", "\n"):
        return text[4], 1
    return max(DELIMITERS, key=text.lstrip().partition("\n")[0].count), 0


def _records(text: str, delimiter: str, skipped: int) -> Iterator[tuple[int, list[str] | ValidationFailed]]:
    """The records below the skipped lines, each with its first line. A broken record is a fault."""
    lines = io.StringIO(text, newline="")
    for _ in range(skipped):
        lines.readline()
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        line = reader.line_num + 1 + skipped
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error:
            # A quotation mark that is never closed swallows the rest of the file.
            yield line, _refused("invalid_quotes", "has unbalanced quotation marks")
            if reader.line_num + skipped > line:
                yield line, _refused("unread", "nothing after this line was read")
                return
        else:
            if cells:
                yield line, [cell.strip() for cell in cells]


def _columns(path: Path, header: list[str] | ValidationFailed) -> tuple[str, ...]:
    if isinstance(header, ValidationFailed):
        raise CommandError(f"Cannot read {path}: the first line has unbalanced quotation marks.")
    while header and not header[-1]:
        header.pop()
    if not all(header) or not header:
        raise CommandError(f"Cannot read {path}: a column in the first line has no name.")
    repeated = sorted({name for name in header if header.count(name) > 1})
    if repeated:
        raise CommandError(f"Cannot read {path}: it has two columns {repeated[0]!r}.")
    return tuple(header)


def _take(sheet: Sheet, line: int, cells: Sequence[str]) -> None:
    expected = len(sheet.columns)
    if len(cells) < expected or any(cells[expected:]):
        detail = f"has {len(cells)} cells for {expected} columns"
        sheet.faults.append((line, _refused("ragged", detail)))
        return
    named = zip(sheet.columns, cells, strict=False)
    sheet.rows.append((line, {name: cell for name, cell in named if cell}))


def _refused(code: str, detail: str) -> ValidationFailed:
    return refused_at((), code, detail)


def number(cell: str, *, comma: bool) -> float | int | str:
    """The number in a cell. A cell that is no number is returned unchanged, and validation refuses it.

    With a decimal comma, `1,5` is one and a half. `1.234,5` is ambiguous and stays text.
    """
    plain = cell.replace(",", ".") if comma and cell.count(",") == 1 and "." not in cell else cell
    if not _NUMBER.fullmatch(plain):
        return cell
    return float(plain) if "." in plain else int(plain)
