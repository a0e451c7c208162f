"""Imports a table from a file. It replaces the stored table as a whole, or nothing changes."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import typer

from app.cli.context import CommandError, system_user
from app.cli.fault_lines import Message, by_sentence
from app.cli.files.sheets import DETECT, SheetOptions, is_table
from app.cli.files.text import TextFile
from app.contract.table_formats import CSV, JSON, LINES, read_table
from app.contract.tables import result_to_json
from app.directory import tables
from app.engine.lookup.tables import TableContent
from app.errors import Fault, Problem
from app.registry import strategies
from app.store.connection.pool import Pool


def read(path: Path, options: SheetOptions = DETECT) -> TableContent:
    """Read a table: `.csv`, `.tsv`, `.json` as the API takes it, or else lines of JSON.

    Raises CommandError with the faults by line.
    """
    text = TextFile(path, options.encoding)
    raw = "".join(text.lines()).encode()
    for note in text.notes():
        typer.echo(note, err=True)
    media = CSV if is_table(text) else JSON if path.suffix.lower() == ".json" else LINES
    try:
        return read_table(raw, media, options.separator)
    except Problem as problem:
        raise CommandError("\n".join([f"{path} was not imported:", *_sentences(problem)])) from None


async def write(
    pool: Pool, workspace_id: int, id_: str, table: TableContent, advance: Callable[[int], object]
) -> dict[str, Any]:
    """Replace the stored table, and return the report as the API does."""
    written = await tables.put(pool, workspace_id, system_user(), strategies(), id_, table)
    advance(len(table.rows))
    return result_to_json(written)


def summary(report: Mapping[str, Any]) -> Iterator[str]:
    """The report in sentences."""
    changes = report["difference"]
    yield f"{report['row_count']:,} rows: " + ", ".join(
        f"{changes[name]:,} {name}" for name in ("added", "changed", "removed")
    )
    counts = {"duplicates": "duplicates", "overlaps": "overlaps", "unknown_names": "unknown names"}
    warnings = [
        f"{words}: {report[name]['total']:,}" for name, words in counts.items() if report[name]["total"]
    ]
    if warnings:
        yield ", ".join(warnings)
    for each in report["findings"]:
        yield f"  {_row(each['path'])}  {each['code']}: {each['detail']}"


def _row(path: str) -> str:
    """`row 2 team` for `rows[1].team`. Rows count from 1, as in traces."""
    found = re.match(r"rows\[(\d+)\]", path)
    rest = path[found.end() :].lstrip(".") if found else path
    return " ".join((f"row {int(found[1]) + 1}" if found else "rows", rest)).rstrip()


def _sentences(problem: Problem) -> Iterator[str]:
    if not problem.faults:
        yield f"  {problem.detail or problem.title}"
    yield from by_sentence(_placed(fault) for fault in problem.faults)


def _placed(fault: Fault) -> Message:
    """A fault with its line, if it has one."""
    match fault.path:
        case "lines", int(line), *rest:
            return line, _words(rest, fault)
        case path:
            return None, _words(path, fault)


def _words(path: Sequence[str | int], fault: Fault) -> str:
    return " ".join((*map(str, path), fault.detail))
