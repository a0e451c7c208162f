"""Maps the columns of a file to fields of a lead: as the caller says, by field name, or by a common header.

Headers are compared without case, accents and punctuation, so `E-Mail` and `e_mail` are the same.
"""

import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

import yaml

from app.cli.context import CommandError
from app.plan.language.fields import LEAD

DERIVED = frozenset(("email_domain", "website_domain", "flags"))
"""Fields that intake derives. No file can set them."""
OBJECTS = ("attributes", "consent", "crm", "engagement", "utm")
"""Fields whose value in a line of JSON is an object."""
IGNORE = "-"
"""The mapping of a column to skip."""
_HEADERS = {
    "email": "email address, mail, mail address, email adresse, mail adresse, business email, work email",
    "phone": "phone number, telephone, telephone number, tel, mobile, mobile phone, telefon, telefonnummer,"
    " rufnummer, handy, mobil, handynummer",
    "first_name": "given name, forename, vorname",
    "last_name": "surname, family name, nachname, familienname, zuname",
    "title": "job title, position, berufsbezeichnung, stellenbezeichnung",
    "company": "company name, organization, organisation, account name, firma, firmenname, unternehmen",
    "website": "web site, company website, homepage, webseite, internetseite",
    "country": "country code, country region, land, landercode, laendercode, landeskurzel, landeskuerzel",
    "state": "province, state province, bundesland, kanton",
    "city": "town, stadt, ort, wohnort",
    "postal_code": "post code, zip, zip code, plz, postleitzahl",
    "language": "preferred language, sprache",
    "industry": "branche",
    "employees": "number of employees, no of employees, employee count, headcount, mitarbeiter,"
    " mitarbeiterzahl, mitarbeiteranzahl, anzahl mitarbeiter, anzahl der mitarbeiter",
    "annual_revenue": "revenue, umsatz, jahresumsatz",
    "lead_type": "leadart, leadtyp, art des leads",
    "channel": "kanal, marketing channel",
    "source": "lead source, quelle, leadquelle, herkunft",
    "campaign": "campaign name, kampagne",
    "product_interest": "product, products, produkt, produkte, produktinteresse",
    "pages": "pages visited, seiten",
    "score": "lead score",
}  # fmt: skip
_REMEDY = (
    "Map them with --map 'Column=field' ('Column=-' skips a column), or use --unknown-columns attributes to"
    " keep them, or --unknown-columns ignore to skip them all."
)


class UnknownColumns(StrEnum):
    """What to do with columns that match no field."""

    ERROR = "error"
    IGNORE = "ignore"
    ATTRIBUTES = "attributes"


def fold_name(name: str) -> str:
    """A name without case, accents and punctuation."""
    plain = unicodedata.normalize("NFKD", name).casefold()
    return "".join(letter for letter in plain if letter.isalnum())


def _names() -> dict[str, str]:
    """Fields by folded header. Field names take precedence over common headers."""
    own = {fold_name(name): name for name in LEAD.fields if name not in DERIVED}
    usual = {fold_name(each): name for name, all_ in _HEADERS.items() for each in all_.split(",")}
    utm = {f"utm{each}": f"utm.{each}" for each in ("source", "medium", "campaign", "term", "content")}
    return usual | utm | own


@dataclass(slots=True)
class ColumnOptions:
    """How columns are mapped to fields.

    `extra` are columns that the command uses and that are not fields of a lead. `aliases` are their common
    headers.
    """

    mapped: Mapping[str, str] = field(default_factory=dict)
    unknown: UnknownColumns = UnknownColumns.ERROR
    extra: Collection[str] = ()
    aliases: Mapping[str, str] = field(default_factory=dict)


def read_mapping(texts: Iterable[str], path: Path | None) -> dict[str, str]:
    """Fields by column, from `Column=field, …` and from a YAML file. Raises CommandError."""
    found: dict[str, str] = {}
    if path is not None:
        try:
            written = yaml.safe_load(path.read_text(encoding="utf-8-sig"))
        except (OSError, UnicodeError, yaml.YAMLError):
            raise CommandError(f"{path} is not valid YAML.") from None
        if not isinstance(written, dict):
            raise CommandError(f"{path} must have one line `Column: field` per column.")
        found.update({str(column): str(name) for column, name in written.items()})
    for part in (part for text in texts for part in text.split(",") if part.strip()):
        column, equals, name = part.rpartition("=")
        if not equals or not column.strip() or not name.strip():
            raise CommandError(f"Write {part.strip()!r} as Column=field.")
        found[column.strip()] = name.strip()
    return found


def fields_of(columns: Sequence[str], options: ColumnOptions) -> dict[str, str]:
    """The field of each column that has one.

    Raises CommandError for unknown names, and for two columns of the same field.
    """
    mapped = _mapped(columns, options)
    found: dict[str, str] = {}
    unknown: list[str] = []
    for column in columns:
        name = mapped.get(column) or _field_of(column, options)
        if name is None and options.unknown is UnknownColumns.ATTRIBUTES:
            name = f"attributes.{_attribute_name(column)}"
        if name is None:
            unknown.append(column)
        elif name != IGNORE:
            found[column] = name
    if unknown and options.unknown is UnknownColumns.ERROR:
        raise CommandError(f"Unknown columns: {', '.join(map(repr, unknown))}. {_REMEDY}")
    _check_single(found)
    return found


def _mapped(columns: Sequence[str], options: ColumnOptions) -> dict[str, str]:
    """The caller's mapping, by the columns of the file."""
    mapped: dict[str, str] = {}
    for left, right in options.mapped.items():
        # A mapping written field first is accepted if it is unambiguous.
        swapped = not _matching(columns, left) and (is_field(left) or left in options.extra)
        header, name = (right, left) if swapped else (left, right)
        matching = _matching(columns, header)
        if not matching:
            names = ", ".join(map(repr, columns))
            raise CommandError(f"The file has no column {header!r}. Its columns are {names}.")
        if name != IGNORE and name not in options.extra and not is_field(name):
            raise CommandError(
                f"{name!r} is not a field of a lead. docs/plan.md lists them; your own are attributes.name."
            )
        mapped.update(dict.fromkeys(matching, name))
    return mapped


def _matching(columns: Sequence[str], header: str) -> list[str]:
    exact = [each for each in columns if each == header]
    return exact or [each for each in columns if fold_name(each) == fold_name(header)]


def is_field(name: str) -> bool:
    """Whether this dotted name is a field that a lead can be sent with."""
    return name in OBJECTS or (name not in DERIVED and LEAD.find(name) is not None)


def _field_of(column: str, options: ColumnOptions) -> str | None:
    plain = fold_name(column)
    extra = {fold_name(name): name for name in options.extra} | dict(options.aliases)
    if plain in extra or is_field(column):
        return extra.get(plain, column)
    return _NAMES.get(plain)


def _attribute_name(column: str) -> str:
    """The column's name in lower-case letters, digits and underscores."""
    plain = unicodedata.normalize("NFKD", column).casefold()
    kept = "".join(letter for letter in plain if not unicodedata.combining(letter))
    return re.sub(r"[^a-z0-9]+", "_", kept).strip("_") or "column"


def _check_single(found: Mapping[str, str]) -> None:
    columns: dict[str, str] = {}
    for column, name in found.items():
        if name in columns:
            raise CommandError(
                f"The columns {columns[name]!r} and {column!r} both mean {name}."
                f" Skip one with --map '{column}={IGNORE}'."
            )
        columns[name] = column


_NAMES = _names()
