"""`lead-assignment plan import`: start a plan from the rules of another product."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from app.cli.context import CommandError
from app.salesforce.errors import UnreadableFile
from app.salesforce.fields import FieldMap, read_field_map, read_object_types
from app.salesforce.imported import ImportedPlan, Options, import_rules

commands = typer.Typer(help="Start a plan from the rules of another product.")
Parsed = TypeVar("Parsed")


@commands.command()
def salesforce(
    file: Annotated[Path, typer.Argument(help="The file Lead.assignmentRules-meta.xml of the org.")],
    out: Annotated[Path, typer.Option(help="The directory to write to.")],
    fields: Annotated[
        Path | None,
        typer.Option(help="A CSV file with a field of Salesforce and a field of the lead in each line."),
    ] = None,
    object_: Annotated[
        Path | None,
        typer.Option("--object", help="Lead.object-meta.xml, or the directory of the object, for the types."),
    ] = None,
    rule: Annotated[str | None, typer.Option(help="The rule to import. Default: the active one.")] = None,
    default_owner: Annotated[
        str | None,
        typer.Option(help="The user name or the queue that gets the leads that no entry takes."),
    ] = None,
    hold_uncertain: Annotated[
        bool,
        typer.Option(
            "--hold-uncertain",
            help="Queue the leads that may match an entry by a part that was not carried over.",
        ),
    ] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the files of an import.")] = False,
) -> None:
    """Turn lead assignment rules of Salesforce into a plan with owners, queues and tests."""
    known = FieldMap(
        _parsed(fields, lambda raw: read_field_map(_decoded(raw))) if fields is not None else {},
        _object_types(object_) if object_ is not None else {},
    )
    options = Options(rule, default_owner, hold_uncertain)
    imported = _parsed(file, lambda raw: import_rules(raw, known, options))
    _write(imported, out, overwrite=overwrite)
    typer.echo("\n".join([*imported.report, "", *_next_steps(out)]))


def _parsed(path: Path, parse: Callable[[bytes], Parsed]) -> Parsed:
    """What a file says. Raises CommandError with the name of the file."""
    try:
        return parse(path.read_bytes())
    except OSError as error:
        raise CommandError(f"Cannot read {path}: {error.strerror or type(error).__name__}.") from None
    except UnreadableFile as refused:
        raise CommandError(f"{path} {refused}.") from None


def _decoded(raw: bytes) -> str:
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UnreadableFile("is not UTF-8") from None


def _object_types(path: Path) -> dict[str, str]:
    """The types of the fields: of one file, or of all files in the directory of the object."""
    files = sorted(path.rglob("*-meta.xml")) if path.is_dir() else [path]
    wanted = [each for each in files if not path.is_dir() or _is_of_object(each)]
    if not wanted:
        raise CommandError(f"{path} has no object file and no field files.")
    found: dict[str, str] = {}
    for each in wanted:
        found |= _parsed(each, read_object_types)
    return found


def _is_of_object(path: Path) -> bool:
    return path.name.endswith((".object-meta.xml", ".field-meta.xml"))


def _write(imported: ImportedPlan, out: Path, *, overwrite: bool) -> None:
    """Write the files. Raises CommandError when they would replace some."""
    there = [name for name in imported.files if (out / name).exists()]
    if there and not overwrite:
        raise CommandError(f"{out} has {there[0]} already. Choose another directory, or add --overwrite.")
    try:
        for name, text in imported.files.items():
            target = out / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise CommandError(f"Cannot write to {out}: {error.strerror or type(error).__name__}.") from None


def _next_steps(out: Path) -> Iterator[str]:
    yield "Next, with the name of your workspace:"
    yield f"  lead-assignment import owners {out / 'owners.csv'} --workspace NAME"
    yield f"  lead-assignment plan check {out / 'plan.yaml'} --workspace NAME"
    yield f"  lead-assignment plan publish {out / 'plan.yaml'} --workspace NAME --comment 'From Salesforce'"
