"""Tables out of files as people have them: with or without a byte order mark, comma or semicolon, a row awry.

What is wrong with the file as a whole ends the command; what is wrong with a row is told with its line, and
the others are read all the same.
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
"""Endings of files that hold a table; all others hold lines of JSON."""
DELIMITERS = (",", ";", "\t", "|")
_DECLARED = "sep="
_NUMBER = re.compile(r"[+-]?[0-9]{1,18}(\.[0-9]{1,18})?")
_WIDE = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)

Row = dict[str, str]
"""The cells of a row by column, trimmed; empty ones are left out."""
Numbered = tuple[int, Row]
"""The line of the file in which a row begins, and the row."""


@dataclass(slots=True)
class Sheet:
    """A table as it was read. `faults` are rows that could not be, by line.

    `comma` says that numbers may be written with a decimal comma: the cells are not separated by one.
    """

    columns: tuple[str, ...]
    comma: bool
    rows: list[Numbered] = field(default_factory=list)
    faults: list[tuple[int, ValidationFailed]] = field(default_factory=list)


def text_of(path: Path) -> str:
    """The text of a file in UTF-8.

    Raises Stop.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror or type(error).__name__}.") from None
    try:
        if raw.startswith(_WIDE):
            raise UnicodeDecodeError("utf-8", raw, 0, 2, "UTF-16")
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        remedy = "Save it as UTF-8 (spreadsheets call it CSV UTF-8)."
        raise CommandError(f"{path} cannot be read: line {line} is not UTF-8. {remedy}") from None
    if not text.strip():
        raise CommandError(f"{path} is empty.")
    return text


def read_sheet(path: Path) -> Sheet:
    """The table a file holds: its first row names the columns.

    Raises Stop when the file is no table, or its columns have no proper names.
    """
    text = text_of(path)
    delimiter, skipped = _delimiter(text)
    reader = _records(text, delimiter, skipped)
    try:
        _, header = next(reader)
    except (csv.Error, StopIteration):
        raise CommandError(f"{path} cannot be read: its first line names no columns.") from None
    columns = _columns(path, header)
    sheet = Sheet(columns, comma=delimiter != ",")
    for line, cells in reader:
        if isinstance(cells, ValidationFailed):
            sheet.faults.append((line, cells))
        elif any(cells) and tuple(cells) != columns:  # files put together may repeat the header
            _take(sheet, line, cells)
    return sheet


def _delimiter(text: str) -> tuple[str, int]:
    """What separates the cells, and how many lines stand before the header: `sep=;` says it outright."""
    if text.startswith(_DECLARED) and text[5:6] in ("\r", "\n"):
        return text[4], 1
    return max(DELIMITERS, key=text.lstrip().partition("\n")[0].count), 0


def _records(text: str, delimiter: str, skipped: int) -> Iterator[tuple[int, list[str] | ValidationFailed]]:
    """The records below the skipped lines, each with the line it begins in; a broken one is a fault."""
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
            # A quotation mark that is never closed takes the rest of the file with it.
            yield line, _refused("invalid_quotes", "has quotation marks that do not match")
            if reader.line_num + skipped > line:
                yield line, _refused("unread", "nothing from here on was read")
                return
        else:
            if cells:
                yield line, [cell.strip() for cell in cells]


def _columns(path: Path, header: list[str] | ValidationFailed) -> tuple[str, ...]:
    if isinstance(header, ValidationFailed):
        raise CommandError(f"{path} cannot be read: its first line has quotation marks that do not match.")
    while header and not header[-1]:
        header.pop()
    if not all(header) or not header:
        raise CommandError(f"{path} cannot be read: a column in its first line has no name.")
    doubled = sorted({name for name in header if header.count(name) > 1})
    if doubled:
        raise CommandError(f"{path} cannot be read: it has two columns {doubled[0]!r}.")
    return tuple(header)


def _take(sheet: Sheet, line: int, cells: Sequence[str]) -> None:
    wanted = len(sheet.columns)
    if len(cells) < wanted or any(cells[wanted:]):
        detail = f"has {len(cells)} cells, and there are {wanted} columns"
        sheet.faults.append((line, _refused("ragged", detail)))
        return
    named = zip(sheet.columns, cells, strict=False)
    sheet.rows.append((line, {name: cell for name, cell in named if cell}))


def _refused(code: str, detail: str) -> ValidationFailed:
    return refused_at((), code, detail)


def number(cell: str, *, comma: bool) -> float | int | str:
    """A number as people write it; a cell that is none stays as it is, and is refused where it belongs.

    With a decimal comma `1,5` is one and a half. `1.234,5` could be read in two ways, and is not.
    """
    plain = cell.replace(",", ".") if comma and cell.count(",") == 1 and "." not in cell else cell
    if not _NUMBER.fullmatch(plain):
        return cell
    return float(plain) if "." in plain else int(plain)
