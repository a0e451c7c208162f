"""Reads tables as spreadsheets and form tools write them, row by row.

A fault of the whole file ends the command. A fault of a row is reported with its line, and the other rows
are read.
"""

import csv
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from app.cli.context import CommandError
from app.cli.files.text import TextFile
from app.contract.separators import SAMPLE_LINES, dialect, find_separator
from app.errors import ValidationFailed, refused_at

TABLES = frozenset((".csv", ".tsv", ".tab"))
JSON_FILES = frozenset((".json", ".jsonl", ".ndjson"))
"""File extensions. Any other file is a table unless it begins like JSON."""
SEPARATOR_NAMES = {"comma": ",", "semicolon": ";", "tab": "\t", "\\t": "\t", "pipe": "|", "space": " "}
MAX_CELL_BYTES = 1 << 20
_DECLARED = re.compile(r'\s*"?sep=(.)"?\s*', re.IGNORECASE)
_NUMBER = re.compile(r"[+-]?[0-9]{1,18}(\.[0-9]{1,18})?")
_FORMULA = re.compile(r'="(.*)"', re.DOTALL)
_FOOTER = re.compile(
    r"Confidential Information - Do Not Distribute|Copyright \(c\) .*salesforce.*", re.IGNORECASE
)
_MAX_FOOTER_ROWS = 10

csv.field_size_limit(MAX_CELL_BYTES)  # a setting of the whole process

Row = dict[str, str]
"""The trimmed cells of a row by column, without empty ones."""
Numbered = tuple[int, Row | ValidationFailed]
"""The line on which a row begins, and the row, or why it could not be read."""
Record = tuple[int, "list[str] | ValidationFailed"]


@dataclass(frozen=True, slots=True)
class SheetOptions:
    """How the text of a file is read. None detects the separator and the encoding."""

    separator: str | None = None
    encoding: str | None = None


DETECT = SheetOptions()


@dataclass(slots=True)
class Sheet:
    """A table, read again by each `rows`.

    `comma` allows a decimal comma in numbers. It is set if cells are not separated by commas.
    """

    text: TextFile
    separator: str
    skipped: int
    columns: tuple[str, ...] = ()

    @property
    def comma(self) -> bool:
        """Whether a comma cannot be the separator."""
        return self.separator != ","

    def rows(self) -> Iterator[Numbered]:
        """The rows in order, and the rows that could not be read."""
        held: list[Record] = []
        records = self._records()
        self._header_of(records)
        for line, cells in records:
            if (
                isinstance(cells, list)
                and len(cells) == 1 < len(self.columns)
                and len(held) < _MAX_FOOTER_ROWS
            ):
                held.append((line, cells))  # perhaps the footer of a report
            else:
                yield from self._taken([*held, (line, cells)])
                held = []
        if not any(isinstance(cells, list) and _FOOTER.fullmatch(cells[0]) for _, cells in held):
            yield from self._taken(held)

    def _taken(self, records: Sequence[Record]) -> Iterator[Numbered]:
        for line, cells in records:
            if isinstance(cells, ValidationFailed):
                yield line, cells
            elif any(cells) and tuple(cells) != self.columns:  # concatenated files repeat the header
                yield line, _row(self.columns, cells)

    def _records(self) -> Iterator[Record]:
        """The records below the skipped lines, each with its first line. A broken record is a fault."""
        lines = islice(self.text.lines(), self.skipped, None)
        reader = csv.reader(lines, strict=True, **dialect(self.separator))
        while True:
            line = reader.line_num + 1 + self.skipped
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                yield line, _broken(error)
                # A quotation mark that is never closed swallows the rest of the file.
                if reader.line_num + self.skipped > line:
                    yield line, _refused("unread", "nothing after this line was read")
                    return
            else:
                if cells:
                    yield line, [_plain(cell) for cell in cells]

    def header(self) -> list[str] | ValidationFailed:
        """The names of the columns. Trailing empty ones are dropped."""
        return self._header_of(self._records())

    @staticmethod
    def _header_of(records: Iterator[Record]) -> list[str] | ValidationFailed:
        """Take the records up to the header."""
        for _, cells in records:
            if isinstance(cells, ValidationFailed):
                return cells
            while cells and not cells[-1]:
                cells.pop()
            if cells:
                return cells
        return []


def is_table(text: TextFile) -> bool:
    """Whether a file is a table, and not lines of JSON."""
    ending = text.path.suffix.lower()
    if ending in TABLES or ending in JSON_FILES:
        return ending in TABLES
    return not next(line for line in text.lines() if line.strip()).lstrip().startswith(("{", "["))


def open_sheet(
    text: TextFile, separator: str | None, known: Callable[[str], bool], *, lenient: bool = False
) -> Sheet:
    """Open a table. Its first row names the columns. The separator is found if it is not given.

    `known` tells whether a column has a name that the caller expects, which helps to find the separator. A
    lenient sheet may repeat a column, or leave one without a name; such columns are numbered.

    Raises CommandError if the file is not a table, or if column names are missing or repeated.
    """
    found, skipped = _separator(text, separator, known)
    sheet = Sheet(text, found, skipped)
    header = sheet.header()
    if isinstance(header, ValidationFailed):
        raise CommandError(f"Cannot read {text.path}: the first line has unbalanced quotation marks.")
    if not header:
        raise CommandError(f"Cannot read {text.path}: the first line names no columns.")
    sheet.columns = _numbered(header) if lenient else _checked(text.path, header)
    return sheet


def separator_of(written: str) -> str:
    """The separator of `--separator`: a character, or its name. Raises CommandError."""
    separator = SEPARATOR_NAMES.get(written.casefold(), written)
    if len(separator) != 1 or separator in '"\r\n' or separator.isalnum():
        names = ", ".join(name for name in SEPARATOR_NAMES if name.isalpha())
        raise CommandError(f"The separator must be one character, or one of {names}.")
    return separator


def _separator(text: TextFile, given: str | None, known: Callable[[str], bool]) -> tuple[str, int]:
    """The separator, and the number of lines before the header. A first line `sep=;` names the separator."""
    sample = list(islice(text.lines(), SAMPLE_LINES))
    declared = _DECLARED.fullmatch(sample[0])
    skipped = 1 if declared else 0
    if given is not None:
        return separator_of(given), skipped
    if declared:
        return declared[1], skipped
    return find_separator(sample, known), 0


def _plain(cell: str) -> str:
    """The trimmed cell. `="0123"`, which keeps a spreadsheet from reading a number, is `0123`."""
    cell = cell.strip()
    formula = _FORMULA.fullmatch(cell) if cell.startswith("=") else None
    return formula[1].strip() if formula else cell


def _broken(error: csv.Error) -> ValidationFailed:
    if "field larger" in str(error):
        return _refused("invalid_quotes", "has a cell of more than 1 MiB, or a quotation mark is not closed")
    return _refused("invalid_quotes", "has unbalanced quotation marks")


def _checked(path: Path, header: list[str]) -> tuple[str, ...]:
    if not all(header):
        raise CommandError(f"Cannot read {path}: a column in the first line has no name.")
    repeated = sorted({name for name in header if header.count(name) > 1})
    if repeated:
        raise CommandError(f"Cannot read {path}: it has two columns {repeated[0]!r}.")
    return tuple(header)


def _numbered(header: Sequence[str]) -> tuple[str, ...]:
    """The names, made distinct: `Other` and `Other (2)`. A column without a name is `Column 3`."""
    names: list[str] = []
    taken = set(header)
    for position, written in enumerate(header, 1):
        name, number = written or f"Column {position}", 2
        while name in names or (name != written and name in taken):
            name, number = f"{written or f'Column {position}'} ({number})", number + 1
        names.append(name)
    return tuple(names)


def _row(columns: Sequence[str], cells: Sequence[str]) -> Row | ValidationFailed:
    expected = len(columns)
    if len(cells) < expected or any(cells[expected:]):
        return _refused("ragged", f"has {len(cells)} cells for {expected} columns")
    return {name: cell for name, cell in zip(columns, cells, strict=False) if cell}


def _refused(code: str, detail: str) -> ValidationFailed:
    return refused_at((), code, detail)


def number(cell: str, *, comma: bool) -> float | int | str:
    """The number in a cell. A cell that is not a number is returned unchanged, and validation refuses it.

    With a decimal comma, `1,5` is one and a half. `1.234,5` is ambiguous and stays text.
    """
    plain = cell.replace(",", ".") if comma and cell.count(",") == 1 and "." not in cell else cell
    if not _NUMBER.fullmatch(plain):
        return cell
    return float(plain) if "." in plain else int(plain)
