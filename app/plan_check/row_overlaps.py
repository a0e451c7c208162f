"""Rows of a table that overlap: they match the same leads, or some of the same leads."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, product
from typing import Any, NamedTuple

from app.engine.lookup.rows import Cell, Entry, ReadRows
from app.engine.lookup.tables import TableContent
from app.plan.language.cells import Span
from app.plan.language.columns import FITTING, Column, Matcher, MatchOn
from app.plan.language.fields import PIPELINE, Field, Kind
from app.plan.language.postal_cells import PostalCell, WiderKeys
from app.values.states import tail

_ASSUMED: Mapping[str, Matcher] = {"postal_code": "postal", "phone": "longest_prefix"}
"""How columns are compared as long as no rule says so."""
_SAMPLE = 1000


class Pair(NamedTuple):
    """A row, and an earlier or wider row with some of the same leads. Both count from 1.

    `same_target` says whether both send their leads to the same target.
    """

    row: int
    other: int
    same_target: bool


@dataclass(frozen=True, slots=True)
class RowFindings:
    """Pairs of rows that match the same leads, and pairs that match some of the same leads."""

    duplicates: Sequence[Pair]
    overlaps: Sequence[Pair]


def find_overlaps(match_on: MatchOn, table: TableContent, rows: ReadRows) -> RowFindings:
    """The rows that overlap when a rule matches on these columns. `rows` are those of the table.

    Two rows overlap when they differ in one column, where one cell is a prefix of the other or their ranges
    overlap. An empty cell overlaps with nothing.
    """
    first, duplicates = _first_rows(match_on, rows)
    overlaps = {places for at, column in enumerate(match_on) for places in _overlaps(at, column, first)}
    return RowFindings(_pairs(table, duplicates), _pairs(table, sorted(overlaps - duplicates.keys())))


def find_duplicates(match_on: MatchOn, table: TableContent, rows: ReadRows) -> list[Pair]:
    """The rows that match the same leads as an earlier row."""
    return _pairs(table, _first_rows(match_on, rows)[1])


def _first_rows(
    match_on: MatchOn, rows: ReadRows
) -> tuple[dict[tuple[Cell, ...], int], dict[tuple[int, int], None]]:
    """The first row with each combination of cells, and each later row with its first one."""
    first: dict[tuple[Cell, ...], int] = {}
    duplicates: dict[tuple[int, int], None] = {}
    for entry, position in _with_states_alike(match_on, rows.entries):
        for cells in _single_keys(entry):
            earlier = first.setdefault(cells, position)
            if earlier != position:
                duplicates[position, earlier] = None
    return first, duplicates


def _with_states_alike(match_on: MatchOn, rows: Iterable[Entry]) -> Iterable[Entry]:
    """The rows with `US-CA` as `CA` if the column has both: they match the same leads."""
    states = [at for at, each in enumerate(match_on) if (each.field.name, each.how) == ("state", "eq")]
    if not states:
        return rows
    found = [(list(cells), position) for cells, position in rows]
    for at in states:
        bare = {cells[at] for cells, _ in found}
        for cells, _ in found:
            cell = cells[at]
            if isinstance(cell, str) and tail(cell) in bare:
                cells[at] = tail(cell)
    return found


def _pairs(table: TableContent, places: Iterable[tuple[int, int]]) -> list[Pair]:
    return [Pair(row + 1, other + 1, table.target(row) == table.target(other)) for row, other in places]


def _single_keys(cells: Sequence[Cell]) -> Iterable[tuple[Cell, ...]]:
    """The cells of a row as if it had a row for each key of its postal codes."""
    if not any(type(cell) is PostalCell and len(cell.ranks) > 1 for cell in cells):
        return (tuple(cells),)
    choices = [
        [PostalCell((each,)) for each in cell.ranks] if isinstance(cell, PostalCell) else [cell]
        for cell in cells
    ]
    return product(*choices)


def _overlaps(at: int, column: Column, rows: dict[tuple[Cell, ...], int]) -> Iterator[tuple[int, int]]:
    if column.how == "eq":
        return
    groups: dict[tuple[Cell, ...], list[tuple[Any, int]]] = {}
    for cells, position in rows.items():
        if cells[at] is not None:
            groups.setdefault(cells[:at] + cells[at + 1 :], []).append((cells[at], position))
    for group in groups.values():
        if len(group) > 1:
            yield from _OVERLAPS[column.how](group)


def _prefixes(group: Sequence[tuple[str, int]]) -> Iterator[tuple[int, int]]:
    known = dict(group)
    lengths = sorted({len(each) for each in known}, reverse=True)
    for prefix, position in group:
        shorter = (known.get(prefix[:length]) for length in lengths if length < len(prefix))
        other = next((each for each in shorter if each is not None), None)
        if other is not None:
            yield position, other


def _postal_codes(group: Sequence[tuple[PostalCell, int]]) -> Iterator[tuple[int, int]]:
    known = {cell.ranks[0][0]: position for cell, position in group}
    wider_keys = WiderKeys(known)
    for key, position in known.items():
        wider = (known.get(each) for each in wider_keys.of(key))
        other = next((each for each in wider if each is not None and each != position), None)
        if other is not None:
            yield position, other


def _ranges(group: Iterable[tuple[Span, int]]) -> Iterator[tuple[int, int]]:
    """Each range with the earlier one that ends last, in the order of their lower ends."""
    farthest: tuple[int, float | int, int] | None = None
    for span, position in sorted(group, key=lambda each: (each[0].size, _low(each[0]), each[1])):
        low, high = _low(span), float("inf") if span.high is None else span.high
        if farthest is not None and farthest[0] == span.size and low <= farthest[1]:
            yield position, farthest[2]
        if farthest is None or (span.size, high) > farthest[:2]:
            farthest = (span.size, high, position)


def _low(span: Span) -> int | float:
    return float("-inf") if span.low is None else span.low


_OVERLAPS: Mapping[str, Callable[[Any], Iterator[tuple[int, int]]]] = {
    "longest_prefix": _prefixes,
    "postal": _postal_codes,
    "range": _ranges,
}


def assume_target(table: TableContent) -> MatchOn:
    """The likely way to match on a table that no rule uses yet, guessed from its cells."""
    sample = list(islice(table.rows, _SAMPLE))
    columns = []
    for place, name in enumerate(table.columns):
        spans = any(_is_span(row[place]) for row in sample)
        how: Matcher = "range" if spans and name not in _ASSUMED else _ASSUMED.get(name, "eq")
        field = PIPELINE.find(name)
        if field is None or how not in FITTING[field.kind]:
            field = Field(name, Kind.ANY, "A column that is not a field of every plan.")
        columns.append(Column(field, how))
    return tuple(columns)


def _is_span(cell: Any) -> bool:
    return isinstance(cell, list) or (isinstance(cell, str) and ".." in cell)
