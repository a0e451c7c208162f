"""`lead-assignment import`: owners, teams, calendars, accounts, tables and existing leads from files.

An import replaces what is there, so the same file can be imported again, also after an interrupted run.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer

from app import logs
from app.cli.context import CommandError, progress, settings_now, system_user, with_pool, workspace_named
from app.cli.files.columns import UnknownColumns
from app.cli.files.rows import Lines, read_file
from app.cli.lead_options import (
    Dates,
    Decimal,
    Default,
    Encoding,
    IdColumn,
    Map,
    MapFile,
    MapValue,
    Separator,
    UnknownColumnsOption,
    column_options,
    lead_options,
    sheet_options,
)
from app.contract.directory import AccountInput, CalendarInput, OwnerInput, TeamInput
from app.contract.ndjson import Tally, write_lines
from app.contract.types import RecordModel
from app.directory.bulk import Item, slice_of
from app.directory.record_findings import findings_now
from app.plan.findings import Finding
from app.store.connection.pool import Pool

FINDINGS_SLICE = 1000
"""The records whose findings are read in one transaction."""
MODELS: Mapping[str, type[RecordModel]] = {
    "owners": OwnerInput,
    "teams": TeamInput,
    "calendars": CalendarInput,
    "accounts": AccountInput,
}
HELP_TEXTS: Mapping[str, str] = {
    "owners": "Add or replace owners.",
    "teams": "Add or replace teams. In a table, each member has a row.",
    "calendars": "Add or replace calendars.",
    "accounts": "Add or replace accounts.",
}
File = Annotated[Path, typer.Argument(help="A table (.csv, .tsv), or one JSON object per line.")]
Workspace = Annotated[str, typer.Option(help="The workspace to write to.")]

commands = typer.Typer(help="Import the directory, or existing leads, from files.")


async def load(
    pool: Pool, workspace_id: int, resource_type: str, lines: Lines, advance: Callable[[int], object]
) -> dict[str, Any]:
    """Write records slice by slice and return a `BulkResult`. Each slice is committed on its own.

    `advance` is called with the number of lines of each slice. Errors have the line numbers of the file.
    `findings` are the warnings about the stored records, once all of them are stored, by line.
    """
    total, size = Tally(), slice_of(resource_type)
    stored: list[tuple[int, Item]] = []
    for number, fault in lines.faults:
        total.add(number, fault)
    for start in range(0, len(lines), size):
        part = lines.good[start : start + size]
        raw = b"\n".join(line for _, line in part)
        first = len(stored)
        tally = await write_lines(
            pool,
            workspace_id,
            system_user(),
            resource_type,
            MODELS[resource_type],
            raw,
            lambda number, item: stored.append((number, item)),
        )
        stored[first:] = [(part[number - 1][0], item) for number, item in stored[first:]]
        total.counts.update(tally.counts)
        total.errors += [{**error, "line": part[error["line"] - 1][0]} for error in tally.errors]
        advance(len(part))
    return {**total.to_json(), "findings": await _findings(pool, workspace_id, resource_type, stored)}


async def _findings(
    pool: Pool, workspace_id: int, resource_type: str, stored: Sequence[tuple[int, Item]]
) -> list[tuple[int, Finding]]:
    """The findings by line. Of several lines with one id, the last one counts."""
    last = {item[0]: (line, item) for line, item in stored}
    lines, found = list(last.values()), []
    for start in range(0, len(lines), FINDINGS_SLICE):
        part = lines[start : start + FINDINGS_SLICE]
        items = [item for _, item in part]
        of_each = await findings_now(pool, workspace_id, resource_type, items)
        found += [(line, each) for (line, _), all_ in zip(part, of_each, strict=True) for each in all_]
    return found


def _importer(resource_type: str) -> Callable[[Path, str, str | None, str | None], None]:
    def import_records(
        file: File, workspace: Workspace, separator: Separator = None, encoding: Encoding = None
    ) -> None:
        lines = read_file(file, resource_type, sheet_options(separator, encoding))

        async def work(pool: Pool) -> dict[str, Any]:
            found = await workspace_named(pool, workspace)
            with progress(len(lines), f"Importing {resource_type}") as bar:
                return await load(pool, found.id, resource_type, lines, bar.update)

        for note in lines.notes:
            typer.echo(note, err=True)
        _print_result(resource_type, with_pool(work))

    return import_records


for _resource_type, _help in HELP_TEXTS.items():
    commands.command(_resource_type, help=_help)(_importer(_resource_type))


@commands.command("tables")
def import_table(
    file: File,
    workspace: Workspace,
    id_: Annotated[str | None, typer.Option("--id", help="The table's id. Default: the file's name.")] = None,
    separator: Separator = None,
    encoding: Encoding = None,
) -> None:
    """Replace a table, and report changes, overlaps and unknown names."""
    from app.cli.files.table import read, summary, write

    table = read(file, sheet_options(separator, encoding))

    async def work(pool: Pool) -> dict[str, Any]:
        found = await workspace_named(pool, workspace)
        with progress(len(table.rows), "Importing tables") as bar:
            return await write(pool, found.id, id_ or file.stem, table, bar.update)

    for sentence in summary(with_pool(work)):
        typer.echo(sentence)


@commands.command("leads")
def import_leads(
    file: File,
    workspace: Workspace,
    map_: Map = None,
    map_file: MapFile = None,
    unknown_columns: UnknownColumnsOption = UnknownColumns.ERROR,
    id_column: IdColumn = None,
    default: Default = None,
    map_value: MapValue = None,
    dates: Dates = None,
    decimal: Decimal = None,
    separator: Separator = None,
    encoding: Encoding = None,
    move: Annotated[
        bool, typer.Option("--move", help="Move leads that have another owner, or wait, to the owner here.")
    ] = False,
) -> None:
    """Import existing leads with their current owners. No turn is taken, and no action is returned.

    Lines with different CRM ids or external ids are different leads. Possible duplicates are listed.
    """
    from app.cli.fault_lines import not_done
    from app.cli.import_leads import ImportReport, import_file

    logs.configure(sys.stderr.buffer)
    options = lead_options(
        column_options(map_, map_file, unknown_columns),
        sheet_options(separator, encoding),
        default=default,
        map_value=map_value,
        id_column=id_column,
        dates=dates,
        decimal=decimal,
    )
    deadline = settings_now().request_timeout_seconds

    async def work(pool: Pool) -> ImportReport:
        found = await workspace_named(pool, workspace)
        there = replace(options, zone=ZoneInfo(found.timezone))
        return await import_file(pool, found.id, file, there, deadline=deadline, move=move)

    report = with_pool(work)
    for note in report.notes:
        typer.echo(note, err=True)
    typer.echo(report.summary())
    if report.problems:
        raise CommandError("\n".join(not_done(report.problems, "imported")))


def _print_result(resource_type: str, result: Mapping[str, Any]) -> None:
    """Print the counts. Raises CommandError with the errors by line, if there are any."""
    counts = (f"{result[name]:,} {name}" for name in ("created", "updated", "unchanged"))
    typer.echo(f"{resource_type}: {', '.join(counts)}")
    from app.cli.fault_lines import by_sentence, sentence_of

    if result["findings"]:
        typer.echo(f"{len(result['findings']):,} findings:")
        told = ((line, f"{each.path} {each.code}: {each.text}") for line, each in result["findings"])
        typer.echo("\n".join(by_sentence(told)))
    if result["errors_total"]:
        sentences = by_sentence((error["line"], sentence_of(error["problem"])) for error in result["errors"])
        hidden = result["errors_total"] - len(result["errors"])
        more = [f"  and {hidden:,} more"] if hidden else []
        raise CommandError("\n".join([f"{result['errors_total']:,} not imported:", *sentences, *more]))
