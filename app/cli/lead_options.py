"""Options of the commands that read leads from a file."""

from pathlib import Path
from typing import Annotated

import typer

from app.cli.files.columns import ColumnOptions, UnknownColumns, read_mapping

Map = Annotated[
    list[str] | None,
    typer.Option("--map", help="Map columns to fields: Column=field, …; Column=- skips a column."),
]
MapFile = Annotated[Path | None, typer.Option(help="The mapping as YAML, one `Column: field` per line.")]
UnknownColumnsOption = Annotated[
    UnknownColumns,
    typer.Option("--unknown-columns", help="Columns that match no field: fail, skip, or keep as attributes."),
]
IdColumn = Annotated[
    str | None, typer.Option(help="A column that identifies each line, for repeated imports of the file.")
]


def column_options(mapped: list[str] | None, path: Path | None, unknown: UnknownColumns) -> ColumnOptions:
    """The options as one value. Raises CommandError for a mapping that cannot be read."""
    return ColumnOptions(read_mapping(mapped or (), path), unknown)
