"""Which column of a file is which field of a lead: as told, by its very name, or by a usual header.

Headers are compared without case, accents and punctuation, so that `E-Mail` and `e_mail` are one.
"""

import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from app.cli.context import CommandError
from app.plan.language.fields import LEAD

DERIVED = frozenset(("email_domain", "website_domain", "flags"))
"""Fields that intake makes; nobody sends them."""
OBJECTS = ("attributes", "consent", "crm", "engagement", "utm")
"""Fields that lines of JSON may hold as a whole."""
IGNORE = "-"
"""What a column is mapped to that is not wanted."""
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
    "Say which fields they are with --map 'Column=field' ('Column=-' leaves one out), keep them with"
    " --rest attributes, or leave all of them out with --ignore-unknown."
)


def fold_name(name: str) -> str:
    """A name without case, accents and whatever is no letter or digit."""
    plain = unicodedata.normalize("NFKD", name).casefold()
    return "".join(letter for letter in plain if letter.isalnum())


def _names() -> dict[str, str]:
    """Every field by its folded name, then the usual headers."""
    own = {fold_name(name): name for name in LEAD.fields if name not in DERIVED}
    usual = {fold_name(each): name for name, all_ in _HEADERS.items() for each in all_.split(",")}
    utm = {f"utm{each}": f"utm.{each}" for each in ("source", "medium", "campaign", "term", "content")}
    return usual | utm | own


@dataclass(slots=True)
class ColumnOptions:
    """What the caller says of columns: `mapped` to fields, and what becomes of those nobody knows.

    `more` are columns that are no field of a lead and mean something to the command; `aliases` are headers
    that mean one of them.
    """

    mapped: Mapping[str, str] = field(default_factory=dict)
    ignore_unknown: bool = False
    rest: bool = False
    more: Collection[str] = ()
    aliases: Mapping[str, str] = field(default_factory=dict)


def mapping_of(texts: Iterable[str], path: Path | None) -> dict[str, str]:
    """The fields by column, out of `Column=field, …` and a YAML file of the same.

    Raises Stop.
    """
    found: dict[str, str] = {}
    if path is not None:
        try:
            written = yaml.safe_load(path.read_text(encoding="utf-8-sig"))
        except (OSError, UnicodeError, yaml.YAMLError):
            raise CommandError(f"{path} cannot be read as YAML.") from None
        if not isinstance(written, dict):
            raise CommandError(f"{path} must hold a line `Column: field` for each column.")
        found.update({str(column): str(name) for column, name in written.items()})
    for part in (part for text in texts for part in text.split(",") if part.strip()):
        column, equals, name = part.rpartition("=")
        if not equals or not column.strip() or not name.strip():
            raise CommandError(f"Write {part.strip()!r} as Column=field.")
        found[column.strip()] = name.strip()
    return found


def fields_of(columns: Sequence[str], wishes: ColumnOptions) -> dict[str, str]:
    """The field of each column that has one.

    Raises Stop for names that are unknown, and for two columns that mean the same field.
    """
    told = _told(columns, wishes)
    found: dict[str, str] = {}
    unknown: list[str] = []
    for column in columns:
        name = told.get(column) or _found(column, wishes)
        if name is None and wishes.rest:
            name = f"attributes.{_word(column)}"
        if name is None:
            unknown.append(column)
        elif name != IGNORE:
            found[column] = name
    if unknown and not wishes.ignore_unknown:
        raise CommandError(f"No field is known by these names: {', '.join(map(repr, unknown))}. {_REMEDY}")
    _check_single(found)
    return found


def _told(columns: Sequence[str], wishes: ColumnOptions) -> dict[str, str]:
    """What was said of columns, by the columns there are."""
    told: dict[str, str] = {}
    for left, right in wishes.mapped.items():
        # Written the other way round, field first, nothing else can be meant.
        turned = not _meant(columns, left) and (is_field(left) or left in wishes.more)
        wanted, name = (right, left) if turned else (left, right)
        meant = _meant(columns, wanted)
        if not meant:
            raise CommandError(f"The file has no column {wanted!r}; it has {', '.join(map(repr, columns))}.")
        if name != IGNORE and name not in wishes.more and not is_field(name):
            raise CommandError(
                f"{name!r} is no field of a lead; docs/plan.md lists them, your own are attributes.name."
            )
        told.update(dict.fromkeys(meant, name))
    return told


def _meant(columns: Sequence[str], wanted: str) -> list[str]:
    exactly = [each for each in columns if each == wanted]
    return exactly or [each for each in columns if fold_name(each) == fold_name(wanted)]


def is_field(name: str) -> bool:
    """Whether a lead may be sent with a field of this dotted name."""
    return name in OBJECTS or (name not in DERIVED and LEAD.find(name) is not None)


def _found(column: str, wishes: ColumnOptions) -> str | None:
    plain = fold_name(column)
    meant = {fold_name(name): name for name in wishes.more} | dict(wishes.aliases)
    if plain in meant or is_field(column):
        return meant.get(plain, column)
    return _NAMES.get(plain)


def _word(column: str) -> str:
    """A column's name as the name of an attribute: words of letters and digits."""
    plain = unicodedata.normalize("NFKD", column).casefold()
    kept = "".join(letter for letter in plain if not unicodedata.combining(letter))
    return re.sub(r"[^a-z0-9]+", "_", kept).strip("_") or "column"


def _check_single(found: Mapping[str, str]) -> None:
    columns: dict[str, str] = {}
    for column, name in found.items():
        if name in columns:
            raise CommandError(
                f"The columns {columns[name]!r} and {column!r} both mean {name}:"
                f" leave one out with --map '{column}={IGNORE}'."
            )
        columns[name] = column


_NAMES = _names()
