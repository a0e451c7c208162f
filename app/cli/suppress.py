"""`lead-assignment suppress`: addresses, domains and phone numbers whose leads are blocked."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer
from pydantic import ValidationError

from app.cli.context import CommandError, system_user, with_pool, workspace_chosen
from app.cli.fault_lines import not_done
from app.cli.files.sheets import open_sheet
from app.cli.files.text import TextFile
from app.cli.lead_options import Encoding, Separator, sheet_options
from app.contract.faults import validation_failed
from app.contract.separators import SEPARATORS
from app.contract.suppressions import SuppressionInput, SuppressionLine, SuppressionsRemoval
from app.directory import suppressions
from app.engine.model.lead_keys import SuppressionKey
from app.errors import Problem, ValidationFailed
from app.intake.headers import fold_name, guess_field
from app.intake.suppressions import KINDS
from app.store.connection.pool import Pool
from app.store.life.suppressions import AddedCounts, ListCount, SuppressionRow

commands = typer.Typer(help="Suppression lists, whose leads are blocked.", no_args_is_help=True)
InWorkspace = Annotated[str | None, typer.Option("--workspace", help="The workspace. Default: the only one.")]
OnList = Annotated[str, typer.Option("--list", help="The list, such as do_not_contact or competitors.")]
Values = Annotated[list[str], typer.Argument(metavar="VALUE...", help="Addresses, domains, phone numbers.")]
Country = Annotated[
    str | None, typer.Option(help="The country of phone numbers without a country code, such as GB.")
]
_NAMES = {
    "value": "value, entry, address or domain",
    "email": "email, e-mail, email address, e-mail address",
    "domain": "domain, email domain, company domain, website",
    "phone": "phone, phone number, mobile, telephone",
    "country": "country, country code",
    "list": "list, list name",
}
_MEANS = {fold_name(name): field for field, names in _NAMES.items() for name in names.split(",")}
_ENTRIES = frozenset((*KINDS, "value"))
_NO_ENTRIES = (
    "Cannot read {path}: none of its columns has entries. The first line names the columns. Known are "
    + "; ".join(f"{field} (also {names.partition(', ')[2]})" for field, names in _NAMES.items())
    + ". A file with one value in each line needs no first line."
)
_BOTH = (
    "{path} has lines with a domain beside an address or a phone number. A domain blocks everybody of the"
    " company. Say what to add with --only email, --only phone or --only domain, once or several times."
)
_OF_LEADS = {"email": "email", "phone": "phone", "website": "domain", "country": "country"}
"""What the columns of leads mean here."""
MAX_LISTED = 1000


class OnlyKind(StrEnum):
    """A kind of entry that a file is read for."""

    EMAIL = "email"
    DOMAIN = "domain"
    PHONE = "phone"


@commands.callback()
def _group() -> None:
    """Suppression lists, whose leads are blocked."""


@commands.command()
def add(values: Values, list_: OnList, country: Country = None, workspace: InWorkspace = None) -> None:
    """Add entries to a list. A domain covers its subdomains."""
    keys = [_entry({"value": value, "country": country, "list": list_}).key for value in values]
    typer.echo(_said(_add({list_: keys}, workspace)))


@commands.command("import")
def import_file(
    file: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, help="One value per line, or a CSV file.")
    ],
    list_: Annotated[str | None, typer.Option("--list", help="The list for lines that name none.")] = None,
    country: Country = None,
    only: Annotated[
        list[OnlyKind] | None, typer.Option(help="Add entries of this kind only: email, domain or phone.")
    ] = None,
    workspace: InWorkspace = None,
    separator: Separator = None,
    encoding: Encoding = None,
) -> None:
    """Add the entries of a file: one value per line, lines of JSON, or CSV with columns.

    Columns are value, email, domain, phone, country and list, also as CRMs and spreadsheets name them in many
    languages; others are ignored. Each cell is an entry. Nothing is written if a line cannot be read.
    """
    default = {name: given for name, given in (("list", list_), ("country", country)) if given is not None}
    by_list: dict[str, list[SuppressionKey]] = defaultdict(list)
    faults: list[tuple[int, Problem]] = []
    without = 0
    for line, sent in _lines(TextFile(file, encoding), separator, country, only or ()):
        try:
            entries = [_entry({**default, **each}) for each in _sent(sent)]
            entries = [each for each in entries if not only or each.key.kind in only]
        except ValidationFailed as problem:
            faults.append((line, problem))
        else:
            without += not entries
            for entry in entries:
                by_list[entry.list].append(entry.key)
    if faults:
        raise CommandError("\n".join(not_done(faults, "read; nothing was written")))
    skipped = f", {without:,} lines without an entry" if without else ""
    typer.echo(_said(_add(by_list, workspace)) + skipped)


@commands.command()
def remove(
    values: Values,
    list_: OnList,
    reason: Annotated[str, typer.Option(help="Why, as one word such as customer_now. It is logged.")],
    country: Country = None,
    workspace: InWorkspace = None,
) -> None:
    """Take entries off a list."""
    entries = [{"value": value, "country": country} for value in values]
    try:
        body = SuppressionsRemoval.model_validate({"list": list_, "entries": entries, "reason": reason})
    except ValidationError as refused:
        raise validation_failed(refused, model=SuppressionsRemoval) from None

    async def work(pool: Pool) -> int:
        id_ = (await workspace_chosen(pool, workspace)).id
        keys = [entry.key for entry in body.entries]
        return await suppressions.remove_suppressions(pool, id_, system_user(), list_, keys, reason)

    typer.echo(f"{list_}: {with_pool(work):,} removed")


@commands.command("list")
def list_entries(
    list_: Annotated[str | None, typer.Option("--list", help="Only the entries of this list.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=MAX_LISTED, help="The maximum number of entries.")] = 100,
    workspace: InWorkspace = None,
) -> None:
    """Print entries as lines of JSON. They are keyed hashes, so what they block is not in them."""

    async def work(pool: Pool) -> list[SuppressionRow]:
        id_ = (await workspace_chosen(pool, workspace)).id
        return await suppressions.list_suppressions(pool, id_, None, limit, list_)

    for entry in with_pool(work):
        typer.echo(orjson.dumps(asdict(entry), option=orjson.OPT_UTC_Z).decode())


@commands.command()
def counts(workspace: InWorkspace = None) -> None:
    """Print how many entries each list has, by kind."""

    async def work(pool: Pool) -> list[ListCount]:
        return await suppressions.count_suppressions(pool, (await workspace_chosen(pool, workspace)).id)

    for each in with_pool(work):
        older = f", {each.of_older_keys:,} with an older key" if each.of_older_keys else ""
        typer.echo(f"{each.list}\t{each.kind}\t{each.entries:,}{older}")


@commands.command("rotate-key")
def rotate_key(workspace: InWorkspace = None) -> None:
    """Make a new key for the hashes. Import the lists again afterwards; until then both keys are used."""

    async def work(pool: Pool) -> list[int]:
        return await suppressions.rotate_key(
            pool, (await workspace_chosen(pool, workspace)).id, system_user()
        )

    typer.echo(f"keys in use: {', '.join(map(str, with_pool(work)))}")


def _add(by_list: Mapping[str, list[SuppressionKey]], workspace: str | None) -> AddedCounts:
    async def work(pool: Pool) -> AddedCounts:
        id_ = (await workspace_chosen(pool, workspace)).id
        return await suppressions.add_suppressions(pool, id_, system_user(), by_list)

    return with_pool(work)


def _said(added: AddedCounts) -> str:
    more = f", {added.updated:,} with the newest key now" if added.updated else ""
    return f"{added.created:,} added{more}, {added.unchanged:,} unchanged"


def _entry(sent: Mapping[str, Any]) -> SuppressionLine:
    try:
        return SuppressionLine.model_validate({name: value for name, value in sent.items() if value})
    except ValidationError as refused:
        raise validation_failed(refused, model=SuppressionLine) from None


def _sent(line: Any) -> Sequence[Mapping[str, Any]]:
    """The entries of a line. Raises ValidationFailed if it could not be read."""
    if isinstance(line, ValidationFailed):
        raise line
    return line if isinstance(line, list) else [line]


def _lines(
    text: TextFile, separator: str | None, country: str | None, only: Sequence[str]
) -> Iterator[tuple[int, Any]]:
    """The line numbers, each with what its entries are made of, or why it could not be read."""
    first = next((line for line in text.lines() if line.strip() and not line.lstrip().startswith("#")), "")
    if separator is None and not _is_heading(first, country):
        for number, line in enumerate(text.lines(), 1):
            if line.strip() and not line.lstrip().startswith("#"):
                yield number, _of_line(line)
        return
    sheet = open_sheet(text, sheet_options(separator, None).separator, lambda name: _meant(name) is not None)
    if not any(_meant(name) in _ENTRIES for name in sheet.columns):
        raise CommandError(_NO_ENTRIES.format(path=text.path))
    for number, row in sheet.rows():
        yield number, row if isinstance(row, ValidationFailed) else _entries_of(row, text.path, only)


def _of_line(line: str) -> Any:
    if line.lstrip().startswith("{"):
        try:
            return orjson.loads(line)
        except orjson.JSONDecodeError:
            pass
    return {"value": line.strip()}


def _is_heading(line: str, country: str | None) -> bool:
    """Whether a line names columns. An entry can have a separator too, such as `"Doe, Jo" <jo@x.example>`."""
    if _meant(line) is not None:
        return True
    if line.lstrip().startswith("{") or not any(sign in line for sign in SEPARATORS):
        return False
    try:
        SuppressionInput.model_validate({"value": line.strip(), "country": country or None})
    except ValidationError:
        return True
    return False


@lru_cache(maxsize=1024)
def _meant(heading: str) -> str | None:
    """What a column holds: a kind of entry, the country, the list, or nothing of these."""
    found = _MEANS.get(fold_name(heading))
    if found is None and (guess := guess_field(heading)) is not None:
        found = _OF_LEADS.get(guess.field)
    return found


def _entries_of(row: Mapping[str, str], path: Path, only: Sequence[str]) -> list[dict[str, str]]:
    """What each entry of a row is made of. Raises CommandError for people beside their company's domain."""
    cells = [(name, cell) for heading, cell in row.items() if (name := _meant(heading)) is not None]
    shared = {name: cell for name, cell in cells if name not in _ENTRIES}
    of_phones = ("phone", "value") if "country" in shared else ()
    without = {name: cell for name, cell in shared.items() if name != "country"}
    entries = [(name, cell) for name, cell in cells if name in _ENTRIES]
    if only:
        entries = [(name, cell) for name, cell in entries if name in (*only, "value")]
    elif len(kinds := {name for name, _ in entries}) > 1 and "domain" in kinds:
        raise CommandError(_BOTH.format(path=path))
    return [{**(shared if name in of_phones else without), name: cell} for name, cell in entries]
