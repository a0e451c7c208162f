"""`lead-assignment spend`: upload what campaigns cost."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer
from pydantic import ValidationError

from app.cli.context import CommandError, system_user, with_pool, workspace_chosen
from app.cli.fault_lines import not_done
from app.cli.files.sheets import is_table, open_sheet
from app.cli.files.text import TextFile
from app.cli.files.times import DecimalSign
from app.cli.lead_options import Decimal, Encoding, Separator, sheet_options
from app.cli.sending import batches
from app.contract.faults import validation_failed
from app.contract.spend import MAX_ROWS, SpendItem
from app.errors import Problem, ValidationFailed, refused_at
from app.intake.headers import fold_name
from app.reports import spend
from app.store.connection.pool import Pool
from app.store.reports.spend import SpendRow
from app.values.numbers import read_number

commands = typer.Typer(help="What campaigns cost, for the cost of a lead.", no_args_is_help=True)
_NAMES = {
    "campaign": "campaign, campaign name, utm_campaign",
    "day": "day, date",
    "currency": "currency, currency code",
    "amount": "amount, cost, spend, amount spent",
}
"""The names of columns that exports of advertising platforms use."""
_MEANS = {fold_name(name): field for field, names in _NAMES.items() for name in names.split(",")}
_WITH_CURRENCY = re.compile(r"(.*\S)\s*\(([A-Z]{3})\)\s*")
_DIGITS = re.compile(r"[+-]?\d[\d.,'’ \u00a0\u202f]*|[.,]\d+")
"""A number without a unit: `1.2k` or `€5` could say something else than the row does."""
Numbered = Iterator[tuple[int, Any]]
"""Line numbers, each with a row, or why it could not be read. A line of JSON can hold anything."""


@commands.callback()
def _group() -> None:
    """What campaigns cost, for the cost of a lead."""


@commands.command("import")
def import_spend(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="CSV, or lines of JSON.")],
    currency: Annotated[
        str | None, typer.Option(help="The currency of rows without one, such as EUR.")
    ] = None,
    workspace: Annotated[str | None, typer.Option(help="The workspace. Default: the only one.")] = None,
    separator: Separator = None,
    encoding: Encoding = None,
    decimal: Decimal = None,
) -> None:
    """Upload campaign, day, currency and amount. A row replaces an earlier one of the same three."""
    text = TextFile(file, encoding)
    amounts = _Amounts(decimal)
    numbered = _sheet_rows(text, separator, amounts) if is_table(text) else _json_rows(text)
    rows, faults = _checked(numbered, {"currency": currency} if currency is not None else {})
    if faults:
        raise CommandError("\n".join(not_done(faults, "read; nothing was written")))

    async def work(pool: Pool) -> tuple[int, set[str]]:
        id_ = (await workspace_chosen(pool, workspace)).id
        replaced, unknown = 0, set[str]()
        for part in batches(rows, MAX_ROWS):
            written = await spend.put_spend(pool, id_, system_user(), part)
            replaced += written.replaced
            unknown.update(written.without_leads)
        return replaced, unknown

    replaced, unknown = with_pool(work)
    typer.echo(f"spend: {len(rows) - replaced:,} created, {replaced:,} replaced")
    if amounts.ambiguous:
        count, example = len(amounts.ambiguous), amounts.ambiguous[0]
        typer.echo(
            f"{count:,} amounts such as {example!r} were read as thousands; if not, say --decimal.", err=True
        )
    for campaign in sorted(unknown):
        typer.echo(f"No lead names the campaign {campaign!r}.", err=True)


class _Amounts:
    """Reads amounts as leads' numbers are read, and keeps those with a separator that could be either."""

    def __init__(self, decimal: DecimalSign | None) -> None:
        self._decimal: Any = decimal.value if decimal is not None else None
        self.ambiguous: list[str] = []

    def read(self, cell: str) -> float | int | str:
        """The amount in a cell. A cell that is not a number stays, and validation refuses it."""
        read = read_number(cell, self._decimal) if _DIGITS.fullmatch(cell) else None
        if read is None:
            return cell
        if read.ambiguous:
            self.ambiguous.append(cell)
        return read.value


def _sheet_rows(text: TextFile, separator: str | None, amounts: _Amounts) -> Numbered:
    options = sheet_options(separator, None)
    sheet = open_sheet(text, options.separator, lambda name: fold_name(_split(name)[0]) in _MEANS)
    for line, row in sheet.rows():
        yield line, row if isinstance(row, ValidationFailed) else _cells(row, amounts)


def _cells(row: Mapping[str, str], amounts: _Amounts) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for heading, cell in row.items():
        name, currency = _split(heading)
        field = _MEANS.get(fold_name(name))
        if field is None:
            continue
        if field == "amount":
            found[field] = amounts.read(cell.strip())
            if currency:
                found.setdefault("currency", currency)
        else:
            found[field] = cell
    return found


def _split(heading: str) -> tuple[str, str | None]:
    """A heading and the currency in it: `Amount spent (EUR)`."""
    match = _WITH_CURRENCY.fullmatch(heading)
    return (match[1], match[2]) if match else (heading, None)


def _json_rows(text: TextFile) -> Numbered:
    for line, written in enumerate(text.lines(), 1):
        if written.strip():
            try:
                yield line, orjson.loads(written)
            except orjson.JSONDecodeError:
                yield line, refused_at((), "invalid", "is not JSON")


def _checked(
    numbered: Numbered, default: Mapping[str, Any]
) -> tuple[list[SpendRow], list[tuple[int, Problem]]]:
    rows: dict[tuple[Any, ...], SpendRow] = {}
    faults: list[tuple[int, Problem]] = []
    for line, sent in numbered:
        try:
            if isinstance(sent, ValidationFailed):
                raise sent
            item = SpendItem.model_validate({**default, **sent} if isinstance(sent, Mapping) else sent)
        except ValidationError as refused:
            faults.append((line, validation_failed(refused)))
        except ValidationFailed as problem:
            faults.append((line, problem))
        else:
            key = (item.campaign, item.day, item.currency)
            if key in rows:
                detail = "is a second row of the same campaign, day and currency"
                faults.append((line, refused_at((), "duplicate_key", detail)))
            rows[key] = SpendRow(*key, item.amount)
    return list(rows.values()), faults
