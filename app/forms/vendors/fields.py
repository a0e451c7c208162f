"""Finds out what the fields of a form mean, whatever their names and language.

What the endpoint's mapping says goes first, then the type that the tool gives, then the name or label, then
what a value looks like: an address is one whatever its label is. Everything else is kept as attributes.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from app.forms.vendors.base import FormMap
from app.forms.vendors.bodies import texts_of
from app.intake.contact import parse_email, read_mailbox
from app.values.folding import fold
from app.values.full_names import split_full_name

MAX_NAME: Final = 100
"""Characters of the name of an attribute."""
_LISTS: Final = frozenset(("product_interest", "pages", "content"))
_BY_TYPE: Final[Mapping[str, str]] = {
    "email": "email", "phone": "phone", "phone number": "phone", "phone_number": "phone", "tel": "phone",
    "url": "website", "website": "website", "country": "country",
}  # fmt: skip
_NAMES: Final[Mapping[str, str]] = {
    "email": "email, e mail, mail, email address, e mail address, mail address, your email, work email,"
    " business email, company email, user email, email work, e mail adresse, emailadresse, e mailadresse,"
    " mailadresse, ihre e mail, courriel, adresse email, adresse e mail, adresse mail, correo,"
    " correo electronico, email de contacto, indirizzo email, posta elettronica, endereco de email,"
    " e mail address, emailadres, e mailadres, adres email, adres e mail, epost, e post, sahkoposti",
    "phone": "phone, tel, telephone, mobile, cell, phone number, telephone number, mobile number, your phone,"
    " mobile phone, work phone, phone work, cell phone, contact number, whatsapp, telefon, telefonnummer,"
    " rufnummer, handy, handynummer, mobil, mobilnummer, telefono, numero de telefono, movil, celular,"
    " numero de telephone, portable, cellulare, telefone, telefoonnummer, telefoon,"
    " numer telefonu, telefonnumer, puhelin",
    "first_name": "first name, firstname, fname, given name, givenname, forename, name first, vorname,"
    " prenom, nombre, nome proprio, primeiro nome, voornaam, imie, fornavn, fornamn, etunimi",
    "last_name": "last name, lastname, lname, surname, family name, familyname, name last, nachname,"
    " familienname, zuname, nom de famille, apellido, apellidos, cognome, sobrenome, apelido, achternaam,"
    " nazwisko, etternavn, efternamn, sukunimi",
    "name": "name, full name, fullname, your name, contact name, customer name, ihr name, vor und nachname,"
    " nom, nom complet, votre nom, nombre completo, nombre y apellidos, nome, nome completo,"
    " nome e cognome, naam, volledige naam, imie i nazwisko, navn, namn",
    "company": "company, company name, organization, organisation, business, business name, employer, firm,"
    " your company, org, account name, firma, firmenname, unternehmen, unternehmensname, entreprise,"
    " societe, nom de l entreprise, empresa, nombre de la empresa, azienda, societa, nome da empresa,"
    " bedrijf, bedrijfsnaam, nazwa firmy, bedrift, foretag, yritys",
    "title": "title, job title, jobtitle, position, role, job role, your role, position title, stelle,"
    " funktion, berufsbezeichnung, fonction, poste, cargo, puesto, ruolo, funcao, functie, stanowisko",
    "website": "website, web site, url, company website, homepage, webseite, web, site web, sitio web,"
    " sito web, site",
    "country": "country, country region, country code, land, pays, pais, paese, kraj",
    "state": "state, region, province, state region, state province, bundesland, county, provincia, estado,"
    " provincie, wojewodztwo",
    "city": "city, town, stadt, ort, ville, ciudad, citta, cidade, plaats, miasto",
    "postal_code": "postal code, postalcode, postcode, post code, zip, zip code, zipcode, zip postal code,"
    " plz, postleitzahl, code postal, codigo postal, cap, cep, kod pocztowy, postnummer",
    "language": "language, preferred language, locale, sprache, langue, idioma, lingua, taal",
    "industry": "industry, sector, branche, secteur, industria, settore, branza",
    "employees": "employees, number of employees, no of employees, company size, companysize, team size,"
    " headcount, numemployees, mitarbeiter, mitarbeiterzahl, anzahl mitarbeiter, anzahl der mitarbeiter,"
    " unternehmensgrosse, nombre d employes, effectif, numero de empleados, numero di dipendenti,"
    " aantal medewerkers, liczba pracownikow",
    "annual_revenue": "annual revenue, revenue, annualrevenue, umsatz, jahresumsatz",
    "product_interest": "product interest, products of interest, interest, interests, interested in,"
    " interesse, interessen, interesses, interets",
    "referrer": "referrer, referer, http referrer",
    "pages": "page url, landing page, landing page url, page uri",
    "campaign": "campaign, campaign name",
    "source": "lead source",
}  # fmt: skip
_BY_NAME: Final[Mapping[str, str]] = {
    word.strip(): meaning for meaning, words in _NAMES.items() for word in words.split(",")
}
_UTM: Final = re.compile(r"(?:hidden |hidden_)?utm[ _-]?(source|medium|campaign|term|content|id)")
_CLICK_IDS: Final = frozenset(
    ("gclid", "gbraid", "wbraid", "msclkid", "fbclid", "igshid", "ttclid", "li_fat_id", "twclid", "dclid")
)
_NUMBER_BEHIND: Final = re.compile(r"[ _-]*[0-9]{1,3}$")
_CAMEL: Final = re.compile(r"(?<=[a-z])(?=[A-Z])")
_ADDRESS: Final = re.compile(r"[^\s@<>]+@[^\s@<>]+\.[^\s@<>.]{2,}")


@dataclass(frozen=True, slots=True)
class FormField:
    """A field of a form: its stable key, what it holds, and, where the tool says them, its label and type."""

    key: str
    value: Any = field(repr=False)
    label: str = ""
    type: str = ""


@dataclass(frozen=True, slots=True)
class MappedFields:
    """The fields of a lead, nested, and what nothing maps, by its name."""

    lead: dict[str, Any] = field(repr=False)
    unmapped: dict[str, Any] = field(repr=False)
    flags: tuple[str, ...] = ()


def fields_of(form: Mapping[str, Any]) -> list[FormField]:
    """The fields of a flat form or object. Objects inside of it are fields of their own, joined by dots."""
    return list(_flat("", form))


def map_fields(
    fields: Sequence[FormField], mapping: FormMap, known: Mapping[str, str] | None = None
) -> MappedFields:
    """What the fields mean. `known` are meanings that the tool itself gives to keys, such as `FULL_NAME`."""
    return _Mapper(mapping, known or {}).mapped(fields)


class _Mapper:
    def __init__(self, mapping: FormMap, known: Mapping[str, str]) -> None:
        self._mapping = mapping
        self._known = known
        self._ignored = {each for place in mapping.ignore for each in (place, _folded(place))}
        self._found: dict[str, Any] = {}
        self._flags: dict[str, None] = {}

    def mapped(self, fields: Sequence[FormField]) -> MappedFields:
        open_ = [each for each in fields if not self._is_ignored(each) and not _is_empty(each.value)]
        open_ = self._by_mapping(open_)
        for means in (self._known_key, _by_type, _by_name):
            open_ = [each for each in open_ if not self._take(means(each), each)]
        if "email" not in self._found:
            open_ = self._by_look(open_)
        unmapped = dict(_attributes(open_))
        return MappedFields(self._lead(), unmapped, tuple(self._flags))

    def _is_ignored(self, one: FormField) -> bool:
        return any(
            name in self._ignored for name in (one.key, one.label, _folded(one.key), _folded(one.label))
        )

    def _by_mapping(self, fields: list[FormField]) -> list[FormField]:
        """Takes what the endpoint's mapping names. A mapped field is mapped, even one that is not used."""
        used: set[int] = set()
        for meaning, places in self._mapping.fields.items():
            for place in places:
                names = {place, _folded(place)}
                for position, each in enumerate(fields):
                    if names & {each.key, each.label, _folded(each.key), _folded(each.label)} - {""}:
                        used.add(position)
                        self._take(meaning, each)
        return [each for position, each in enumerate(fields) if position not in used]

    def _known_key(self, one: FormField) -> str | None:
        return self._known.get(one.key)

    def _by_look(self, fields: list[FormField]) -> list[FormField]:
        """Takes the first value that is an address, whatever its label says."""
        for position, each in enumerate(fields):
            texts = texts_of(each.value)
            if len(texts) == 1 and _ADDRESS.fullmatch(texts[0]) and parse_email(texts[0]):
                self._take("email", each)
                return [*fields[:position], *fields[position + 1 :]]
        return fields

    def _take(self, meaning: str | None, one: FormField) -> bool:
        """Takes a value for a field of the lead that is still empty."""
        if meaning is None:
            return False
        if meaning in self._found:
            # The same value under a second name says nothing new.
            return bool(texts_of(self._found[meaning]) == texts_of(one.value))
        value = _value_of(meaning, one.value)
        if _is_empty(value):
            return False
        if meaning == "email" and not _may_be_address(value) and one.key not in self._known:
            return False
        if meaning == "phone" and isinstance(one.value, int | float):
            self._flags["phone_from_number"] = None
        self._found[meaning] = value
        return True

    def _lead(self) -> dict[str, Any]:
        found = {**self._mapping.constants, **self._found}
        whole = str(found.pop("name", "") or "")
        if whole and not found.keys() & {"first_name", "last_name"}:
            found.update(split_full_name(whole))
        return nest(found)


def nest(found: Mapping[str, Any]) -> dict[str, Any]:
    """Fields by dotted names as the nested fields of a lead."""
    lead: dict[str, Any] = {}
    for name, value in found.items():
        parent, dot, rest = name.partition(".")
        if dot and parent in ("utm", "consent", "crm", "attributes"):
            lead.setdefault(parent, {})[rest] = value
        else:
            lead[name] = value
    return lead


def _by_type(one: FormField) -> str | None:
    return _BY_TYPE.get(one.type.lower())


def _by_name(one: FormField) -> str | None:
    for name in (one.key, one.label):
        folded = _folded(name)
        if utm := _UTM.fullmatch(folded):
            return f"utm.{utm[1]}"
        if (click := folded.replace(" ", "_")) in _CLICK_IDS:
            return f"utm.{click}"
        meaning = _BY_NAME.get(folded) or _BY_NAME.get(_NUMBER_BEHIND.sub("", folded))
        if meaning is not None:
            return meaning
    return None


def _folded(name: str) -> str:
    words = _CAMEL.sub(" ", name) if not name.isupper() else name
    return fold(
        words.replace("*", " ").replace(":", " ").replace("?", " ").replace("'", " ").replace("’", " ")
    )


def _value_of(meaning: str, value: Any) -> Any:
    """The value as the field of a lead takes it."""
    texts = texts_of(value)
    if meaning in _LISTS:
        return texts
    if meaning.startswith("attributes."):
        return value
    if meaning.startswith("consent."):
        return value if isinstance(value, bool) else (texts[0] if texts else None)
    return ", ".join(texts) if len(texts) > 1 else (texts[0] if texts else None)


def _may_be_address(value: Any) -> bool:
    return "@" in read_mailbox(str(value))[0]


def _is_empty(value: Any) -> bool:
    if isinstance(value, list | dict):
        return not value or all(
            _is_empty(each) for each in (value.values() if isinstance(value, dict) else value)
        )
    return value is None or (isinstance(value, str) and not value.strip())


def _flat(prefix: str, form: Mapping[str, Any]) -> Iterator[FormField]:
    for name, value in form.items():
        if isinstance(value, dict):
            yield from _flat(f"{prefix}{name}.", value)
        else:
            yield FormField(f"{prefix}{name}", value)


def _attributes(fields: Iterable[FormField]) -> Iterator[tuple[str, Any]]:
    """What is left, by label, or by key where there is none."""
    for each in fields:
        name = (each.label or each.key).strip().replace("\n", " ")[:MAX_NAME]
        if name:
            yield name, each.value
