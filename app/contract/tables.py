"""Tables as returned, and the report on what writing one changed."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from app.contract.findings import FindingDetail, findings_to_json
from app.contract.responses import Int64, ResponseModel
from app.contract.types import RequestModel
from app.directory.tables import TableReport, WrittenTable
from app.plan.findings import Finding, quote
from app.plan_check.row_overlaps import Pair
from app.plan_check.tables import place_of
from app.store.directory.tables import StoredTableHead
from app.store.directory.tables import TableVersion as StoredVersion

MAX_SAMPLES = 20
MAX_FINDINGS = 100


class TableHead(ResponseModel):
    """A table without its rows. `revision` is also its ETag; decisions that use the table record it."""

    id: str
    columns: list[str]
    row_count: int
    revision: Int64
    updated_at: datetime


class Table(TableHead):
    """A stored table. A row holds one cell for each column, and then the target."""

    rows: list[list[Any]]


class TableVersion(ResponseModel):
    """A revision of a table that can be compared and restored. `actor` is the API key that wrote it."""

    revision: Int64
    row_count: int
    actor: str
    at: datetime


class TableRollback(RequestModel):
    """The revision whose rows become the table again."""

    revision: Annotated[int, Field(ge=1, le=2**63 - 1)]


class RowSamples(ResponseModel):
    """The first added, removed and changed rows."""

    added: list[list[Any]]
    removed: list[list[Any]]
    changed: list[list[Any]]


class TableDiff(ResponseModel):
    """How many rows were added, were removed, and have a new target."""

    added: int
    removed: int
    changed: int
    first: RowSamples


class RowPair(ResponseModel):
    """Two rows that match some of the same leads. Rows count from 1."""

    row: int
    other: int
    same_target: bool = Field(description="Whether both rows send their leads to the same target.")


class RowPairs(ResponseModel):
    """The total, and the first of them."""

    total: int
    first: list[RowPair]


class UnknownName(ResponseModel):
    """A name in a row that is not in the directory or the plan. Rows count from 1."""

    row: int
    kind: str
    name: str


class UnknownNames(ResponseModel):
    """The total, and the first of them."""

    total: int
    first: list[UnknownName]


class TableResult(TableHead):
    """A table after a write, and the report on it."""

    difference: TableDiff
    duplicates: RowPairs = Field(description="Rows that match the same leads as an earlier row, which wins.")
    overlaps: RowPairs = Field(
        description="Rows that match some of the same leads as another row. The more specific row wins."
    )
    unknown_names: UnknownNames
    findings: list[FindingDetail]


def result_to_json(written: WrittenTable) -> dict[str, Any]:
    """A written table as a `TableResult`."""
    report = written.report
    return {
        **head_to_json(written.head),
        "difference": report.difference.to_json(),
        "duplicates": _pairs(report.oddities.duplicates),
        "overlaps": _pairs(report.oddities.overlaps),
        "unknown_names": {
            "total": len(report.unknown),
            "first": [each._asdict() for each in report.unknown[:MAX_SAMPLES]],
        },
        "findings": findings_to_json(_findings(report)[:MAX_FINDINGS]),
    }


def _findings(report: TableReport) -> list[Finding]:
    odd = report.oddities
    unknown = [
        Finding(f"rows[{row - 1}].{kind}", f"unknown_{kind}", _unknown(kind, name), "warning")
        for row, kind, name in report.unknown[:MAX_SAMPLES]
    ]
    overlaps = [
        Finding(
            f"rows[{row - 1}]",
            "overlap",
            f"{place_of(row)}: row {other} matches some of the same leads"
            f"{' for the same target' if same else ''}. The more specific row wins.",
            "warning",
        )
        for row, other, same in odd.overlaps[:MAX_SAMPLES]
    ]
    return [*report.unread, *report.duplicates, *unknown, *overlaps]


def _unknown(kind: str, name: str) -> str:
    return f"Unknown {kind} `{quote(name)}`. Add this {kind}, or name another."


def version_to_json(version: StoredVersion) -> dict[str, Any]:
    """A version of a table as a `TableVersion`."""
    return {name: getattr(version, name) for name in TableVersion.model_fields}


def _pairs(pairs: Sequence[Pair]) -> dict[str, Any]:
    return {"total": len(pairs), "first": [pair._asdict() for pair in pairs[:MAX_SAMPLES]]}


def head_to_json(head: StoredTableHead) -> dict[str, Any]:
    """A stored table without its rows as a `TableHead`."""
    return {name: getattr(head, name) for name in TableHead.model_fields}
