"""The levels of an index over the rows of a table, one for each column.

A level leads from the value of a lead to the next levels, with a rank that says how well each cell matches.
"""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from heapq import heappop, heappush
from typing import Any

from app.plan.language.cells import Span

Rank = Any
"""How well a cell matches; the smaller the better. Ranks of different columns cannot be compared."""
Node = Any
"""A level, or behind the last level the position of a row."""
ANY = 2
"""The rank of an empty cell. Equal values and prefixes rank lower, so they win."""
ANY_RANGE = (2, 0)
_RANGES_PER_STEP = 8
"""So many ranges that do not hold a value are read in the time of one step to another level."""


class Exact:
    """Cells compared for equality."""

    __slots__ = ("_any", "_below")

    def __init__(self, below: Mapping[Any, Node], anything: Node) -> None:
        self._below, self._any = below, anything

    def leads_to(self, value: Any, _read: list[int]) -> Iterator[tuple[Rank, Node]]:
        for each in value if type(value) is tuple else (value,):
            met = self._below.get(each) if each is not None else None
            if met is not None:
                yield 0, met
        if self._any is not None:
            yield ANY, self._any


class Prefixes:
    """Prefixes, the longest first. Only lengths that occur are looked up."""

    __slots__ = ("_any", "_below", "_lengths")

    def __init__(self, below: Mapping[Any, Node], anything: Node) -> None:
        self._below, self._any = below, anything
        self._lengths = tuple(sorted({len(each) for each in below}, reverse=True))

    def leads_to(self, value: Any, _read: list[int]) -> Iterator[tuple[Rank, Node]]:
        if value is not None:
            for length in self._lengths:
                met = self._below.get(value[:length]) if length <= len(value) else None
                if met is not None:
                    yield -length, met
        if self._any is not None:
            yield ANY, self._any


class PostalCodes:
    """Areas, beginnings and ranges of postal codes, as keys. A lead's postal code has few keys."""

    __slots__ = ("_any", "_below")

    def __init__(self, below: Mapping[Any, Node], anything: Node) -> None:
        self._any = anything
        self._below: dict[str, list[tuple[Rank, Node]]] = {}
        for cell, node in below.items():
            for key, rank in cell.ranks:
                self._below.setdefault(key, []).append((rank, node))

    def leads_to(self, value: Any, _read: list[int]) -> Iterator[tuple[Rank, Node]]:
        for key in value or ():
            yield from self._below.get(key, ())
        if self._any is not None:
            yield ANY, self._any


class Narrowest:
    """Ranges at the last level. Between two neighboring bounds, the same range always wins."""

    __slots__ = ("_any", "_holding", "_wins")

    def __init__(self, below: Mapping[Any, int], anything: int | None) -> None:
        self._any = anything
        self._holding = _Holding([(span, row) for span, row in below.items() if span.size == 0])
        sized = ((size, spans, _ends_of(spans)) for size, spans in _by_size(below).items())
        # There can be as many of these as rows, so they are kept small.
        self._wins = tuple(
            (size, ends, [*_winners((*_pieces(span, ends), span.width, row) for span, row in spans)])
            for size, spans, ends in sized
        )

    def leads_to(self, value: Any, _read: list[int]) -> Iterator[tuple[Rank, int]]:
        if value is not None and len(value) > 2:
            best = self._holding.narrowest(value[1], value[2])
            yield from [best] if best is not None else ()
            value = None
        for size, ends, wins in self._wins if value is not None else ():
            if size == value[0]:
                piece = _piece(value[1], ends)
                met = wins[piece] if piece < len(wins) else None
                if met is not None:
                    yield met
        if self._any is not None:
            yield ANY_RANGE, self._any


class Ranges:
    """Ranges with another level below: all that contain a value, in the order of their lower bounds.

    A look-up reads every range that begins at or below the value, so the column with the most ranges is the
    last level.
    """

    __slots__ = ("_any", "_lows", "_spans")

    def __init__(self, below: Mapping[Any, Node], anything: Node) -> None:
        self._any = anything
        self._spans = {
            size: sorted(spans, key=lambda each: _low(each[0])) for size, spans in _by_size(below).items()
        }
        self._lows = {size: [_low(span) for span, _ in spans] for size, spans in self._spans.items()}

    def leads_to(self, value: Any, read: list[int]) -> Iterator[tuple[Rank, Node]]:
        if value is not None and value[0] in self._spans:
            size, number = value[0], value[1]
            highest = value[-1]
            begun = bisect_right(self._lows[size], number)
            read[0] += begun // _RANGES_PER_STEP
            for span, node in self._spans[size][:begun]:
                if span.high is None or highest <= span.high:
                    yield span.width, node
        if self._any is not None:
            yield ANY_RANGE, self._any


class _Holding:
    """Finds the narrowest range that holds all of a range of numbers."""

    __slots__ = ("_highs", "_longer", "_lows", "_spans")

    def __init__(self, spans: Sequence[tuple[Span, int]]) -> None:
        self._spans = sorted(spans, key=lambda each: _low(each[0]))
        self._lows = [_low(span) for span, _ in self._spans]
        self._highs = [math.inf if span.high is None else span.high for span, _ in self._spans]
        # For each range the nearest before it that ends later, so that those between need not be read.
        self._longer: list[int] = []
        for at, high in enumerate(self._highs):
            before = at - 1
            while before >= 0 and self._highs[before] <= high:
                before = self._longer[before]
            self._longer.append(before)

    def narrowest(self, low: int | float, high: int | float) -> tuple[Rank, int] | None:
        best: tuple[Rank, int] | None = None
        at = bisect_right(self._lows, low) - 1
        while at >= 0:
            # What begins earlier than this is wider than the best.
            if best is not None and best[0][0] == 0 and high - self._lows[at] > best[0][1]:
                break
            if self._highs[at] < high:
                at = self._longer[at]
                continue
            span, row = self._spans[at]
            best = min(best, (span.width, row)) if best is not None else (span.width, row)
            at -= 1
        return best


def _low(span: Span) -> int | float:
    return -math.inf if span.low is None else span.low


def _by_size(below: Mapping[Span, Node]) -> dict[int, list[tuple[Span, Node]]]:
    found: dict[int, list[tuple[Span, Node]]] = {}
    for span, node in below.items():
        found.setdefault(span.size, []).append((span, node))
    return found


def _ends_of(spans: Iterable[tuple[Span, Node]]) -> list[int | float]:
    return sorted({end for span, _ in spans for end in (span.low, span.high) if end is not None})


def _leaves(ends: Sequence[int | float]) -> int:
    """The bounds cut the numbers into pieces: before the first bound, each bound itself, and after each."""
    return 2 * len(ends) + 1


def _piece(number: int | float, ends: Sequence[int | float]) -> int:
    at = bisect_left(ends, number)
    return 2 * at + (at < len(ends) and ends[at] == number)


def _pieces(span: Span, ends: Sequence[int | float]) -> tuple[int, int]:
    """The first piece of a range, and the piece after its last."""
    first = 0 if span.low is None else _piece(span.low, ends)
    return first, _leaves(ends) if span.high is None else _piece(span.high, ends) + 1


def _winners(
    spans: Iterable[tuple[int, int, Rank, int]],
) -> Iterator[tuple[Rank, int] | None]:
    """For each piece, the narrowest range that covers it. Ties go to the earlier row."""
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
