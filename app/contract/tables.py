"""What is told of a table, and of what writing it changed."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from pydantic import Field

from app.contract.directory import FindingAnswer, told
from app.contract.responses import AnswerModel
from app.directory.tables import Report, Written
from app.plan.findings import Finding
from app.plan_check.row_overlaps import Pair
from app.store.directory.tables import Head

MOST_SHOWN = 20
MOST_FINDINGS = 100


class TableHead(AnswerModel):
    """A table without its rows. `revision` is also its ETag, and is stamped on what is decided by it."""

    id: str
    columns: list[str]
    row_count: int
    revision: int
    updated_at: datetime


class TableRecord(TableHead):
    """A table as stored. A row holds one cell for each column, and then where the lead goes."""

    rows: list[list[Any]]


class FirstRows(AnswerModel):
    """The first rows of each kind, as they are or were."""

    added: list[list[Any]]
    removed: list[list[Any]]
    changed: list[list[Any]]


class DifferenceAnswer(AnswerModel):
    """Against the table as it was before: how many rows are new, gone, and lead elsewhere now."""

    added: int
    removed: int
    changed: int
    first: FirstRows


class PairAnswer(AnswerModel):
    """A row, and another one that has leads in common with it. Both count from 1."""

    row: int
    other: int


class Pairs(AnswerModel):
    """How many there are, and the first of them."""

    total: int
    first: list[PairAnswer]


class UnknownName(AnswerModel):
    """A name in a row that nobody bears; rows count from 1."""

    row: int
    kind: str
    name: str


class UnknownNames(AnswerModel):
    """How many there are, and the first of them."""

    total: int
    first: list[UnknownName]


class WrittenTable(TableHead):
    """A table after writing, and what there is to tell about it."""

    difference: DifferenceAnswer
    duplicates: Pairs = Field(description="Rows for the same leads as an earlier one, which wins.")
    overlaps: Pairs = Field(description="Rows for some of the leads of another one; the narrower one wins.")
    unknown_names: UnknownNames
    findings: list[FindingAnswer]


def shown(written: Written) -> dict[str, Any]:
    """A table after writing, as it is answered."""
    report = written.report
    return {
        **head_of(written.head),
        "difference": report.difference.told(),
        "duplicates": _pairs(report.oddities.duplicates),
        "overlaps": _pairs(report.oddities.overlaps),
        "unknown_names": {
            "total": len(report.unknown),
            "first": [each._asdict() for each in report.unknown[:MOST_SHOWN]],
        },
        "findings": told(_findings(report)[:MOST_FINDINGS]),
    }


def _findings(report: Report) -> list[Finding]:
    odd = report.oddities
    unknown = [
        Finding(f"rows[{row - 1}].{kind}", f"unknown_{kind}", f"Add this {kind}, or name another.", "warning")
        for row, kind, _ in report.unknown[:MOST_SHOWN]
    ]
    twice = [
        Finding(
            f"rows[{row - 1}]", "duplicate_row", f"Remove one: row {other} is for the same leads.", "warning"
        )
        for row, other in odd.duplicates[:MOST_SHOWN]
    ]
    partly = [
        Finding(
            f"rows[{row - 1}]", "overlap", f"It shares leads with row {other}; the narrower wins.", "warning"
        )
        for row, other in odd.overlaps[:MOST_SHOWN]
    ]
    return [*report.unread, *unknown, *twice, *partly]


def _pairs(pairs: Sequence[Pair]) -> dict[str, Any]:
    return {"total": len(pairs), "first": [pair._asdict() for pair in pairs[:MOST_SHOWN]]}


def head_of(head: Head) -> dict[str, Any]:
    """A table without its rows, as it is answered."""
    return {name: getattr(head, name) for name in TableHead.model_fields}
