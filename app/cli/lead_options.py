"""The options that all commands share which read leads out of a file."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from app.cli.files.columns import ColumnOptions, mapping_of


class UnknownColumns(StrEnum):
    """What becomes of columns that are no field."""

    ATTRIBUTES = "attributes"


Map = Annotated[list[str] | None, typer.Option("--map", help="Column=field, …; Column=- leaves one out.")]
MapFile = Annotated[Path | None, typer.Option(help="The same in YAML, a line `Column: field` each.")]
IgnoreUnknown = Annotated[bool, typer.Option("--ignore-unknown", help="Leave out columns nobody knows.")]
RestOption = Annotated[UnknownColumns | None, typer.Option(help="Keep columns nobody knows as attributes.")]
LineKey = Annotated[str | None, typer.Option("--key", help="A column that tells all lines apart.")]


def wishes_of(
    mapped: list[str] | None, path: Path | None, ignore_unknown: bool, rest: UnknownColumns | None
) -> ColumnOptions:
    """What the options say of the columns.

    Raises Stop.
    """
    return ColumnOptions(mapping_of(mapped or (), path), ignore_unknown, rest is not None)
