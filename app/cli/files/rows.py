"""Reads records of the directory from files: lines of JSON, or the rows of a table."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from app.cli.files.sheets import DETECT, Row, Sheet, SheetOptions, is_table, number, open_sheet
from app.cli.files.text import TextFile
from app.errors import ValidationFailed, refused_at
from app.values.booleans import read_boolean
from app.values.languages import split_languages

LISTS = frozenset(("skills", "languages", "domains", "aliases"))
"""Columns whose cells hold several values, separated by semicolons."""
NUMBERS = frozenset(("weight", "caps.open", "caps.per_day", "caps.per_week", "ramp.factor"))
TEAM_COLUMNS = frozenset(("id", "name", "pick"))
"""Columns of the team. All others belong to the member in the row."""
_FIELDS = frozenset(
    (
        "id", "name", "email", "timezone", "active", "skills", "languages", "calendar", "delegate", "crm",
        "caps", "weight", "pick", "owner", "ramp", "domains", "parent", "tier", "roles", "customer_status",
        "open_opportunity", "attributes", "hours", "country", "aliases", "successor", "agency", "phone",
        "city", "postal_code",
    )
)  # fmt: skip
"""The beginnings of column names, to find the separator of a table."""

_NO_TEAM = refused_at((), "unread", "no team is imported: one would lose the member of the unreadable row")

Line = tuple[int, bytes]
"""A line number and the record of the line as JSON."""
Record = tuple[int, dict[str, Any]]


@dataclass(slots=True)
class Lines:
    """The records of a file by line, and the faults of its other rows. `notes` say how it was read."""

    good: list[Line]
    faults: list[tuple[int, ValidationFailed]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.good)


def read_file(path: Path, resource_type: str, options: SheetOptions = DETECT) -> Lines:
    """The records of a table (.csv, .tsv), or of lines of JSON.

    Raises CommandError if the file cannot be read.
    """
    text = TextFile(path, options.encoding)
    if not is_table(text):
        lines = enumerate(text.lines(), 1)
        return Lines([(number, line.strip().encode()) for number, line in lines if line.strip()])
    sheet = open_sheet(text, options.separator, _is_known)
    rows = list(sheet.rows())
    notes = list(text.notes())
    faults = [(line, row) for line, row in rows if isinstance(row, ValidationFailed)]
    found = [(line, _record(row, sheet)) for line, row in rows if not isinstance(row, ValidationFailed)]
    if resource_type == "teams" and faults:
        # The team of an unreadable row is unknown, and a team that loses a member loses balances.
        return Lines([], [*faults, (1, _NO_TEAM)], notes)
    records = _teams(found) if resource_type == "teams" else found
    return Lines([(line, orjson.dumps(record)) for line, record in records], faults, notes)


def _is_known(column: str) -> bool:
    return column.partition(".")[0].casefold() in _FIELDS


def _record(row: Row, sheet: Sheet) -> dict[str, Any]:
    """A row as a nested record. A column `caps.per_day` sets `per_day` under `caps`."""
    record: dict[str, Any] = {}
    for column, cell in row.items():
        put(record, column, _value(column, cell, sheet))
    return record


def put(record: dict[str, Any], dotted: str, value: object) -> None:
    """Set the value at a dotted name. Values on the way that are no objects are replaced."""
    *path, last = dotted.split(".")
    place = record
    for name in path:
        inner = place.get(name)
        if not isinstance(inner, dict):
            inner = place[name] = {}
        place = inner
    place[last] = value


def _value(column: str, cell: str, sheet: Sheet) -> object:
    if column == "languages":
        return [each for part in split_list(cell) for each in split_languages(part)]
    if column in LISTS:
        return split_list(cell)
    if column in ("active", "open_opportunity", "agency"):
        read = read_boolean(cell)
        return cell if read is None else read
    return number(cell, comma=sheet.comma) if column in NUMBERS else cell


def split_list(cell: str) -> list[str]:
    """The values of a cell, separated by semicolons."""
    return [part.strip() for part in cell.split(";") if part.strip()]


def _teams(rows: list[Record]) -> Iterator[Record]:
    """One team from all rows with its id. Each row holds a member."""
    teams: dict[object, Record] = {}
    for line, row in rows:
        _, team = teams.setdefault(row.get("id"), (line, {"members": []}))
        team.update({name: value for name, value in row.items() if name in TEAM_COLUMNS})
        member = {name: value for name, value in row.items() if name not in TEAM_COLUMNS}
        if member:
            team["members"].append(member)
    yield from teams.values()
