"""Reads leads from a file. Lines are validated like request bodies, and errors have line numbers."""

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import orjson
from pydantic import ValidationError

from app.cli.context import CommandError
from app.cli.files.cells import Cells, by_name
from app.cli.files.columns import (
    ColumnFields,
    ColumnOptions,
    fields_of,
    is_field,
    is_known,
    matching,
    no_column,
)
from app.cli.files.replacements import Replacements
from app.cli.files.rows import put
from app.cli.files.sheets import DETECT, SheetOptions, is_table, open_sheet
from app.cli.files.text import TextFile
from app.cli.files.times import DayOrder, DecimalSign, read_time, says_utc, zone_of
from app.contract.faults import validation_failed
from app.contract.limits import KIB, BodyLimits
from app.contract.requests import LeadInput
from app.contract.strict_json import parse
from app.errors import Fault, Problem, ValidationFailed, refused_at
from app.intake.arrival import IncomingLead, normalize
from app.intake.headers import FULL_NAME, OBJECTS, fold_name
from app.intake.readings import Hints
from app.plan.language.fields import Field
from app.values.full_names import is_certain, split_full_name

LIMITS = BodyLimits(size=256 * KIB)
_PREFIX = re.compile(r"[a-z]{1,2}:(?=\S)")
_FIELD_PREFIXES = {"phone": "p", "postal_code": "z"}
"""What Meta writes before phone numbers and postal codes, so that spreadsheets keep them as text."""


@dataclass(frozen=True, slots=True)
class LeadOptions:
    """How a file of leads is read.

    defaults:     values of fields that a line does not have.
    replacements: `Column:value=new value`, one each.
    id_column:    the column that identifies each line.
    time_column:  the column with the time of each line.
    dates:        the order of day and month.
    decimal:      the sign before decimals.
    zone:         the time zone of times without an offset.
    """

    columns: ColumnOptions = field(default_factory=ColumnOptions)
    sheet: SheetOptions = DETECT
    defaults: Mapping[str, str] = field(default_factory=dict)
    replacements: Sequence[str] = ()
    id_column: str | None = None
    time_column: str | None = None
    dates: DayOrder | None = None
    decimal: DecimalSign | None = None
    zone: ZoneInfo = ZoneInfo("UTC")

    @property
    def hints(self) -> Hints:
        """How the file writes what is ambiguous."""
        return Hints(
            self.decimal.value if self.decimal else None,
            self.dates.value if self.dates else None,
            self.zone,
        )


@dataclass(slots=True)
class LeadLine:
    """One lead of a file.

    `extra` holds the columns that the command uses and that are not fields of a lead. `cells` is the whole
    line by column. `at` is the time in the time column, if there is one.
    """

    line: int
    arrival: IncomingLead
    extra: Mapping[str, Any]
    cells: Mapping[str, Any]
    at: datetime | None = None

    def digest(self, *context: str) -> bytes:
        """A hash of the line's content and of `context`."""
        content = orjson.dumps(
            [context, self.arrival.values, self.extra], default=str, option=orjson.OPT_SORT_KEYS
        )
        return hashlib.sha256(content).digest()


@dataclass(frozen=True, slots=True)
class LineFault:
    """A line without a lead. `email` is what the line has in the column of the address."""

    line: int
    problem: Problem
    email: str = ""


Entry = LeadLine | LineFault
Parsed = tuple[int, dict[str, Any] | Problem]


@dataclass(frozen=True, slots=True)
class _Source:
    """The lines of a file by column, before they are read as leads."""

    text: TextFile
    columns: Sequence[str]
    count: int
    lines: Callable[[], Iterator[Parsed]]
    comma: bool = False
    is_table: bool = False


@dataclass(slots=True)
class LeadFile:
    """A file of leads, read again by each `entries`."""

    _source: _Source
    _declared: tuple[Field, ...]
    fields: ColumnFields
    options: LeadOptions
    _cells: Cells
    _replacements: Replacements
    _has_local_times: bool = False

    def __len__(self) -> int:
        return self._source.count

    def reread(self, options: LeadOptions) -> "LeadFile":
        """The same file, read in another way. Raises CommandError."""
        return _lead_file(self._source, options, self._declared)

    @property
    def columns(self) -> Sequence[str]:
        """The columns, in order."""
        return self._source.columns

    def cells_of(self, column: str) -> Iterator[Any]:
        """The cells of a column, in order."""
        return (line.get(column) for _, line in self._source.lines() if not isinstance(line, Problem))

    def entries(self) -> Iterator[Entry]:
        """The lines in order."""
        for number, line in self._source.lines():
            if isinstance(line, Problem):
                yield LineFault(number, line)
                continue
            try:
                yield self._lead(number, line)
            except Problem as problem:
                yield LineFault(number, problem, self._email(line))

    def digests(self, *context: str) -> Callable[[LeadLine], bytes]:
        """Makes a distinct hash for each line: file name, content, and its number among equal lines.

        A line keeps its hash when other lines are added or corrected.
        """
        seen: Counter[bytes] = Counter()

        def digest(line: LeadLine) -> bytes:
            content = line.digest(self._source.text.path.name, *context)
            seen[content] += 1
            return hashlib.sha256(content + seen[content].to_bytes(8)).digest()

        return digest

    def notes(self) -> Iterator[str]:
        """What the caller should know about how the file was read."""
        yield from self._source.text.notes()
        yield from self.fields.notes()
        yield from self._replacements.notes()
        if self._has_local_times:
            yield (
                f"Times without an offset in {self.options.time_column!r} are read in"
                f" {self.options.zone.key}, the time zone of the workspace."
            )

    def column_of(self, name: str) -> str | None:
        """The column of a field."""
        return next((column for column, field_ in self.fields.fields.items() if field_ == name), None)

    def _email(self, line: Mapping[str, Any]) -> str:
        column = self.column_of("email")
        return str(line.get(column) or "") if column else ""

    def _lead(self, number: int, line: dict[str, Any]) -> LeadLine:
        sent: dict[str, Any] = {}
        extra: dict[str, Any] = {}
        line = self._replacements.applied(line)
        # Whole objects first, so that they do not replace the values of other columns.
        for column in sorted(line, key=lambda column: self.fields.fields.get(column) not in OBJECTS):
            self._set(sent, extra, self.fields.fields.get(column), self._unprefixed(column, line[column]))
        for column, name in self.fields.spare.items():
            if column in line and not _has(sent, extra, name):
                self._set(sent, extra, name, self._unprefixed(column, line[column]))
        for name, text in self.options.defaults.items():
            if not _has(sent, extra, name):
                self._set(sent, extra, name, text, is_text=True)
        _split_name(sent)
        return LeadLine(number, self._normalized(sent), extra, line, self._time(line))

    def _set(
        self,
        sent: dict[str, Any],
        extra: dict[str, Any],
        name: str | None,
        cell: Any,
        *,
        is_text: bool = False,
    ) -> None:
        if name is None:
            return
        if name in self.options.columns.extra:
            extra[name] = cell
        else:
            as_cell = isinstance(cell, str) and (self._source.is_table or is_text)
            put(sent, name, self._cells.value(name, cell) if as_cell else cell)

    def _unprefixed(self, column: str, cell: Any) -> Any:
        """The cell without the letters that an export puts before it."""
        if not isinstance(cell, str) or ":" not in cell[1:3]:
            return cell
        export = self.fields.export
        expected = _FIELD_PREFIXES.get(self.fields.fields.get(column, "")) or (
            export.prefixes.get(fold_name(column)) if export else None
        )
        found = _PREFIX.match(cell)
        return cell[found.end() :] if found and found[0] == f"{expected}:" else cell

    def _normalized(self, sent: dict[str, Any]) -> IncomingLead:
        try:
            # Parsed like a request body, because a table can hold values that JSON must not.
            lead = LeadInput.model_validate(_object(orjson.dumps(sent)))
        except ValidationError as refused:
            faults = validation_failed(refused, model=LeadInput).faults
            raise ValidationFailed(faults=[self._named(fault) for fault in faults]) from None
        return normalize(lead.model_dump(exclude_none=True), hints=self.options.hints)

    def _named(self, fault: Fault) -> Fault:
        """The fault, with its column if that is named differently from the field."""
        dotted = ".".join(str(part) for part in fault.path)
        column = self.column_of(dotted)
        if column is None or column == dotted:
            return fault
        return Fault(fault.path, fault.code, f"{fault.detail} (column {column})")

    def _time(self, line: Mapping[str, Any]) -> datetime | None:
        column = self.options.time_column
        if column is None:
            return None
        try:
            found = read_time(
                str(line.get(column) or ""), self.options.dates, zone_of(column, self.options.zone)
            )
        except ValidationFailed as refused:
            detail = f"column {column} {refused.faults[0].detail}"
            raise refused_at((), refused.faults[0].code, detail) from None
        self._has_local_times |= found.is_local and not says_utc(column)
        return found.at


def open_leads(path: Path, options: LeadOptions, declared: tuple[Field, ...] = ()) -> LeadFile:
    """Open a table or lines of JSON. `declared` are the fields that the plan declares.

    Raises CommandError if the file as a whole cannot be read, or if a column or an option is unknown.
    """
    text = TextFile(path, options.sheet.encoding)
    return _lead_file(_table(text, options) if is_table(text) else _json_lines(text), options, declared)


def _lead_file(source: _Source, options: LeadOptions, declared: tuple[Field, ...]) -> LeadFile:
    time_column = _named_column(options.time_column, source.columns)
    id_column = _named_column(options.id_column, source.columns)
    used = [column for column in (time_column, id_column) if column is not None]
    columns = replace(options.columns, used=used, objects=not source.is_table)
    _check_defaults(options)
    comma = source.comma if options.decimal is None else options.decimal is DecimalSign.COMMA
    return LeadFile(
        source,
        declared,
        fields_of(source.columns, columns),
        replace(options, columns=columns, time_column=time_column, id_column=id_column),
        Cells(comma, by_name(declared)),
        Replacements(options.replacements, source.columns),
    )


def _table(text: TextFile, options: LeadOptions) -> _Source:
    def known(column: str) -> bool:
        return is_known(column, options.columns)

    sheet = open_sheet(text, options.sheet.separator, known, lenient=True)
    count = sum(1 for _ in sheet.rows())
    return _Source(text, sheet.columns, count, sheet.rows, sheet.comma, is_table=True)


def _json_lines(text: TextFile) -> _Source:
    start = next(line.strip() for line in text.lines() if line.strip())
    if start == "{" or start.startswith("["):
        raise CommandError(
            f"Cannot read {text.path}: the JSON goes over several lines. Write one object per line, without"
            " brackets around them. Tables have names that end in .csv or .tsv."
        )
    columns: dict[str, None] = {}
    count = 0
    for _, line in _objects(text):
        count += 1
        if not isinstance(line, Problem):
            columns |= dict.fromkeys(line)
    return _Source(text, tuple(columns), count, partial(_objects, text))


def _objects(text: TextFile) -> Iterator[Parsed]:
    for number, line in enumerate(text.lines(), 1):
        if not line.strip():
            continue
        try:
            yield number, _object(line.strip().encode())
        except Problem as problem:
            yield number, problem


def _object(text: bytes) -> dict[str, Any]:
    if len(text) > LIMITS.size:
        raise refused_at((), "too_long", f"must be at most {LIMITS.size} bytes")
    sent = parse(text, LIMITS)
    if not isinstance(sent, dict):
        raise refused_at((), "wrong_type", "must be an object")
    return sent


def _named_column(name: str | None, columns: Sequence[str]) -> str | None:
    if name is None:
        return None
    found = matching(columns, name)
    if not found:
        raise no_column(name, columns)
    return found[0]


def _check_defaults(options: LeadOptions) -> None:
    for name in options.defaults:
        if name not in options.columns.extra and (name in OBJECTS or not is_field(name)):
            raise CommandError(
                f"--default {name}: {name!r} is not a field of a lead. docs/plan.md lists them; your own are"
                " attributes.name."
            )


def _has(sent: Mapping[str, Any], extra: Mapping[str, Any], name: str) -> bool:
    """Whether the line has a value for this dotted name."""
    if name in extra:
        return extra[name] not in (None, "")
    if name == FULL_NAME:
        return any(sent.get(part) for part in (FULL_NAME, "first_name", "last_name"))
    place: Any = sent
    for part in name.split("."):
        place = place.get(part) if isinstance(place, dict) else None
    return place not in (None, "", [], {})


def _split_name(sent: dict[str, Any]) -> None:
    """Replace a whole name by its parts. What was sent as a part takes precedence.

    A name that may be split elsewhere is also kept whole.
    """
    name = sent.pop(FULL_NAME, None)
    if not isinstance(name, str) or not name.strip():
        return
    parts = [str(sent[part]) for part in ("first_name", "last_name") if sent.get(part)]
    if not parts:
        sent |= split_full_name(name)
    if not is_certain(name) if not parts else " ".join(parts) != name.strip():
        put(sent, f"attributes.{FULL_NAME}", name.strip())


def cell_of(line: LeadLine, column: str) -> str:
    """A cell of a line as text. An absent cell is empty."""
    cell = line.cells.get(column)
    return "" if cell is None else str(cell)
