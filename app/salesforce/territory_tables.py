"""Offers long lists of places as tables, which can be edited day by day without a new plan."""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

MIN_VALUES = 20
"""Shorter lists stay in the plan."""
MAX_ROWS = 5_000

Row = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OfferedTable:
    """A table for some rules that follow one another, and the rule that would take their place."""

    rules: tuple[str, ...]
    match_on: Mapping[str, str]
    text: str

    @property
    def id(self) -> str:
        """The id of the table."""
        return (
            self.rules[0]
            if len(self.rules) == 1
            else f"{self.rules[0]}-to-{self.rules[-1].removeprefix('entry-')}"
        )

    @property
    def path(self) -> str:
        """Where it is written."""
        return f"tables/{self.id}.csv"

    def lines(self) -> Iterator[str]:
        """How to use it."""
        match_on = ", ".join(f"{name}: {how}" for name, how in self.match_on.items())
        yield f"{self.path}, in the place of {', '.join(self.rules)}. Import it, then write in the plan:"
        yield f"  - rule: {{name: {self.id}, table: {self.id}, match_on: {{{match_on}}}}}"


@dataclass(frozen=True, slots=True)
class _Listing:
    """A rule that is nothing but lists of values and of beginnings."""

    name: str
    columns: tuple[tuple[str, str], ...]
    values: tuple[tuple[str, ...], ...]
    target: tuple[str, str]

    def rows(self) -> Iterator[Row]:
        return product(*self.values)


def offered_tables(rules: Sequence[Mapping[str, Any]]) -> list[OfferedTable]:
    """Tables for the rules with long lists. A table always finds the same target as its rules.

    Rules go into one table only when they follow one another and no lead matches two of their rows.
    """
    found: list[OfferedTable] = []
    group: list[_Listing] = []
    taken = _Taken()
    for rule in [*rules, None]:
        listing = _listing(rule) if rule is not None else None
        rows = list(listing.rows()) if listing is not None else []
        fits = group and listing is not None and listing.columns == group[0].columns
        if (
            not fits
            or len(rows) + len(taken.rows) > MAX_ROWS
            or taken.overlaps(rows, group[0].columns[-1][1])
        ):
            found += _table(group)
            group, taken = [], _Taken()
        if listing is not None and len(rows) <= MAX_ROWS:
            group.append(listing)
            taken.add(rows)
    return found


def _listing(rule: Mapping[str, Any]) -> _Listing | None:
    when, then = rule.get("when"), rule["then"]
    if not isinstance(when, dict) or len(then) != 1 or "current_owner" in then:
        return None
    columns: list[tuple[str, str]] = []
    values: list[tuple[str, ...]] = []
    for name, written in sorted(when.items(), key=lambda each: isinstance(each[1], dict)):
        how, compared = "eq", written
        if isinstance(written, dict):
            if set(written) != {"prefix"}:
                return None
            how, compared = "longest_prefix", written["prefix"]
        cells = compared if isinstance(compared, list) else [compared]
        if name in ("all", "any", "not", "exists") or not all(isinstance(each, str) for each in cells):
            return None
        if columns and columns[-1][1] == "longest_prefix":
            return None
        columns.append((name, how))
        values.append(
            tuple(dict.fromkeys(each.casefold() if how == "longest_prefix" else each for each in cells))
        )
    ((kind, target),) = then.items()
    return _Listing(str(rule["name"]), tuple(columns), tuple(values), (kind, target))


class _Taken:
    """The rows of a table in the making. Tells whether a lead can match one of them and a new row."""

    def __init__(self) -> None:
        self.rows: set[Row] = set()
        self._begun: set[Row] = set()

    def add(self, rows: Iterable[Row]) -> None:
        """Take rows. The last cell may be a beginning."""
        for row in rows:
            self.rows.add(row)
            self._begun.update((*row[:-1], row[-1][:length]) for length in range(len(row[-1])))

    def overlaps(self, rows: Iterable[Row], how: str) -> bool:
        """Whether one of the rows is there, or, for beginnings, contains one or is contained in one."""
        if how == "eq":
            return any(row in self.rows for row in rows)
        return any(
            row in self._begun
            or any((*row[:-1], row[-1][:length]) in self.rows for length in range(1, len(row[-1]) + 1))
            for row in rows
        )


def _table(group: Sequence[_Listing]) -> Iterator[OfferedTable]:
    if max((sum(map(len, each.values)) for each in group), default=0) < MIN_VALUES:
        return
    kinds = sorted({each.target[0] for each in group})
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*(name for name, _ in group[0].columns), *kinds])
    for each in group:
        for row in each.rows():
            writer.writerow([*row, *(each.target[1] if kind == each.target[0] else "" for kind in kinds)])
    yield OfferedTable(tuple(each.name for each in group), dict(group[0].columns), text.getvalue())
