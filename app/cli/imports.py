"""`lead-assignment import`: a directory out of files.

What is there already is replaced, so that a file may be imported again, and a run that broke off be repeated.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from app import logs
from app.cli.context import CommandError, settings_now, with_pool, workspace_named
from app.cli.files.rows import read_file
from app.cli.lead_options import IgnoreUnknown, LineKey, Map, MapFile, RestOption, wishes_of
from app.cli.progress import progress
from app.store.connection.pool import Pool

RECORDS: Mapping[str, str] = {
    "owners": "Add and replace owners.",
    "teams": "Add and replace teams; in a table each member has a row.",
    "calendars": "Add and replace calendars.",
    "accounts": "Add and replace accounts.",
}
"""The resource types of the directory, each of which is imported alike, and what its import does."""
File = Annotated[Path, typer.Argument(help="A table (.csv, .tsv), or one JSON object a line.")]
Workspace = Annotated[str, typer.Option(help="The workspace to write to.")]

commands = typer.Typer(
    help="A directory, or the leads there are, out of files. The same file may be imported again."
)


def _of(resource_type: str) -> Callable[[Path, str], None]:
    def import_records(file: File, workspace: Workspace) -> None:
        # It shares its checks with the API, and the web framework takes a second that no other command
        # waits for.
        from app.cli.import_records import load

        lines = read_file(file, resource_type)

        async def work(pool: Pool) -> dict[str, Any]:
            found = await workspace_named(pool, workspace)
            with progress(len(lines), f"Importing {resource_type}") as bar:
                return (await load(pool, found.id, resource_type, lines, bar.update)).to_json()

        told = with_pool(work)
        tell(resource_type, told, ("created", "updated", "unchanged"))

    return import_records


for _noun, _help in RECORDS.items():
    commands.command(_noun, help=_help)(_of(_noun))


@commands.command("tables")
def import_table(
    file: File,
    workspace: Workspace,
    id_: Annotated[
        str | None, typer.Option("--id", help="The table's id; the file's name when left out.")
    ] = None,
) -> None:
    """Put a table in the place of the one before, and tell the difference, overlaps and unknown names."""
    from app.cli.files.table import read, summary, write

    table = read(file)

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
    ignore_unknown: IgnoreUnknown = False,
    rest: RestOption = None,
    key: LineKey = None,
) -> None:
    """Book leads that exist already with their present owners: no turn, no action, nobody is routed anew."""
    from app.cli.fault_lines import not_done
    from app.cli.import_leads import ImportReport, import_file

    logs.configure(sys.stderr.buffer)
    wishes = wishes_of(map_, map_file, ignore_unknown, rest)
    deadline = settings_now().request_timeout_seconds

    async def work(pool: Pool) -> ImportReport:
        found = await workspace_named(pool, workspace)
        return await import_file(pool, found.id, file, wishes, key=key, deadline=deadline)

    adopted = with_pool(work)
    typer.echo(adopted.summary())
    if adopted.problems:
        raise CommandError("\n".join(not_done(adopted.problems, "imported")))


def tell(resource_type: str, told: Mapping[str, Any], names: Sequence[str]) -> None:
    """Print what became of the lines, each of which held one of a resource_type.

    Raises Stop with the errors by line, if there are any.
    """
    typer.echo(f"{resource_type}: " + ", ".join(f"{told[name]:,} {name}" for name in names))
    if told["errors_total"]:
        from app.cli.fault_lines import by_sentence, sentence_of

        sentences = by_sentence((error["line"], sentence_of(error["problem"])) for error in told["errors"])
        hidden = told["errors_total"] - len(told["errors"])
        more = [f"  and {hidden:,} more"] if hidden else []
        raise CommandError("\n".join([f"{told['errors_total']:,} not imported:", *sentences, *more]))
