"""Leads that are probably one person, though no key joins them: one name, and one company or phone.

The score is the same whichever of the two came first. It only ever suggests: two leads with different
addresses never become one by it.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from app.engine.model.decision import PossibleDuplicate
from app.engine.model.lead_keys import EMAIL, PERSON, PHONE, LeadKey, MatchRules
from app.intake.companies import company_domain
from app.intake.matching import ComparedLead, are_declared_two
from app.intake.person_names import PersonName, are_titled_apart, are_written_apart, person_name

NAME_AND_COMPANY, NAME_AND_PHONE = "name_and_company", "name_and_phone"
_NAME, _COMPANY, _PHONE, _PLACE = 0.6, 0.25, 0.3, 0.05
_OTHER_PHONE, _OTHER_COUNTRY = -0.05, -0.2
_MAX_LENGTH = 255


def person_key(values: Mapping[str, Any]) -> LeadKey | None:
    """The key of a lead's name at its company; None without a whole name or a domain of a company."""
    name, domain = person_name(values), company_domain(values, education=True)
    if name is None or domain is None:
        return None
    return LeadKey(PERSON, f"{' '.join(sorted(_words(name)))}@{domain}"[:_MAX_LENGTH])


def score(one: ComparedLead, other: ComparedLead) -> float:
    """How probable it is that two leads are one person, from 0 to 1. Without one name it is 0."""
    if one.name is None or other.name is None or _words(one.name) != _words(other.name):
        return 0.0
    if are_written_apart(one.name, other.name) or are_titled_apart(one.values, other.values):
        return 0.0
    mine, theirs = (company_domain(each.values, education=True) for each in (one, other))
    company = mine is not None and mine == theirs
    phones = one.values_of(PHONE), other.values_of(PHONE)
    phone = not phones[0].isdisjoint(phones[1])
    if not company and not phone:
        return 0.0
    points = _NAME + _COMPANY * company + _PHONE * phone
    if all(phones) and not phone:
        points += _OTHER_PHONE
    if _same("city", one, other) or _same("postal_code", one, other):
        points += _PLACE
    if _differs("country", one, other):
        points += _OTHER_COUNTRY
    return round(min(1.0, points), 2)


def probable(
    lead: ComparedLead, candidates: Sequence[ComparedLead], rules: MatchRules, least: float
) -> tuple[PossibleDuplicate, ...]:
    """The candidates with at least this score, the highest first."""
    found = [
        PossibleDuplicate(
            each.lead_id, NAME_AND_PHONE if _share_phone(lead, each) else NAME_AND_COMPANY, EMAIL, points
        )
        for each in candidates
        if not are_declared_two(lead, each, rules) and (points := score(lead, each)) >= least
    ]
    return tuple(sorted(found, key=lambda each: (-(each.score or 0), each.lead_id)))


def _words(name: PersonName) -> frozenset[str]:
    return name.given | name.family


def _share_phone(one: ComparedLead, other: ComparedLead) -> bool:
    return not one.values_of(PHONE).isdisjoint(other.values_of(PHONE))


def _text(name: str, lead: ComparedLead) -> str:
    value = lead.values.get(name)
    return value.casefold().strip() if isinstance(value, str) else ""


def _same(name: str, one: ComparedLead, other: ComparedLead) -> bool:
    return bool(_text(name, one)) and _text(name, one) == _text(name, other)


def _differs(name: str, one: ComparedLead, other: ComparedLead) -> bool:
    mine, theirs = _text(name, one), _text(name, other)
    return bool(mine) and bool(theirs) and mine != theirs
