"""`lead-assignment assign`: the leads of a file through the path, or a rehearsal of it."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app import logs
from app.cli.context import CommandError, settings_now, with_pool, workspace_named
from app.cli.lead_options import IgnoreUnknown, LineKey, Map, MapFile, RestOption, wishes_of
from app.store.connection.pool import Pool

if TYPE_CHECKING:
    from app.cli.files.outcomes import OutcomeCounts, OutcomeFile


def assign(
    file: Annotated[Path, typer.Argument(help="A table (.csv, .tsv), or one JSON object a line.")],
    workspace: Annotated[str, typer.Option(help="The workspace that decides.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be decided.")] = False,
    map_: Map = None,
    map_file: MapFile = None,
    ignore_unknown: IgnoreUnknown = False,
    rest: RestOption = None,
    trigger: Annotated[str, typer.Option(help="What happened.")] = "form",
    key: LineKey = None,
    out: Annotated[Path | None, typer.Option(help="A CSV to write what became of each line to.")] = None,
) -> None:
    """Decide who owns each lead of a file. The same file again decides nothing twice, for seven days."""
    # It shares its checks with the API, and the web framework takes a second that no other command waits for.
    from app.cli.run import Run, outcomes_of
    from app.plugins.process import PluginLimits

    logs.configure(sys.stderr.buffer)
    wishes = wishes_of(map_, map_file, ignore_unknown, rest)
    settings = settings_now()
    limits = PluginLimits(settings.plugin_timeout_seconds, settings.plugin_memory_mb)
    run = Run(file, wishes, trigger, key, dry_run, settings.request_timeout_seconds, limits)

    async def work(pool: Pool) -> "OutcomeCounts":
        found = await workspace_named(pool, workspace)
        with _written(out) as rows:
            return await outcomes_of(pool, found.id, run, rows)

    outcomes = with_pool(work)
    typer.echo("\n".join(outcomes.lines()))
    if outcomes.problems:
        raise typer.Exit(1)


@contextmanager
def _written(path: Path | None) -> Iterator["OutcomeFile | None"]:
    if path is None:
        yield None
        return
    from app.cli.files.outcomes import OutcomeFile

    try:
        file = path.open("w", encoding="utf-8", newline="")
    except OSError as error:
        raise CommandError(f"{path} cannot be written: {error.strerror or type(error).__name__}.") from None
    with file:
        yield OutcomeFile(file)
