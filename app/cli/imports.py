"""`lead-assignment import`: a directory out of files.

What is there already is replaced, so that a file may be imported again.
"""

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from app.cli.rows import read_file
from app.cli.surroundings import Stop, with_pool, workspace_named
from app.store.database import Pool

MOST_SHOWN = 100


class Noun(StrEnum):
    """What can be imported."""

    OWNERS = "owners"
    TEAMS = "teams"
    CALENDARS = "calendars"


def import_file(
    noun: Annotated[Noun, typer.Argument(help="What the file holds.")],
    file: Annotated[Path, typer.Argument(help="CSV, or one JSON object a line.")],
    workspace: Annotated[str, typer.Option(help="The workspace to write to.")],
) -> None:
    """Add and replace owners, teams (in CSV a row for each member) or calendars from a file."""
    # It shares its checks with the API, and the web framework takes a second that no other command waits for.
    from app.cli.loading import load

    lines = read_file(file, noun)

    async def work(pool: Pool) -> dict[str, Any]:
        found = await workspace_named(pool, workspace)
        with typer.progressbar(length=len(lines), label=f"Importing {noun}") as bar:
            return (await load(pool, found.id, noun, lines, bar.update)).told()

    told = with_pool(work)
    typer.echo(", ".join(f"{told[name]} {name}" for name in ("created", "updated", "unchanged")))
    if told["errors_total"]:
        raise Stop("\n".join([f"{told['errors_total']} not imported:", *_sentences(told["errors"])]))


def _sentences(errors: Sequence[dict[str, Any]]) -> list[str]:
    sentences = []
    for error in errors[:MOST_SHOWN]:
        faults = error["problem"].get("errors") or [{"path": "", "detail": error["problem"]["title"]}]
        told = "; ".join(f"{fault['path']} {fault['detail']}".strip() for fault in faults)
        sentences.append(f"  line {error['line']}: {told}")
    return sentences
