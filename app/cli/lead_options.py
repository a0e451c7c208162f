"""Options of the commands that read files."""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from app.cli.context import CommandError
from app.cli.files.columns import ColumnOptions, UnknownColumns, read_mapping
from app.cli.files.leads import LeadOptions
from app.cli.files.sheets import SheetOptions, separator_of
from app.cli.files.times import DayOrder, DecimalSign

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
Separator = Annotated[
    str | None,
    typer.Option(help="What separates cells: a character, or comma, semicolon, tab, pipe, space."),
]
Encoding = Annotated[
    str | None, typer.Option(help="The encoding of the file, such as shift_jis. Default: detected.")
]
Default = Annotated[
    list[str] | None,
    typer.Option("--default", help="A value for lines without one: field=value. Can be repeated."),
]
MapValue = Annotated[
    list[str] | None,
    typer.Option("--map-value", help="Replace a value: Column:value=new value. Can be repeated."),
]
Dates = Annotated[
    DayOrder | None, typer.Option("--dates", help="The order of day and month in dates such as 03/04/2026.")
]
_DECIMAL_SIGNS = {".": "point", "dot": "point", ",": "comma"}


def _decimal_sign(written: str) -> DecimalSign:
    """The sign of `--decimal`: its name, or itself."""
    try:
        return DecimalSign(_DECIMAL_SIGNS.get(written, written.casefold()))
    except ValueError:
        raise typer.BadParameter("use point or comma") from None


Decimal = Annotated[
    DecimalSign | None,
    typer.Option(
        "--decimal",
        parser=_decimal_sign,
        metavar="<point|comma>",
        help="The decimal separator in numbers such as 1.250 and 1,250.",
    ),
]


def sheet_options(separator: str | None, encoding: str | None) -> SheetOptions:
    """How the text of a file is read. Raises CommandError for an unknown separator."""
    return SheetOptions(separator_of(separator) if separator is not None else None, encoding)


def column_options(mapped: list[str] | None, path: Path | None, unknown: UnknownColumns) -> ColumnOptions:
    """The options as one value. Raises CommandError for a mapping that cannot be read."""
    return ColumnOptions(read_mapping(mapped or (), path), unknown)


def read_defaults(texts: Iterable[str]) -> dict[str, str]:
    """Values by field, from `field=value`. Raises CommandError."""
    found: dict[str, str] = {}
    for text in texts:
        name, equals, value = (part.strip() for part in text.partition("="))
        if not (name and equals and value):
            raise CommandError(f"Write {text!r} as field=value.")
        found[name] = value
    return found


def lead_options(
    columns: ColumnOptions,
    sheet: SheetOptions,
    *,
    default: list[str] | None,
    map_value: list[str] | None,
    id_column: str | None,
    time_column: str | None = None,
    dates: DayOrder | None,
    decimal: DecimalSign | None = None,
) -> LeadOptions:
    """How a file of leads is read. Raises CommandError."""
    return LeadOptions(
        columns,
        sheet,
        read_defaults(default or ()),
        tuple(map_value or ()),
        id_column,
        time_column,
        dates,
        decimal,
    )
