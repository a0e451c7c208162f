"""Reads leads from a file. Lines are validated like request bodies, and errors have line numbers."""

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
from pydantic import ValidationError

from app.cli.files.cells import Cells, by_name
from app.cli.files.columns import ColumnOptions, fields_of
from app.cli.files.rows import put
from app.cli.files.sheets import TABLES, read_sheet, text_of
from app.contract.faults import validation_failed
from app.contract.limits import KIB, BodyLimits
from app.contract.requests import LeadInput
from app.contract.strict_json import parse
from app.errors import Fault, Problem, ValidationFailed, refused_at
from app.intake.arrival import IncomingLead, normalize
from app.plan.language.fields import Field

LIMITS = BodyLimits(size=256 * KIB)


@dataclass(slots=True)
class LeadLine:
    """One lead of a file.

    `extra` holds the columns that the command uses and that are not fields of a lead. `cells` is the whole
    line by column.
    """

    line: int
    arrival: IncomingLead
    extra: Mapping[str, Any]
    cells: Mapping[str, Any]

    def digest(self, *context: str) -> bytes:
        """A hash of the line's content and of `context`."""
        content = orjson.dumps(
            [context, self.arrival.values, self.extra], default=str, option=orjson.OPT_SORT_KEYS
        )
        return hashlib.sha256(content).digest()


@dataclass(slots=True)
class LeadFile:
    """The valid lines of a file, and the faults of the others by line."""

    name: str
    columns: Sequence[str]
    good: list[LeadLine] = field(default_factory=list)
    faults: list[tuple[int, Problem]] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.good)

    def digests(self, *context: str) -> Iterator[bytes]:
        """A distinct hash for each valid line: file name, content, and its number among equal lines.

        A line keeps its hash when other lines are added or corrected.
        """
        seen: Counter[bytes] = Counter()
        for each in self.good:
            content = each.digest(self.name, *context)
            seen[content] += 1
            yield hashlib.sha256(content + seen[content].to_bytes(8)).digest()


def read_leads(path: Path, options: ColumnOptions, declared: tuple[Field, ...] = ()) -> LeadFile:
    """Read a table or lines of JSON. `declared` are the fields that the plan declares.

    Raises CommandError if the file as a whole cannot be read.
    """
    columns, lines, faults, cells = (_table if path.suffix.lower() in TABLES else _json)(path, declared)
    fields = fields_of(columns, options)
    found = LeadFile(path.name, columns, faults=faults)
    for number, line in lines:
        try:
            found.good.append(_lead(number, line, fields, options, cells))
        except Problem as problem:
            found.faults.append((number, problem))
    return found


Read = tuple[Sequence[str], list[tuple[int, dict[str, Any]]], list[tuple[int, Problem]], Cells | None]


def _table(path: Path, declared: tuple[Field, ...]) -> Read:
    sheet = read_sheet(path)
    rows: list[tuple[int, dict[str, Any]]] = [(number, dict(row)) for number, row in sheet.rows]
    return sheet.columns, rows, list(sheet.faults), Cells(sheet.comma, by_name(declared))


def _json(path: Path, _declared: tuple[Field, ...]) -> Read:
    lines: list[tuple[int, dict[str, Any]]] = []
    faults: list[tuple[int, Problem]] = []
    for number, text in enumerate(text_of(path).encode().split(b"\n"), 1):
        if not text.strip():
            continue
        try:
            lines.append((number, _object(text)))
        except Problem as problem:
            faults.append((number, problem))
    return list(dict.fromkeys(key for _, line in lines for key in line)), lines, faults, None


def _object(text: bytes) -> dict[str, Any]:
    if len(text) > LIMITS.size:
        raise refused_at((), "too_long", f"must be at most {LIMITS.size} bytes")
    sent = parse(text, LIMITS)
    if not isinstance(sent, dict):
        raise refused_at((), "wrong_type", "must be an object")
    return sent


def _lead(
    number: int, line: dict[str, Any], fields: Mapping[str, str], options: ColumnOptions, cells: Cells | None
) -> LeadLine:
    sent: dict[str, Any] = {}
    extra: dict[str, Any] = {}
    for column, cell in line.items():
        name = fields.get(column)
        if name is None:
            continue
        if name in options.extra:
            extra[name] = cell
        else:
            put(sent, name, cells.value(name, cell) if cells else cell)
    try:
        # Parsed like a request body, because a table can hold values that JSON must not.
        lead = LeadInput.model_validate(_object(orjson.dumps(sent)) if cells else sent)
    except ValidationError as refused:
        faults = validation_failed(refused).faults
        raise ValidationFailed(faults=[_named(fault, fields) for fault in faults]) from None
    return LeadLine(number, normalize(lead.model_dump(exclude_none=True)), extra, line)


def _named(fault: Fault, fields: Mapping[str, str]) -> Fault:
    """The fault, with its column if that is named differently from the field."""
    dotted = ".".join(str(part) for part in fault.path)
    column = next((column for column, name in fields.items() if name == dotted and column != name), None)
    return fault if column is None else Fault(fault.path, fault.code, f"{fault.detail} (column {column})")


def cell_of(line: LeadLine, column: str) -> str:
    """A cell of a line as text. An absent cell is empty."""
    cell = line.cells.get(column)
    return "" if cell is None else str(cell)
