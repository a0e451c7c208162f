"""Rows of a table that overlap: they match the same leads, or some of the same leads."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, NamedTuple

from app.engine.lookup.rows import Cell, entries
from app.engine.lookup.tables import TableContent
from app.plan.language.cells import Span
from app.plan.language.columns import FITTING, Column, Matcher, MatchOn
from app.plan.language.fields import PIPELINE, Field, Kind

_BY_PREFIX = frozenset(("postal_code", "phone"))
"""Columns that are compared by prefix as long as no rule says otherwise."""
_SAMPLE = 1000


class Pair(NamedTuple):
    """A row, and an earlier or wider row with some of the same leads. Both count from 1."""

    row: int
    other: int


@dataclass(frozen=True, slots=True)
class RowFindings:
    """Pairs of rows that match the same leads, and pairs that match some of the same leads."""

    duplicates: Sequence[Pair]
    overlaps: Sequence[Pair]


def find_overlaps(match_on: MatchOn, table: TableContent) -> RowFindings:
    """The rows that overlap when a rule matches on these columns.

    Two rows overlap when they differ in one column, where one cell is a prefix of the other or their ranges
    overlap. An empty cell overlaps with nothing.
    """
    first: dict[tuple[Cell, ...], int] = {}
    duplicates = []
    for cells, position in entries(match_on, table.columns, table.rows, []):
        earlier = first.setdefault(tuple(cells), position)
        if earlier != position:
            duplicates.append(Pair(position + 1, earlier + 1))
    overlaps = [pair for at, column in enumerate(match_on) for pair in _overlaps(at, column, first)]
    return RowFindings(duplicates, sorted(set(overlaps)))


def _overlaps(at: int, column: Column, rows: dict[tuple[Cell, ...], int]) -> Iterator[Pair]:
    if column.how == "eq":
        return
    groups: dict[tuple[Cell, ...], list[tuple[Any, int]]] = {}
    for cells, position in rows.items():
        if cells[at] is not None:
            groups.setdefault(cells[:at] + cells[at + 1 :], []).append((cells[at], position))
    for group in groups.values():
        if len(group) > 1:
            yield from _prefixes(group) if column.how == "longest_prefix" else _ranges(group)


def _prefixes(group: Sequence[tuple[str, int]]) -> Iterator[Pair]:
    known = dict(group)
    lengths = sorted({len(each) for each in known}, reverse=True)
    for prefix, position in group:
        shorter = (known.get(prefix[:length]) for length in lengths if length < len(prefix))
        other = next((each for each in shorter if each is not None), None)
        if other is not None:
            yield Pair(position + 1, other + 1)


def _ranges(group: Iterable[tuple[Span, int]]) -> Iterator[Pair]:
    """Each range with the earlier one that ends last, in the order of their lower ends."""
    farthest: tuple[int, float | int, int] | None = None
    for span, position in sorted(group, key=lambda each: (each[0].size, _low(each[0]), each[1])):
        low, high = _low(span), float("inf") if span.high is None else span.high
        if farthest is not None and farthest[0] == span.size and low <= farthest[1]:
            yield Pair(position + 1, farthest[2] + 1)
        if farthest is None or (span.size, high) > farthest[:2]:
            farthest = (span.size, high, position)


def _low(span: Span) -> int | float:
    return float("-inf") if span.low is None else span.low


def assume_target(table: TableContent) -> MatchOn:
    """The likely way to match on a table that no rule uses yet, guessed from its cells."""
    sample = list(islice(table.rows, _SAMPLE))
    columns = []
    for place, name in enumerate(table.columns):
        spans = any(_is_span(row[place]) for row in sample)
        how: Matcher = "range" if spans else "longest_prefix" if name in _BY_PREFIX else "eq"
        field = PIPELINE.find(name)
        if field is None or how not in FITTING[field.kind]:
            field = Field(name, Kind.ANY, "A column that is not a field of every plan.")
        columns.append(Column(field, how))
    return tuple(columns)


def _is_span(cell: Any) -> bool:
    return isinstance(cell, list) or (isinstance(cell, str) and ".." in cell)
