"""The rows of a table, indexed so that finding the one for a lead costs the same with ten and 100,000.

Every column is one level of the index: first those compared for equality, then by prefix or postal code,
then by range. A level leads to few others (the value and `any`; the lengths of the prefixes), and at the last
level a range is found by bisection. So the cost depends on the columns, not on the rows. Only a table with
several range columns reads more: the ranges of all but the last of them, one after another.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product, repeat
from typing import Any

from app.engine.conditions.comparisons import Values, getter, getter_as_sent
from app.engine.lookup.row_levels import (
    ANY,
    ANY_RANGE,
    Exact,
    Narrowest,
    Node,
    PostalCodes,
    Prefixes,
    Ranges,
    Rank,
)
from app.plan.findings import Faults
from app.plan.language.cells import BY_COUNTRY, Key, Span, country_of, lead_key, read_cell
from app.plan.language.columns import Column, MatchOn
from app.plan.language.postal_cells import PostalCell
from app.values.states import all_keys_of_state

Cell = Key | Span | PostalCell | None
Fit = tuple[tuple[Rank, ...], int]
"""The ranks of a row in the order of the columns, and its position. The smaller fit wins."""
Entry = tuple[Sequence[Cell], int]
"""The cells of a row in the order of the levels, and its position."""

_UNREADABLE = object()
_LEVELS = ("eq", "longest_prefix", "postal", "range")


class RowIndex:
    """The index of one table for one look-up. `unread` lists unreadable cells by row and column."""

    def __init__(self, match_on: MatchOn, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        self._on = match_on
        self._get = [
            (getter if column.how == "eq" else getter_as_sent)(column.field.name) for column in match_on
        ]
        # A state is compared together with the country of the lead.
        self._states = [
            at for at, column in enumerate(match_on) if column.field.name == "state" and column.how == "eq"
        ]
        self._order = _order_of_levels(match_on, columns, rows)
        ordered = tuple(match_on[at] for at in self._order)
        read = read_rows(ordered, columns, rows)
        self.unread = read.unread
        self._root = self._level(0, read.entries)

    def find(self, values: Values, read: list[int] | None = None) -> Fit | None:
        """The row that wins for these values, and how each column matches.

        Adds to the number in `read` how much of the index it looked at.
        """
        wanted: list[Any] = [
            lead_key(column, get(values)) for column, get in zip(self._on, self._get, strict=True)
        ]
        for at in self._states:
            wanted[at] = all_keys_of_state(values)
        return self._best(0, self._root, wanted, [None] * len(wanted), [0] if read is None else read)

    def by(self, ranks: Sequence[Rank]) -> dict[str, str]:
        """How each column matched, without any value."""
        return {
            column.field.name: _said(column.how, rank) for column, rank in zip(self._on, ranks, strict=True)
        }

    def _best(
        self, depth: int, node: Node, wanted: Sequence[Any], ranks: list[Rank], read: list[int]
    ) -> Fit | None:
        if depth == len(self._order):
            return tuple(ranks), node
        best: Fit | None = None
        at = self._order[depth]
        for rank, below in node.leads_to(wanted[at], read):
            ranks[at] = rank
            read[0] += 1
            found = self._best(depth + 1, below, wanted, ranks, read)
            if found is not None and (best is None or found < best):
                best = found
        return best

    def _level(self, depth: int, entries: Sequence[Entry]) -> Node:
        if depth == len(self._order):
            return entries[0][1]
        groups: dict[Cell, list[Entry]] = {}
        for entry in entries:
            groups.setdefault(entry[0][depth], []).append(entry)
        below = {cell: self._level(depth + 1, group) for cell, group in groups.items()}
        anything = below.pop(None, None)
        match self._on[self._order[depth]].how:
            case "eq":
                return Exact(below, anything)
            case "longest_prefix":
                return Prefixes(below, anything)
            case "postal":
                return PostalCodes(below, anything)
            case _ if depth + 1 == len(self._order):
                return Narrowest(below, anything)
            case _:
                return Ranges(below, anything)


def _order_of_levels(match_on: MatchOn, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> list[int]:
    """Equality, then prefixes, then ranges. The range column with the most ranges comes last."""
    ranges = [at for at in range(len(match_on)) if match_on[at].how == "range"]
    counts = dict.fromkeys(range(len(match_on)), 0)
    if len(ranges) > 1:
        places = {at: columns.index(match_on[at].field.name) for at in ranges}
        counts |= {at: len({str(row[place]) for row in rows}) for at, place in places.items()}
    return sorted(range(len(match_on)), key=lambda at: (_LEVELS.index(match_on[at].how), counts[at]))


@dataclass(frozen=True, slots=True)
class ReadRows:
    """The rows of a table with their compiled cells.

    A row of which a cell cannot be read is left out; its position and that of the cell are in `unread`.
    """

    entries: Sequence[Entry]
    unread: Sequence[tuple[int, int]]


def read_rows(match_on: MatchOn, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> ReadRows:
    """The rows with their compiled cells, in the order of `match_on`."""
    readers = [_CellReader(column, columns.index(column.field.name)) for column in match_on]
    found: list[tuple[list[Any], int]] = []
    unread: list[tuple[int, int]] = []
    several = False
    for position, (row, country) in enumerate(zip(rows, _countries(columns, rows), strict=False)):
        cells: list[Any] = []
        for reader in readers:
            cell = reader.read(row[reader.place], country)
            if cell is _UNREADABLE:
                unread.append((position, reader.place))
                break
            several = several or type(cell) is tuple
            cells.append(cell)
        else:
            found.append((cells, position))
    return ReadRows(_one_by_one(found) if several else found, unread)


def _countries(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> Iterator[str | None]:
    """The country of each row, if a column names it."""
    if "country" not in columns:
        yield from repeat(None)
    at = columns.index("country")
    cells = (row[at] if type(row[at]) is str else None for row in rows)
    known: dict[str | None, str | None] = {}
    for cell in cells:
        if cell not in known:
            known[cell] = country_of(cell)
        yield known[cell]


class _CellReader:
    """Reads the cells of one column. Cells that are written alike are read once."""

    __slots__ = ("_by_country", "_column", "_known", "place")

    def __init__(self, column: Column, place: int) -> None:
        self.place = place
        self._column = column
        self._by_country = column.field.name in BY_COUNTRY or column.how == "postal"
        self._known: dict[Any, Any] = {}

    def read(self, cell: Any, country: str | None) -> Any:
        """The compiled cell, or `_UNREADABLE`."""
        key: Any = cell
        if type(cell) is list:
            key = tuple(map(repr, cell))
        elif type(cell) is not str:
            key = (type(cell), cell)
        if self._by_country:
            key = (key, country)
        if key not in self._known:
            try:
                self._known[key] = read_cell(self._column, cell, country)
            except Faults:
                self._known[key] = _UNREADABLE
        return self._known[key]


def _one_by_one(rows: Iterable[tuple[list[Any], int]]) -> list[Entry]:
    """Each row once, or once for each of the languages or beginnings in a cell."""
    return [
        (each, position)
        for cells, position in rows
        for each in product(*(cell if type(cell) is tuple else (cell,) for cell in cells))
    ]


def _said(how: str, rank: Rank) -> str:
    if rank in (ANY, ANY_RANGE):
        return "any"
    return f"prefix of {-rank}" if how == "longest_prefix" else how
