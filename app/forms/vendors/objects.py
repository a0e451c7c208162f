"""What fields inside of objects mean: `company.name` is a company, `contact.firstName` a first name."""

import re
from collections.abc import Mapping
from typing import Final

from app.forms.vendors.form_field import FormField
from app.forms.vendors.labels import fold_label, meaning_of, tracking_of
from app.intake.headers import fold_name

_WORK: Final = re.compile(r"\b(?:work|business|company|geschaftlich\w*|professionn?el\w*|corporat\w*)\b")
_LONGEST: Final = 200
"""Characters of a key, at most."""
_NESTED: Final = re.compile(r"\w+\.\w")
_PERSON_WORDS: Final = """
contact person customer lead user profile visitor submitter prospect subscriber member client
kontakt kunde fields answers data properties attributes values personal traits details
contactdetails personaldetails contactinfo identity payload submission response record name fullname
formresponse formdata
"""
_PERSON: Final = frozenset(_PERSON_WORDS.split())
_COMPANY_WORDS: Final = """
organization, organisation, company, org, firm, firma, account, business, employer, unternehmen,
societe, entreprise, empresa, azienda, associatedcompany, companyinfo, companydetails
"""
_COMPANY: Final = frozenset(_COMPANY_WORDS.replace(",", " ").split())
_PLACE_WORDS: Final = """
address location adresse anschrift direccion indirizzo billingaddress mailingaddress postaladdress
"""
_PLACE: Final = frozenset(_PLACE_WORDS.split())
_WHERE: Final = frozenset(("country", "state", "city", "postal_code"))
_OF_COMPANIES: Final[Mapping[str, str]] = {
    "name": "company", "company": "company", "website": "website", "industry": "industry",
    "employees": "employees", "annual_revenue": "annual_revenue", **{name: name for name in _WHERE},
}  # fmt: skip
_MORE_OF_COMPANIES: Final[Mapping[str, str]] = {
    "domain": "website", "size": "employees", "headcount": "employees", "revenue": "annual_revenue",
    "sector": "industry", "legalname": "company", "title": "company",
}  # fmt: skip

_ABOUT_THE_VISIT: Final = frozenset(("ip", "referrer", "landing_page", "timezone"))
_TAGS: Final = frozenset(("utm", "utms", "utmparameters", "utmparams", "utmtags", "campaign"))
"""Names of objects that hold tags."""
_TAG_NAMES: Final = ("source", "medium", "campaign", "term", "content")
_BRACKETS: Final = re.compile(r"\w{1,100}(?:\[\w{1,100}\])+")
"""How forms of HTML name what is inside of objects: `user[name]`."""


def of_the_visit(one: FormField) -> str | None:
    """What a field inside of objects says of the visit: `tracking.utm_source`, `context.campaign.medium`."""
    parents, last = _path_of(one)
    if not parents:
        return None
    if (meaning := tracking_of(last)) is not None:
        return meaning
    if parents[-1] in _TAGS and (name := {"name": "campaign"}.get(last, last)) in _TAG_NAMES:
        return f"utm.{name}"
    return meaning if (meaning := meaning_of(last)) in _ABOUT_THE_VISIT else None


def is_of_work(one: FormField) -> bool:
    """Whether it asks for the address or number at work, which goes before a private one."""
    return not _NESTED.match(one.key) and _WORK.search(fold_label(f"{one.key} {one.label}")) is not None


def of_a_person(one: FormField) -> str | None:
    """What a field inside of objects means: `contact.firstName`, `person.address.city`."""
    parents, last = _path_of(one)
    if not parents or not set(parents) <= _PERSON | _PLACE:
        return None
    meaning = meaning_of(last)
    return meaning if meaning in _WHERE or parents[-1] not in _PLACE else None


def of_a_company(one: FormField) -> str | None:
    """What a field of a company inside of objects means: `company.name`, `account.address.country`."""
    parents, last = _path_of(one)
    if _COMPANY.isdisjoint(parents) or not set(parents) <= _PERSON | _PLACE | _COMPANY:
        return None
    meaning = _MORE_OF_COMPANIES.get(fold_name(last)) or _OF_COMPANIES.get(meaning_of(last) or "")
    return meaning if meaning in _WHERE or parents[-1] not in _PLACE else None


def _path_of(one: FormField) -> tuple[list[str], str]:
    """The names around a field inside of objects, and its own."""
    if isinstance(one.value, bool) or one.label or len(one.key) > _LONGEST:
        return [], one.key
    key = one.key.replace("[", ".").replace("]", "") if _BRACKETS.fullmatch(one.key) else one.key
    if "." not in key:
        return [], one.key
    *parents, last = key.split(".")
    return [fold_name(each) for each in parents], last
