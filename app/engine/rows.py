"""The rows of a table, indexed so that finding the one for a lead costs the same with ten and 100,000.

Every column is one level of the index: first those compared for equality, then by prefix, then by range. A
level leads to few others (the value and `any`; the lengths of the prefixes), and at the last level a range is
found by bisection. So the branches that are looked at depend on the columns, not on the rows. Only where
several columns are ranges, the ranges that hold the value are gone through, narrowest first or not.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from heapq import heappop, heappush
from typing import Any, Protocol

from app.engine.comparisons import Values, getter
from app.plan.cells import Key, Span, asked, read_cell
from app.plan.columns import On
from app.plan.findings import Faults

Cell = Key | Span | None
Rank = Any
"""How well a cell fits: of two in one column the smaller one wins. Comparable within a column only."""
Node = Any
"""A level, or the position of a row where the levels end."""
Fit = tuple[tuple[Rank, ...], int]
"""The ranks of a row in the order of the columns, and its position: of two the smaller one wins."""
Entry = tuple[Sequence[Cell], int]
"""The cells of a row in the order of the levels, and its position."""

_ANY = 2
"""The rank of an empty cell; a value that is met has a rank below it, so has every prefix."""
_ANY_RANGE = (2, 0)
_LEVELS = ("eq", "longest_prefix", "range")


class _Level(Protocol):
    def leads_to(self, value: Any) -> Iterable[tuple[Rank, Node]]:
        """What is below for a lead that has this value, and how well it fits."""
        ...


class RowIndex:
    """The rows of one table for one look-up. `unread` holds row and column of cells that fit nothing."""

    def __init__(self, on: On, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        self._on = on
        self._get = [getter(column.field.name) for column in on]
        self._order = sorted(range(len(on)), key=lambda at: _LEVELS.index(on[at].how))
        self.unread: list[tuple[int, int]] = []
        ordered = tuple(on[at] for at in self._order)
        self._root = self._level(0, list(entries(ordered, columns, rows, self.unread)))

    def find(self, values: Values) -> Fit | None:
        """The row that wins for these values, and how each column fits."""
        wanted = [asked(column, get(values)) for column, get in zip(self._on, self._get, strict=True)]
        return self._best(0, self._root, wanted, [None] * len(wanted))

    def by(self, ranks: Sequence[Rank]) -> dict[str, str]:
        """How each column fitted, in words that show no value."""
        return {
            column.field.name: _said(column.how, rank) for column, rank in zip(self._on, ranks, strict=True)
        }

    def _best(self, depth: int, node: Node, wanted: Sequence[Any], ranks: list[Rank]) -> Fit | None:
        if depth == len(self._order):
            return tuple(ranks), node
        best: Fit | None = None
        at = self._order[depth]
        for rank, below in node.leads_to(wanted[at]):
            ranks[at] = rank
            found = self._best(depth + 1, below, wanted, ranks)
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
                return _Exact(below, anything)
            case "longest_prefix":
                return _Prefixes(below, anything)
            case _ if depth + 1 == len(self._order):
                return _Narrowest(below, anything)
            case _:
                return _Ranges(below, anything)


def entries(
    on: On, columns: Sequence[str], rows: Sequence[Sequence[Any]], unread: list[tuple[int, int]]
) -> Iterator[Entry]:
    """The rows with their cells as they are compared, in the order of `on`.

    A row of which a cell cannot be read is left out; its position and that of the cell are noted as `unread`.
    """
    known: list[dict[Any, Cell]] = [{} for _ in on]
    ways = [(columns.index(column.field.name), column, read) for column, read in zip(on, known, strict=True)]
    for position, row in enumerate(rows):
        cells: list[Cell] = []
        for place, column, read in ways:
            cell = row[place]
            key = (type(cell), cell) if not isinstance(cell, list) else tuple(map(repr, cell))
            if key not in read:
                try:
                    read[key] = read_cell(column, cell)
                except Faults:
                    unread.append((position, place))
                    break
            cells.append(read[key])
        else:
            yield cells, position


def _said(how: str, rank: Rank) -> str:
    if rank in (_ANY, _ANY_RANGE):
        return "any"
    return f"prefix of {-rank}" if how == "longest_prefix" else how


class _Exact:
    """Values that must be met."""

    __slots__ = ("_any", "_below")

    def __init__(self, below: Mapping[Any, Node], anything: Node) -> None:
        self._below, self._any = below, anything

    def leads_to(self, value: Any) -> Iterator[tuple[Rank, Node]]:
        met = self._below.get(value) if value is not None else None
        if met is not None:
            yield 0, met
        if self._any is not None:
            yield _ANY, self._any


class _Prefixes:
    """Beginnings, the longest first. A length nobody has is not looked up."""

    __slots__ = ("_any", "_below", "_lengths")

    def __init__(self, below: Mapping[Any, Node], anything: Node) -> None:
        self._below, self._any = below, anything
        self._lengths = tuple(sorted({len(each) for each in below}, reverse=True))

    def leads_to(self, value: Any) -> Iterator[tuple[Rank, Node]]:
        if value is not None:
            for length in self._lengths:
                met = self._below.get(value[:length]) if length <= len(value) else None
                if met is not None:
                    yield -length, met
        if self._any is not None:
            yield _ANY, self._any


class _Narrowest:
    """Ranges at the last level: between two ends that follow each other the same one always wins."""

    __slots__ = ("_any", "_wins")

    def __init__(self, below: Mapping[Any, int], anything: int | None) -> None:
        self._any = anything
        sized = ((size, spans, _ends_of(spans)) for size, spans in _by_size(below).items())
        # There may be as many of these as rows, so they are kept small.
        self._wins = tuple(
            (size, ends, [*_winners((*_pieces(span, ends), span.width, row) for span, row in spans)])
            for size, spans, ends in sized
        )

    def leads_to(self, value: Any) -> Iterator[tuple[Rank, int]]:
        for size, ends, wins in self._wins if value is not None else ():
            if size == value[0]:
                piece = _piece(value[1], ends)
                met = wins[piece] if piece < len(wins) else None
                if met is not None:
                    yield met
        if self._any is not None:
            yield _ANY_RANGE, self._any


class _Ranges:
    """Ranges with another level below: all that hold a value, found in a segment tree."""

    __slots__ = ("_any", "_ends", "_trees")

    def __init__(self, below: Mapping[Any, Node], anything: Node) -> None:
        self._any = anything
        self._ends: dict[int, list[int | float]] = {}
        self._trees: dict[int, dict[int, list[tuple[Rank, Node]]]] = {}
        for size, spans in _by_size(below).items():
            ends = self._ends[size] = _ends_of(spans)
            tree = self._trees[size] = {}
            for span, node in spans:
                first, behind = _pieces(span, ends)
                for place in _covering(first, behind, _leaves(ends)):
                    tree.setdefault(place, []).append((span.width, node))

    def leads_to(self, value: Any) -> Iterator[tuple[Rank, Node]]:
        tree = self._trees.get(value[0]) if value is not None else None
        if tree is not None:
            ends = self._ends[value[0]]
            place = _piece(value[1], ends) + _leaves(ends)
            while place:
                yield from tree.get(place, ())
                place //= 2
        if self._any is not None:
            yield _ANY_RANGE, self._any


def _by_size(below: Mapping[Span, Node]) -> dict[int, list[tuple[Span, Node]]]:
    found: dict[int, list[tuple[Span, Node]]] = {}
    for span, node in below.items():
        found.setdefault(span.size, []).append((span, node))
    return found


def _ends_of(spans: Iterable[tuple[Span, Node]]) -> list[int | float]:
    return sorted({end for span, _ in spans for end in (span.low, span.high) if end is not None})


def _leaves(ends: Sequence[int | float]) -> int:
    """Ends cut the numbers into pieces: before the first, each end by itself, and what lies behind it."""
    return 2 * len(ends) + 1


def _piece(number: int | float, ends: Sequence[int | float]) -> int:
    at = bisect_left(ends, number)
    return 2 * at + (at < len(ends) and ends[at] == number)


def _pieces(span: Span, ends: Sequence[int | float]) -> tuple[int, int]:
    """The first piece of a range, and the one behind its last."""
    first = 0 if span.low is None else _piece(span.low, ends)
    return first, _leaves(ends) if span.high is None else _piece(span.high, ends) + 1


def _winners(
    spans: Iterable[tuple[int, int, Rank, int]],
) -> Iterator[tuple[Rank, int] | None]:
    """Of each piece the narrowest range that covers it, the earlier row of equals."""
    coming = sorted(spans, reverse=True)
    running: list[tuple[Rank, int, int]] = []
    piece = 0
    while coming or running:
        while coming and coming[-1][0] <= piece:
            _, behind, width, row = coming.pop()
            heappush(running, (width, row, behind))
        while running and running[0][2] <= piece:
            heappop(running)
        yield (running[0][0], running[0][1]) if running else None
        piece += 1


def _covering(first: int, behind: int, leaves: int) -> Iterator[int]:
    """The nodes of a segment tree whose leaves together are the pieces from `first` until before `behind`."""
    low, high = first + leaves, behind + leaves
    while low < high:
        if low % 2:
            yield low
            low += 1
        if high % 2:
            high -= 1
            yield high
        low //= 2
        high //= 2
