"""What is told of a table, and of what writing it changed."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from pydantic import Field

from app.contract.directory import FindingDetail, findings_to_json
from app.contract.responses import ResponseModel
from app.directory.tables import TableReport, WrittenTable
from app.plan.findings import Finding
from app.plan_check.row_overlaps import Pair
from app.store.directory.tables import StoredTableHead

MAX_SHOWN = 20
MAX_FINDINGS = 100


class TableHead(ResponseModel):
    """A table without its rows. `revision` is also its ETag, and is stamped on what is decided by it."""

    id: str
    columns: list[str]
    row_count: int
    revision: int
    updated_at: datetime


class Table(TableHead):
    """A table as stored. A row holds one cell for each column, and then where the lead goes."""

    rows: list[list[Any]]


class RowSamples(ResponseModel):
    """The first rows of each kind, as they are or were."""

    added: list[list[Any]]
    removed: list[list[Any]]
    changed: list[list[Any]]


class TableDiff(ResponseModel):
    """Against the table as it was before: how many rows are new, gone, and lead elsewhere now."""

    added: int
    removed: int
    changed: int
    first: RowSamples


class RowPair(ResponseModel):
    """A row, and another one that has leads in common with it. Both count from 1."""

    row: int
    other: int


class RowPairs(ResponseModel):
    """How many there are, and the first of them."""

    total: int
    first: list[RowPair]


class UnknownName(ResponseModel):
    """A name in a row that nobody bears; rows count from 1."""

    row: int
    kind: str
    name: str


class UnknownNames(ResponseModel):
    """How many there are, and the first of them."""

    total: int
    first: list[UnknownName]


class TableResult(TableHead):
    """A table after writing, and what there is to tell about it."""

    difference: TableDiff
    duplicates: RowPairs = Field(description="Rows for the same leads as an earlier one, which wins.")
    overlaps: RowPairs = Field(
        description="Rows for some of the leads of another one; the narrower one wins."
    )
    unknown_names: UnknownNames
    findings: list[FindingDetail]


def shown(written: WrittenTable) -> dict[str, Any]:
    """A table after writing, as it is answered."""
    report = written.report
    return {
        **head_of(written.head),
        "difference": report.difference.told(),
        "duplicates": _pairs(report.oddities.duplicates),
        "overlaps": _pairs(report.oddities.overlaps),
        "unknown_names": {
            "total": len(report.unknown),
            "first": [each._asdict() for each in report.unknown[:MAX_SHOWN]],
        },
        "findings": findings_to_json(_findings(report)[:MAX_FINDINGS]),
    }


def _findings(report: TableReport) -> list[Finding]:
    odd = report.oddities
    unknown = [
        Finding(f"rows[{row - 1}].{kind}", f"unknown_{kind}", f"Add this {kind}, or name another.", "warning")
        for row, kind, _ in report.unknown[:MAX_SHOWN]
    ]
    twice = [
        Finding(
            f"rows[{row - 1}]", "duplicate_row", f"Remove one: row {other} is for the same leads.", "warning"
        )
        for row, other in odd.duplicates[:MAX_SHOWN]
    ]
    partly = [
        Finding(
            f"rows[{row - 1}]", "overlap", f"It shares leads with row {other}; the narrower wins.", "warning"
        )
        for row, other in odd.overlaps[:MAX_SHOWN]
    ]
    return [*report.unread, *unknown, *twice, *partly]


def _pairs(pairs: Sequence[Pair]) -> dict[str, Any]:
    return {"total": len(pairs), "first": [pair._asdict() for pair in pairs[:MAX_SHOWN]]}


def head_of(head: StoredTableHead) -> dict[str, Any]:
    """A table without its rows, as it is answered."""
    return {name: getattr(head, name) for name in TableHead.model_fields}
