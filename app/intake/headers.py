"""The names that people and form tools give the fields of leads, and the exports that use them.

They are the headers of a file, and the labels of a form. They are compared without case, accents and
punctuation, so `E-Mail` and `e_mail` are the same.
"""

import unicodedata
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from app.plan.language.fields import DERIVED as MADE_OF_OTHERS
from app.plan.language.fields import LEAD
from app.plan.language.spelling import closest

DERIVED = frozenset(
    (
        "email_domain", "website_domain", "flags", "junk_score", "junk_cleared",
        *(name for name in LEAD.fields if name.partition(".")[0] in {*MADE_OF_OTHERS, "preferences"}),
    )
)  # fmt: skip
"""Fields that no file can set: intake or the decision makes them, or they are told elsewhere."""
OBJECTS = ("attributes", "consent", "crm", "engagement", "utm")
"""Fields whose value in a line of JSON is an object."""
CONSENT_RECORD = tuple(f"consent_record.{name}" for name in ("at", "form", "field", "text_version", "topic"))
"""The proof of a consent. No condition asks for it."""
FULL_NAME = "full_name"
"""Not a field of a lead: the whole name, which is split into its two parts."""
KEEP = "*"
"""In place of a field: the column is known, and kept as an attribute under its own name."""
_LATIN_MARKS = range(0x300, 0x370)


class Guess(NamedTuple):
    """The field that a header means. Of two columns with the same field, the lower rank is preferred."""

    field: str
    rank: int


def fold_name(name: str) -> str:
    """A name without case, accents and punctuation. Marks that make another letter stay."""
    plain = unicodedata.normalize("NFKD", name).casefold()
    return "".join(letter for letter in plain if letter.isalnum() or _is_letter_mark(letter))


def _is_letter_mark(letter: str) -> bool:
    """Whether this is a mark of a script in which marks are no accents: か and が are different letters."""
    return ord(letter) not in _LATIN_MARKS and unicodedata.category(letter).startswith("M")


_HEADERS: Mapping[str, str] = {
    "email": "email address, e mail address, mail, mail address, email adresse, mail adresse,"
    " e mail adresse, business email, business email address, work email, work email address, company email,"
    " email id, professional email, corporate email, work mail, geschäftliche e mail adresse,"
    " geschäftliche e mail, geschäftliche mailadresse, dienstliche e mail adresse, firmen e mail,"
    " adresse e mail, adresse mail, adresse électronique, courriel, adresse courriel, e mail professionnel,"
    " adresse e mail professionnelle, correo, correo electrónico, dirección de correo electrónico,"
    " dirección de correo, correo corporativo, correo de empresa, indirizzo e mail, indirizzo mail,"
    " posta elettronica, e mail aziendale, endereço de e mail, e mail corporativo, e mail profissional,"
    " e mailadres, mailadres, zakelijk e mailadres, adres e mail, e post, e postadress, e postadresse,"
    " e mailová adresa, メールアドレス, メール",
    "phone": "phone number, telephone, telephone number, tel, telefon, telefonnummer, rufnummer, work phone,"
    " work phone number, business phone, business phone number, company phone, mobile, mobile phone,"
    " mobile phone number, mobile number, cell, cell phone, cell phone number, contact number,"
    " contact phone, phone no, tel no, tel nr, telefon nr, telefonnr, whatsapp number, handy, mobil,"
    " mobiltelefon, handynummer, mobilnummer, téléphone, numéro de téléphone, tél, portable,"
    " téléphone portable, téléphone mobile, numéro de portable, teléfono, número de teléfono, móvil,"
    " teléfono móvil, celular, teléfono celular, telefono, numero di telefono, cellulare,"
    " numero di cellulare, telefone, número de telefone, telemóvel, telefoonnummer, telefoon, mobiel,"
    " mobiel nummer, numer telefonu, nr telefonu, telefon komórkowy, telefonní číslo, 電話番号, 電話",
    "first_name": "given name, forename, vorname, rufname, prénom, nombre de pila, primer nombre,"
    " primeiro nome, voornaam, imię, förnamn, fornavn, křestní jméno, 名",
    "last_name": "surname, family name, nachname, familienname, zuname, nom de famille, apellido, apellidos,"
    " cognome, sobrenome, apelido, último nome, achternaam, familienaam, nazwisko, efternamn, efternavn,"
    " etternavn, příjmení, 姓",
    FULL_NAME: "full name, name, contact name, lead name, your name, first and last name, first last name,"
    " name and surname, vollständiger name, vollstaendiger name, vor und nachname, vorname und nachname,"
    " vorname nachname, ansprechpartner, nom, nom complet, nom et prénom, prénom et nom, nom prénom, nombre,"
    " nombre completo, nombre y apellidos, nombre y apellido, nome, nome completo, nome e cognome,"
    " nome e sobrenome, naam, volledige naam, voor en achternaam, imię i nazwisko, namn, navn, fullt namn,"
    " för och efternamn, jméno, jméno a příjmení, 氏名, お名前, 名前",
    "title": "job title, position, job position, job role, role, berufsbezeichnung, stellenbezeichnung,"
    " jobtitel, funktion, position im unternehmen, fonction, poste, intitulé du poste, cargo, puesto,"
    " puesto de trabajo, ruolo, qualifica, posizione, função, functie, functietitel, stanowisko, befattning,"
    " stilling, jobbtitel, 役職",
    "company": "company name, company account, account name, account, organization, organisation,"
    " organization name, associated company, primary associated company, business name,"
    " employer, org, name of company, company organization, firma, firmenname, unternehmen,"
    " unternehmensname, name des unternehmens, name der firma, arbeitgeber, société, entreprise,"
    " nom de la société, nom de l entreprise, nom de société, nom entreprise, raison sociale, employeur,"
    " empresa, nombre de la empresa, nombre de empresa, compañía, organización, razón social, azienda,"
    " società, nome azienda, nome dell azienda, nome della società, ragione sociale, nome da empresa,"
    " organização, bedrijf, bedrijfsnaam, naam bedrijf, organisatie, nazwa firmy, przedsiębiorstwo, företag,"
    " företagsnamn, virksomhed, bedrift, název firmy, 会社名, 会社, 貴社名",
    "website": "web site, website url, company website, company website url, company domain, company url,"
    " company domain name, homepage, webseite, internetseite, firmenwebsite, site web, site internet,"
    " sitio web, página web, sito web, sito internet, strona internetowa, strona www, hemsida, webbplats,"
    " hjemmeside",
    "country": "country code, country region, country region code, mailing country, land, landercode,"
    " laendercode, landeskurzel, landeskuerzel, pays, país, paese, nazione, kraj, země, 国",
    "state": "province, state province, state region, state or province, region, state province code,"
    " state code, mailing state, mailing state province, bundesland, kanton, provincia, comunidad autónoma,"
    " estado, regione, provincie, województwo, 都道府県",
    "city": "town, city town, mailing city, stadt, ort, wohnort, ville, ciudad, localidad, población, città,"
    " comune, cidade, plaats, woonplaats, stad, miasto, miejscowość, město, 市区町村",
    "postal_code": "postcode, post code, zip, zip code, zip postal code, postal zip code,"
    " zip or postal code, mailing zip postal code, mailing postal code, postal, plz, postleitzahl,"
    " code postal, código postal, cap, codice postale, cep, kod pocztowy, postnummer, psč, 郵便番号",
    "language": "preferred language, contact language, sprache, bevorzugte sprache, langue, langue préférée,"
    " idioma, lingua, taal, język, språk, sprog",
    "industry": "company industry, industry sector, branche, industrie, secteur, secteur d activité, sector,"
    " sector de actividad, industria, settore, setor, branża, bransch",
    "employees": "number of employees, no of employees, num employees, employee count, employee range,"
    " company size, size of company, company headcount, headcount, number of staff, team size, mitarbeiter,"
    " mitarbeiterzahl, mitarbeiteranzahl, mitarbeitende, anzahl mitarbeiter, anzahl der mitarbeiter,"
    " anzahl mitarbeitende, anzahl der mitarbeitenden, unternehmensgröße, unternehmensgroesse, firmengröße,"
    " nombre d employés, nombre de salariés, effectif, effectifs, taille de l entreprise, taille entreprise,"
    " número de empleados, empleados, tamaño de la empresa, numero di dipendenti, numero dipendenti,"
    " dipendenti, dimensione azienda, dimensioni azienda, número de funcionários, funcionários,"
    " tamanho da empresa, aantal medewerkers, aantal werknemers, bedrijfsgrootte, liczba pracowników,"
    " wielkość firmy, antal anställda, antal medarbejdere, antall ansatte, 従業員数",
    "annual_revenue": "revenue, company revenue, annual turnover, turnover, umsatz, jahresumsatz,"
    " chiffre d affaires, facturación, ingresos anuales, fatturato, faturamento, omzet, jaaromzet,"
    " omsättning",
    "lead_type": "leadart, leadtyp, art des leads",
    "channel": "kanal, marketing channel",
    "source": "lead source, original source, original traffic source, quelle, leadquelle, herkunft",
    "campaign": "campaign name, kampagne, kampagnenname",
    "product_interest": "product, products, product interests, produkt, produkte, produktinteresse,"
    " interesse, interessen, produit, produits, producto, productos, prodotto, prodotti, produto, produtos,"
    " product interesse",
    "pages": "pages visited, seiten",
    "score": "lead score, hubspot score",
    "crm.lead_id": "lead id, record id, record id contact, contact id",
    "crm.account_id": "account id, primary associated company id",
    "crm.owner_id": "owner id, lead owner id, contact owner id",
    "submission_id": "submission id, response id, entry id",
}
"""Common headers by field, the preferred ones first."""

_KEPT = (
    # Salesforce
    "salutation, street, street address, address, mailing street, lead status, rating, lead owner,"
    " lead owner alias, owner, create date, created date, created by, last activity, last activity date,"
    " last modified, last modified date, last modified by, description, fax, unread by owner, converted,"
    " converted date, lead record type, record type, do not call, email opt out, member status,"
    # HubSpot
    " contact owner, marketing contact status, contact unworked, became a lead date, recent conversion,"
    " recent conversion date, first conversion, first conversion date, number of form submissions,"
    " owner assigned date, original source drill down 1, original source drill down 2,"
    " original traffic source drill down 1, original traffic source drill down 2, time of first visit,"
    " time of last visit, number of page views, number of sessions, time zone, buying role,"
    # form tools
    " submitted at, submitted on, submission date, created at, created time, form name, form id, seniority,"
    " job function, linkedin profile, linkedin profile url, linkedin profile link"
)  # fmt: skip
"""Columns of usual exports that are no fields of a lead. They are kept as attributes."""


@dataclass(frozen=True, slots=True)
class Export:
    """A tool's export, recognized by headers that no other file has together.

    `fields` are headers with a meaning of their own, `kept` the others that it always writes. `prefixes` are
    the letters that it writes before the value of a column.
    """

    signature: Collection[str]
    fields: Mapping[str, str] = field(default_factory=dict)
    kept: Collection[str] = ()
    prefixes: Mapping[str, str] = field(default_factory=dict)


def _words(text: str) -> frozenset[str]:
    return frozenset(fold_name(each) for each in text.split(","))


EXPORTS = (
    # Meta lead ads
    Export(
        _words("created_time, form_id"),
        {"id": "submission_id"},
        _words(
            "ad_id, ad_name, adset_id, adset_name, campaign_id, form_id, form_name, is_organic, platform,"
            " inbox_url, lead_status, retailer_item_id, vehicle, created_time, date_of_birth, gender,"
            " marital_status, relationship_status, military_status"
        ),
        {"id": "l", "adid": "ag", "adsetid": "as", "campaignid": "c", "formid": "f"},
    ),
    # LinkedIn lead gen forms
    Export(
        _words("lead type, form name"),
        {"leadid": "submission_id", "leadtype": KEEP, "accountname": KEEP, "accountid": KEEP},
        _words(
            "campaign id, campaign group id, campaign group name, ad id, ad name, creative id, creative name,"
            " test lead, company headquarters, degree, field of study, university school, university,"
            " start date, graduation date, event name, form version, created at, submitted at"
        ),
    ),
    # Typeform
    Export(
        _words("start date (utc), submit date (utc)"),
        {"#": "submission_id", "token": "submission_id"},
        _words(
            "network id, start date (utc), submit date (utc), stage date (utc), response type, tags, ending,"
            " winning outcome id"
        ),
    ),
    Export(
        _words("network id, submitted at"),
        {"#": "submission_id", "token": "submission_id"},
        _words("network id"),
    ),
)


def _guesses() -> dict[str, Guess]:
    """Fields by folded header. Field names take precedence over common headers."""
    found: dict[str, Guess] = {fold_name(each): Guess(KEEP, 0) for each in _KEPT.split(",")}
    for name, all_ in _HEADERS.items():
        ranked = enumerate(map(fold_name, all_.split(",")), 1)
        found |= {header: Guess(name, rank) for rank, header in ranked}
    for each in ("source", "medium", "campaign", "term", "content"):
        found[f"utm{each}"] = Guess(f"utm.{each}", 1)
    return found | {fold_name(name): Guess(name, 0) for name in LEAD.fields if name not in DERIVED}


_GUESSES = _guesses()
NAME_OR_PART = frozenset(("name", "nom", "nombre", "nome", "naam", "namn", "navn", "jmeno"))
"""Words for a whole name that also stand for the part of it that has no field of its own."""


def other_part(fields: Collection[str]) -> str:
    """What `Name` is beside these fields: the last name beside `Vorname`, the first beside `Apellidos`."""
    if "first_name" in fields:
        return "last_name" if "last_name" not in fields else FULL_NAME
    return "first_name" if "last_name" in fields else FULL_NAME


def meant_field(column: str) -> str | None:
    """The field that a misspelled header was probably meant to name."""
    header = closest(column, _GUESSES)
    guess = _stored(_GUESSES[header]) if header is not None else None
    return guess.field if guess is not None and LEAD.find(guess.field) is not None else None


def export_of(columns: Iterable[str]) -> Export | None:
    """The export that has these columns, if it is a usual one."""
    folded = {fold_name(column) for column in columns}
    return next((each for each in EXPORTS if folded.issuperset(each.signature)), None)


def guess_field(column: str, export: Export | None = None) -> Guess | None:
    """The field that a header means, in this export or anywhere."""
    folded = fold_name(column)
    if export is not None:
        name = export.fields.get(folded or column)
        if name is not None:
            return _stored(Guess(name, 0))
        if folded in export.kept:
            return Guess(KEEP, 0)
    found = _GUESSES.get(folded) if folded else None
    return _stored(found) if found else None


def _stored(guess: Guess) -> Guess:
    """The guess, or an attribute if this version has no such field."""
    exists = guess.field in (KEEP, FULL_NAME) or LEAD.find(guess.field) is not None
    return guess if exists else Guess(KEEP, guess.rank)


def attribute_name(column: str, position: int) -> str:
    """The column's name as part of a dotted name: its letters and digits in any script, and underscores.

    Case and underscores stay. Every other run of characters is one underscore.
    """
    name = ""
    for letter in unicodedata.normalize("NFC", column.strip()):
        if letter == "_" or unicodedata.category(letter)[0] in "LMN":
            name += letter
        elif not name.endswith("_"):
            name += "_"
    kept = name if column.strip().startswith("_") else name.lstrip("_")
    kept = kept if column.strip().endswith("_") else kept.rstrip("_")
    return kept or f"column_{position}"
