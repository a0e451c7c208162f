"""`lead-assignment assign`: decide the leads of a file, or show what would be decided."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer

from app import logs
from app.cli.context import CommandError, settings_now, with_pool, workspace_named
from app.cli.files.columns import UnknownColumns
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
from app.store.connection.pool import Pool

if TYPE_CHECKING:
    from app.cli.files.outcomes import OutcomeCounts, OutcomeFile


def assign(
    file: Annotated[Path, typer.Argument(help="A table (.csv, .tsv), or one JSON object per line.")],
    workspace: Annotated[str, typer.Option(help="The workspace that decides.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the decisions. Store nothing.")] = False,
    map_: Map = None,
    map_file: MapFile = None,
    unknown_columns: UnknownColumnsOption = UnknownColumns.ERROR,
    trigger: Annotated[str, typer.Option(help="What brought the leads, such as form or import.")] = "form",
    id_column: IdColumn = None,
    report: Annotated[Path | None, typer.Option(help="A CSV file for the outcome of each line.")] = None,
    default: Default = None,
    map_value: MapValue = None,
    time_column: Annotated[
        str | None,
        typer.Option(
            help="The column with the time of each line. A dry run decides each line at its time;"
            " lines are decided in the order of their times."
        ),
    ] = None,
    dates: Dates = None,
    decimal: Decimal = None,
    separator: Separator = None,
    encoding: Encoding = None,
) -> None:
    """Assign an owner to each lead of a file.

    Within seven days, repeating the command with the same file decides no lead twice.
    """
    # The dispatcher takes a while to import, and no other command waits for it.
    from app.cli.run import Run, outcomes_of
    from app.plugins.process import PluginLimits

    logs.configure(sys.stderr.buffer)
    options = lead_options(
        column_options(map_, map_file, unknown_columns),
        sheet_options(separator, encoding),
        default=default,
        map_value=map_value,
        id_column=id_column,
        time_column=time_column,
        dates=dates,
        decimal=decimal,
    )
    settings = settings_now()
    limits = PluginLimits(settings.plugin_timeout_seconds, settings.plugin_memory_mb)
    run = Run(file, options, trigger, dry_run, settings.request_timeout_seconds, limits)

    async def work(pool: Pool) -> "OutcomeCounts":
        found = await workspace_named(pool, workspace)
        there = replace(run, options=replace(run.options, zone=ZoneInfo(found.timezone)))
        with _report_file(report) as rows:
            return await outcomes_of(pool, found.id, there, rows)

    outcomes = with_pool(work)
    for note in outcomes.notes:
        typer.echo(note, err=True)
    typer.echo("\n".join(outcomes.lines()))
    if outcomes.problems:
        raise typer.Exit(1)


@contextmanager
def _report_file(path: Path | None) -> Iterator["OutcomeFile | None"]:
    if path is None:
        yield None
        return
    from app.cli.files.outcomes import OutcomeFile

    try:
        file = path.open("w", encoding="utf-8", newline="")
    except OSError as error:
        raise CommandError(f"Cannot write {path}: {error.strerror or type(error).__name__}.") from None
    with file:
        yield OutcomeFile(file)
