"""Tables as decisions look them up: compiled for the rules of a plan, or recalled from what was stored."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from app.engine.conditions.comparisons import Values
from app.engine.lookup.rows import RowIndex
from app.plan.language.columns import MatchOn


@dataclass(frozen=True, slots=True)
class TableContent:
    """What a table holds. The last item of a row is the position of its target in `targets`.

    Few targets are shared by many rows, and each is written as under a rule's `then`.
    """

    columns: Sequence[str]
    targets: Sequence[Mapping[str, Any]]
    rows: Sequence[Sequence[Any]]

    def target(self, row: int) -> Mapping[str, Any]:
        """The target of the row at this position."""
        at: int = self.rows[row][-1]
        return self.targets[at]


@dataclass(frozen=True, slots=True)
class TableRef:
    """What a rule looks up: a table of the directory, by these columns."""

    table: str
    match_on: MatchOn


@dataclass(frozen=True, slots=True)
class RowMatch:
    """What a look-up came to. Without `revision` no table is there, without `row` none of its rows fits.

    Rows count from 1. `matched_by_column` says how each column fitted.
    """

    table: str
    revision: int | None = None
    row: int | None = None
    matched_by_column: Mapping[str, str] = field(default_factory=dict)
    target: Mapping[str, Any] | None = None

    def to_trace(self) -> dict[str, Any]:
        """What the trace shows of it: no value of the lead."""
        shown: dict[str, Any] = {"table": self.table, "revision": self.revision}
        return (
            shown
            if self.row is None
            else {**shown, "row": self.row, "matched_by_column": dict(self.matched_by_column)}
        )


class Tables(Protocol):
    """Where the rules of a plan find the row that fits a lead."""

    def find(self, step: str, table: str, values: Values) -> RowMatch:
        """The row for the rule of this name."""
        ...

    def target(self, table: str, row: int) -> Mapping[str, Any] | None:
        """The target of a row that was found."""
        ...


class CompiledTable:
    """One revision of a table, with the indexes that were asked for so far."""

    def __init__(self, revision: int, table: TableContent) -> None:
        self.revision = revision
        self.columns = tuple(table.columns)
        self.size = len(table.rows)
        self._targets = [table.target(row) for row in range(len(table.rows))]
        self._indexes: dict[MatchOn, RowIndex] = {}

    def fits(self, match_on: MatchOn) -> bool:
        """Whether these are the columns of the table."""
        return {column.field.name for column in match_on} == set(self.columns)

    def has(self, match_on: MatchOn) -> bool:
        """Whether nothing is left to be compiled for these columns."""
        return match_on in self._indexes or not self.fits(match_on)

    def compile(self, match_on: MatchOn, table: TableContent) -> None:
        """Make ready for these columns, if the table has them. Takes a second for the largest tables."""
        if not self.has(match_on):
            self._indexes[match_on] = RowIndex(match_on, self.columns, table.rows)

    def find(self, name: str, match_on: MatchOn, values: Values) -> RowMatch:
        """The row that fits."""
        index = self._indexes.get(match_on)
        if index is None:
            return RowMatch(name)
        fit = index.find(values)
        if fit is None:
            return RowMatch(name, self.revision)
        ranks, row = fit
        return RowMatch(name, self.revision, row + 1, index.by(ranks), self._targets[row])

    def target(self, row: int) -> Mapping[str, Any]:
        """The target of a row that was found."""
        return self._targets[row - 1]


@dataclass(frozen=True, slots=True)
class PreparedTables:
    """The tables of a plan, by the name of each rule that looks one up."""

    table_refs: Mapping[str, TableRef] = field(default_factory=dict)
    compiled: Mapping[str, CompiledTable] = field(default_factory=dict)

    def find(self, step: str, table: str, values: Values) -> RowMatch:
        """The row for the rule of this name."""
        compiled, look = self.compiled.get(table), self.table_refs.get(step)
        return compiled.find(table, look.match_on, values) if compiled and look else RowMatch(table)

    def target(self, table: str, row: int) -> Mapping[str, Any] | None:
        """The target of a row that was found."""
        compiled = self.compiled.get(table)
        return compiled.target(row) if compiled else None


@dataclass(frozen=True, slots=True)
class RecalledRows:
    """What an earlier decision found, by rule: made again, it finds the same."""

    rows: Mapping[str, RowMatch]

    def find(self, step: str, table: str, values: Values) -> RowMatch:  # noqa: ARG002  as the protocol has it
        """The row that was found for the rule of this name."""
        return self.rows.get(step) or RowMatch(table)

    def target(self, table: str, row: int) -> Mapping[str, Any] | None:
        """The target of a row that was found."""
        return next(
            (each.target for each in self.rows.values() if (each.table, each.row) == (table, row)), None
        )


NO_TABLES = PreparedTables()
"""For plans that look nothing up."""


def compile_table(table: TableContent, revision: int, ons: Sequence[MatchOn]) -> CompiledTable:
    """A table made ready for these look-ups."""
    compiled = CompiledTable(revision, table)
    for match_on in ons:
        compiled.compile(match_on, table)
    return compiled


def table_from_json(body: Mapping[str, Any]) -> TableContent:
    """A table as it is stored."""
    return TableContent(body["columns"], body["targets"], body["rows"])
