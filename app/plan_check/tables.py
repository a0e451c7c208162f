"""Checks of the tables a plan uses."""

from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from app.engine.lookup.rows import ReadRows, read_rows
from app.engine.lookup.tables import TableContent
from app.engine.model.directory import Directory
from app.engine.selection.templated_teams import closed_fields, combinations, is_templated
from app.plan.document.plan import PlanDocument
from app.plan.document.step_configs import RuleConfig
from app.plan.document.targets import KINDS, Target
from app.plan.findings import MAX_FINDINGS, Faults, Finding, quote, show
from app.plan.language.cells import country_of, is_any, read_cell
from app.plan.language.columns import MatchOn
from app.plan.language.spelling import did_you_mean, spelling_or
from app.plan_check.declarations import unknown_sla
from app.plan_check.row_overlaps import Pair, find_duplicates
from app.plan_check.value_findings import language_findings
from app.values.postal_codes import postal_code
from app.values.states import read_state

MAX_SHOWN = 20
_ODD = {"state": "unknown_state", "postal_code": "invalid_cell"}
OfTarget = Callable[[Target, str], Iterator[Finding]]
"""Finds what is wrong with a target at a path."""


class Unknown(NamedTuple):
    """An unknown name in a row. Rows count from 1."""

    row: int
    kind: str
    name: str


def table_findings(
    document: PlanDocument, tables: Mapping[str, TableContent], of_target: OfTarget
) -> Iterator[Finding]:
    """Unknown tables and columns, cells that cannot be compared, and unknown names in rows.

    Findings about rows are warnings: rows change from day to day, and a faulty row takes no lead.
    """
    known: dict[tuple[str, MatchOn], Sequence[Finding]] = {}
    for position, step in enumerate(document.pipeline):
        rule = step.config
        if not isinstance(rule, RuleConfig) or rule.table is None or rule.match_on is None:
            continue
        path = f"pipeline[{position}].rule"
        if rule.sla is not None and rule.sla not in document.slas:
            yield unknown_sla(rule.sla, f"{path}.sla", document)
        table = tables.get(rule.table)
        if table is None:
            remedy = spelling_or(rule.table, tables, "add the table to the directory")
            text = f"Unknown table `{quote(rule.table)}`.{remedy}"
            yield Finding(f"{path}.table", "unknown_table", text, value=rule.table)
            continue
        misfits = list(column_findings(rule.match_on, table.columns, path))
        yield from misfits
        if not misfits:
            way = rule.table, rule.match_on
            if way not in known:
                known[way] = list(_of_rows(rule.match_on, table))
            yield from (replace(each, path=f"{path}.table") for each in known[way])
        warned = 0
        for row, written in first_rows(table):
            if warned >= MAX_FINDINGS:
                break
            target = Target.model_validate(written)
            for each in (
                *of_target(target, f"{path}.table"),
                *_slas(target, document, f"{path}.table"),
                *language_findings(target, f"{path}.table"),
            ):
                warned += 1
                yield Finding(each.path, each.code, f"{place_of(row)}: {each.text}", "warning")


def _of_rows(match_on: MatchOn, table: TableContent) -> Iterator[Finding]:
    """What is odd about the rows when they are compared like this. The largest tables take seconds."""
    rows = read_rows(match_on, table.columns, table.rows)
    yield from unread(match_on, table, rows)
    yield from odd_cells(match_on, table)
    yield from duplicate_rows(find_duplicates(match_on, table, rows), table)


def _slas(target: Target, document: PlanDocument, path: str) -> Iterator[Finding]:
    for name in dict.fromkeys(rung.sla for rung in (target, *target.otherwise)):
        if name is not None and name not in document.slas:
            yield unknown_sla(name, path, document)


def column_findings(match_on: MatchOn, columns: Sequence[str], path: str) -> Iterator[Finding]:
    """Columns of the rule that the table does not have, and the reverse."""
    compared = [column.field.name for column in match_on]
    for name in compared:
        if name not in columns:
            meant = did_you_mean(name, [each for each in columns if each not in compared])
            text = f"Unknown column `{quote(name)}`. The table has no such column.{meant}"
            yield Finding(f"{path}.match_on.{quote(name)}", "unknown_column", text)
    for name in columns:
        if name not in compared:
            text = f"Add the column `{quote(name)}`. A rule must match on every column of its table."
            yield Finding(f"{path}.match_on", "missing_column", text)


def unread(match_on: MatchOn, table: TableContent, rows: ReadRows) -> Iterator[Finding]:
    """The first cells that cannot be compared as the rule says. Their rows match no lead."""
    ways = {column.field.name: column for column in match_on}
    by_country = table.columns.index("country") if "country" in table.columns else None
    for row, place in rows.unread[:MAX_SHOWN]:
        name = table.columns[place]
        country = country_of(table.rows[row][by_country]) if by_country is not None else None
        cell = table.rows[row][place]
        try:
            read_cell(ways[name], cell, country)
        except Faults as refused:
            text = f"{place_of(row + 1)}, {quote(name)} `{show(cell)}`: {refused.findings[0].text}"
            yield Finding(f"rows[{row}].{quote(name)}", "invalid_cell", text, "warning")


def duplicate_rows(pairs: Sequence[Pair], table: TableContent) -> Iterator[Finding]:
    """The first rows that match the same leads as an earlier row; those with another target come first."""
    for pair in sorted(pairs, key=lambda each: each.same_target)[:MAX_SHOWN]:
        row, other = place_of(pair.row), f"row {pair.other}"
        if pair.same_target:
            text = f"{row}: {other} matches the same leads, for the same target. Remove one of the rows."
            yield Finding(f"rows[{pair.row - 1}]", "duplicate_row", text, "warning")
        else:
            first, second = (_named(table.target(at - 1)) for at in (pair.row, pair.other))
            text = (
                f"{row} sends leads to {first}, but {other} matches the same leads and sends them to"
                f" {second}. The earlier row wins. Remove one of the rows."
            )
            yield Finding(f"rows[{pair.row - 1}]", "conflicting_rows", text, "warning")


def _named(target: Mapping[str, Any]) -> str:
    kind = next(kind for kind in KINDS if kind in target)
    return f"{kind} {quote(target[kind])}"


def place_of(row: int) -> str:
    """A row as the reader of a file finds it, too."""
    return f"Row {row} (line {row + 1} of a CSV file)"


def odd_cells(match_on: MatchOn, table: TableContent) -> Iterator[Finding]:
    """States and postal codes that are none of the country of their row. They match no lead that is."""
    if "country" not in table.columns:
        return
    by_country = table.columns.index("country")
    read = {"state": read_state, "postal_code": postal_code}
    places = [
        (table.columns.index(name), name)
        for name in (column.field.name for column in match_on if column.how == "eq")
        if name in read
    ]
    shown = 0
    for row, cells in enumerate(table.rows, 1):
        country = country_of(cells[by_country])
        for place, name in places:
            cell = cells[place]
            if country is None or not isinstance(cell, str) or is_any(cell) or read[name](cell, country):
                continue
            shown += 1
            if shown > MAX_SHOWN:
                return
            text = f"{place_of(row)}, {name}: `{show(cell)}` is not one of {country}."
            yield Finding(f"rows[{row - 1}][{place}]", _ODD[name], text, "warning")


def unknown_names(
    table: TableContent, directory: Directory, document: PlanDocument | None
) -> Iterator[Unknown]:
    """Owners and teams that the directory does not have, and queues and paths the plan does not declare."""
    known: dict[str, Container[str]] = {"owner": directory.owners, "team": directory.teams}
    if document is not None:
        known |= {"queue": document.queues, "path": document.paths}
    words = closed_fields(document) if document is not None else {}
    for row, written in first_rows(table):
        target = Target.model_validate(written)
        for rung in (target, *target.otherwise):
            templated = rung.kind == "team" and is_templated(rung.name)
            for name in combinations(rung.name, words) if templated else (rung.name,):
                if rung.kind in known and name not in known[rung.kind]:
                    yield Unknown(row, rung.kind, name)


def first_rows(table: TableContent) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Each target with its first row. Rows count from 1."""
    seen: set[int] = set()
    for row, cells in enumerate(table.rows, 1):
        if cells[-1] not in seen:
            seen.add(cells[-1])
            yield row, table.targets[cells[-1]]
