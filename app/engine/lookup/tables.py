"""Tables as decisions use them: compiled for the rules of a plan, or recalled from stored inputs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from app.engine.conditions.comparisons import Values
from app.engine.lookup.rows import RowIndex
from app.plan.language.columns import MatchOn


@dataclass(frozen=True, slots=True)
class TableContent:
    """The content of a table. The last item of a row is the position of its target in `targets`.

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
    """The table that a rule uses, and the columns it matches on."""

    table: str
    match_on: MatchOn


@dataclass(frozen=True, slots=True)
class RowMatch:
    """The result of a look-up. Without `revision` there is no usable table; without `row` no row matches.

    Rows count from 1. `matched_by_column` says how each column fitted. `read` is how much of the index the
    look-up read, which counts toward the budget of the decision.
    """

    table: str
    revision: int | None = None
    row: int | None = None
    matched_by_column: Mapping[str, str] = field(default_factory=dict)
    target: Mapping[str, Any] | None = None
    read: int = field(default=0, compare=False)

    def to_trace(self) -> dict[str, Any]:
        """The part of the trace entry about the row. It shows no value of the lead."""
        shown: dict[str, Any] = {"table": self.table, "revision": self.revision}
        return (
            shown
            if self.row is None
            else {**shown, "row": self.row, "matched_by_column": dict(self.matched_by_column)}
        )


class Tables(Protocol):
    """Finds the rows for the rules of a plan."""

    def find(self, step: str, table: str, values: Values) -> RowMatch:
        """The row for the rule of this name."""
        ...

    def target(self, table: str, row: int) -> Mapping[str, Any] | None:
        """The target of a matching row."""
        ...


class CompiledTable:
    """One revision of a table, with an index for each set of columns in use."""

    def __init__(self, revision: int, table: TableContent) -> None:
        self.revision = revision
        self.columns = tuple(table.columns)
        self.size = len(table.rows)
        self._targets = [table.target(row) for row in range(len(table.rows))]
        self._indexes: dict[MatchOn, RowIndex] = {}

    def fits(self, match_on: MatchOn) -> bool:
        """Whether these are exactly the columns of the table."""
        return {column.field.name for column in match_on} == set(self.columns)

    def has(self, match_on: MatchOn) -> bool:
        """Whether there is nothing left to compile for these columns."""
        return match_on in self._indexes or not self.fits(match_on)

    def compile(self, match_on: MatchOn, table: TableContent) -> None:
        """Compile the index for these columns, if the table has them. The largest tables take a second."""
        if not self.has(match_on):
            self._indexes[match_on] = RowIndex(match_on, self.columns, table.rows)

    def find(self, name: str, match_on: MatchOn, values: Values) -> RowMatch:
        """The matching row."""
        index = self._indexes.get(match_on)
        if index is None:
            return RowMatch(name)
        read = [0]
        fit = index.find(values, read)
        if fit is None:
            return RowMatch(name, self.revision, read=read[0])
        ranks, row = fit
        return RowMatch(name, self.revision, row + 1, index.by(ranks), self._targets[row], read[0])

    def target(self, row: int) -> Mapping[str, Any]:
        """The target of a matching row."""
        return self._targets[row - 1]


@dataclass(frozen=True, slots=True)
class PreparedTables:
    """The compiled tables of a plan, and the table of each rule by the rule's name."""

    table_refs: Mapping[str, TableRef] = field(default_factory=dict)
    compiled: Mapping[str, CompiledTable] = field(default_factory=dict)

    def find(self, step: str, table: str, values: Values) -> RowMatch:
        """The row for the rule of this name."""
        compiled, look = self.compiled.get(table), self.table_refs.get(step)
        return compiled.find(table, look.match_on, values) if compiled and look else RowMatch(table)

    def target(self, table: str, row: int) -> Mapping[str, Any] | None:
        """The target of a matching row."""
        compiled = self.compiled.get(table)
        return compiled.target(row) if compiled else None


@dataclass(frozen=True, slots=True)
class RecalledRows:
    """The rows that an earlier decision found, by rule, so that its replay finds the same."""

    rows: Mapping[str, RowMatch]

    def find(self, step: str, table: str, values: Values) -> RowMatch:  # noqa: ARG002  as the protocol has it
        """The row that was found for the rule of this name."""
        return self.rows.get(step) or RowMatch(table)

    def target(self, table: str, row: int) -> Mapping[str, Any] | None:
        """The target of a matching row."""
        return next(
            (each.target for each in self.rows.values() if (each.table, each.row) == (table, row)), None
        )


NO_TABLES = PreparedTables()
"""For plans without tables."""


def compile_table(table: TableContent, revision: int, ons: Sequence[MatchOn]) -> CompiledTable:
    """Compile a table for these look-ups."""
    compiled = CompiledTable(revision, table)
    for match_on in ons:
        compiled.compile(match_on, table)
    return compiled


def table_from_json(body: Mapping[str, Any]) -> TableContent:
    """The content of a stored table."""
    return TableContent(body["columns"], body["targets"], body["rows"])
