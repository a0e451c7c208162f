"""Leads out of a file: its lines as the API would get them, checked as strictly, with errors by line."""

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
    """One lead of a file. `apart` are the columns that mean something to the command and are no field.

    `cells` is the line as it stands in the file, by column.
    """

    line: int
    arrival: IncomingLead
    apart: Mapping[str, Any]
    cells: Mapping[str, Any]

    def digest(self, *about: str) -> bytes:
        """Tells lines of different content apart; `about` is what else makes a difference."""
        told = orjson.dumps(
            [about, self.arrival.values, self.apart], default=str, option=orjson.OPT_SORT_KEYS
        )
        return hashlib.sha256(told).digest()


@dataclass(slots=True)
class LeadFile:
    """The lines of a file that are leads, and what is wrong with the others, by line."""

    name: str
    columns: Sequence[str]
    good: list[LeadLine] = field(default_factory=list)
    faults: list[tuple[int, Problem]] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.good)

    def digests(self, *about: str) -> Iterator[bytes]:
        """What tells each good line from all others: the file, its content, and which of its equals it is.

        So a line keeps its digest when others are added or mended.
        """
        seen: Counter[bytes] = Counter()
        for each in self.good:
            content = each.digest(self.name, *about)
            seen[content] += 1
            yield hashlib.sha256(content + seen[content].to_bytes(8)).digest()


def read_leads(path: Path, wishes: ColumnOptions, declared: tuple[Field, ...] = ()) -> LeadFile:
    """The leads of a file: a table, else lines of JSON. `declared` are the fields of a plan's own.

    Raises Stop when the file as a whole cannot be read.
    """
    columns, lines, faults, cells = (_table if path.suffix.lower() in TABLES else _json)(path, declared)
    fields = fields_of(columns, wishes)
    found = LeadFile(path.name, columns, faults=faults)
    for number, line in lines:
        try:
            found.good.append(_lead(number, line, fields, wishes, cells))
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
    number: int, line: dict[str, Any], fields: Mapping[str, str], wishes: ColumnOptions, cells: Cells | None
) -> LeadLine:
    sent: dict[str, Any] = {}
    apart: dict[str, Any] = {}
    for column, cell in line.items():
        name = fields.get(column)
        if name is None:
            continue
        if name in wishes.more:
            apart[name] = cell
        else:
            put(sent, name, cells.value(name, cell) if cells else cell)
    try:
        # Through the same strict reading as a body: a table may hold what JSON must not.
        lead = LeadInput.model_validate(_object(orjson.dumps(sent)) if cells else sent)
    except ValidationError as refused:
        faults = validation_failed(refused).faults
        raise ValidationFailed(faults=[_named(fault, fields) for fault in faults]) from None
    return LeadLine(number, normalize(lead.model_dump(exclude_none=True)), apart, line)


def _named(fault: Fault, fields: Mapping[str, str]) -> Fault:
    """The fault with the column it came from, when that bears another name than the field."""
    dotted = ".".join(str(part) for part in fault.path)
    column = next((column for column, name in fields.items() if name == dotted and column != name), None)
    return fault if column is None else Fault(fault.path, fault.code, f"{fault.detail} (column {column})")


def cell_of(line: LeadLine, column: str) -> str:
    """What stands in one column of a line, as text; empty when nothing does."""
    cell = line.cells.get(column)
    return "" if cell is None else str(cell)
