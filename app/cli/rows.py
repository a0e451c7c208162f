"""Records out of files: lines of JSON, or the rows of a CSV table."""

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson

from app.cli.surroundings import Stop

LISTS = frozenset(("skills", "languages"))
"""Columns whose cells hold several values, with a semicolon between."""
NUMBERS = frozenset(("weight", "caps.open", "caps.per_day", "caps.per_week", "ramp.factor"))
SWITCHES: Mapping[str, bool] = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
TEAM_COLUMNS = frozenset(("id", "name", "pick"))
"""Columns of a team itself; every other says something of the member in the row."""

Line = tuple[int, bytes]
"""The number of the line in the file, and the record in it as JSON."""


def read_file(path: Path, noun: str) -> list[Line]:
    """The records of a file, told by its name: `.csv`, else lines of JSON.

    Raises Stop when it cannot be read.
    """
    try:
        if path.suffix.lower() != ".csv":
            lines = path.read_bytes().split(b"\n")
            return [(number, line) for number, line in enumerate(lines, 1) if line.strip()]
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file, strict=True)
            found = [(rows.line_num, _record(row, rows.line_num)) for row in rows]
    except (OSError, UnicodeError, csv.Error) as error:
        raise Stop(f"{path} cannot be read: {error}.") from None
    records = _teams(found) if noun == "teams" else found
    return [(number, orjson.dumps(record)) for number, record in records]


def _record(row: Mapping[str | None, Any], number: int) -> dict[str, Any]:
    """A row as a nested record: `caps.per_day` is a column, and what is empty is left out."""
    if None in row:
        raise Stop(f"Line {number} has more cells than there are columns.")
    record: dict[str, Any] = {}
    for column, cell in row.items():
        if column is None or cell is None or not cell.strip():
            continue
        *path, last = column.strip().split(".")
        place = record
        for name in path:
            place = place.setdefault(name, {})
        place[last] = _value(column.strip(), cell.strip())
    return record


def _value(column: str, cell: str) -> object:
    if column in LISTS:
        return [part.strip() for part in cell.split(";") if part.strip()]
    if column == "active":
        return SWITCHES.get(cell.casefold(), cell)
    if column in NUMBERS:
        try:
            return float(cell) if "." in cell else int(cell)
        except ValueError:
            return cell
    return cell


def _teams(rows: list[tuple[int, dict[str, Any]]]) -> Iterator[tuple[int, dict[str, Any]]]:
    """One team from all rows of its id, each of which holds a member."""
    teams: dict[object, tuple[int, dict[str, Any]]] = {}
    for number, row in rows:
        _, team = teams.setdefault(row.get("id"), (number, {"members": []}))
        team.update({name: value for name, value in row.items() if name in TEAM_COLUMNS})
        member = {name: value for name, value in row.items() if name not in TEAM_COLUMNS}
        if member:
            team["members"].append(member)
    yield from teams.values()
