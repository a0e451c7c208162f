"""Who is behind a lead: the leads that its keys lead to."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from app.dispatch.decision_session import GONE, NO_LEAD, DecisionSession
from app.engine.model.decision import ColleagueOwner, DecisionRequest, PossibleDuplicate, PriorAssignment
from app.engine.model.filled import as_sent
from app.engine.model.lead_keys import EMAIL, PHONE, LeadKey, MatchRules
from app.errors import AmbiguousAssignment, NotFound
from app.intake.arrival import IncomingLead
from app.intake.companies import company_key
from app.intake.lead_keys import phone_keys, stored_keys
from app.intake.matching import ComparedLead, match, may_be_same
from app.intake.merging import merged
from app.intake.probable_persons import person_key, probable
from app.store.path.facts import MAX_LEADS_OF_KEY


@dataclass(frozen=True, slots=True)
class Person:
    """The person behind an incoming lead.

    values:   the fields of the lead: those that are stored, with the new ones.
    prior:    the assignment of the lead that is the same person, None if the person is new.
    stored:   the fields of that lead before, with those that were filled.
    possible: the leads that may be the same person.
    former:   a lead of the same person that is too old to count.
    """

    values: Mapping[str, Any]
    prior: PriorAssignment | None = None
    stored: Mapping[str, Any] = field(default_factory=dict)
    possible: tuple[PossibleDuplicate, ...] = ()
    former: str | None = None


def find_person(
    session: DecisionSession, arrival: IncomingLead, rules: MatchRules, window: timedelta | None
) -> Person:
    """The person behind an incoming lead, among the leads that were decided within the window.

    Without a window any age counts; with a window of zero none does.
    """
    candidates = _sharing(session, arrival.look_ups)
    if not candidates:
        return Person(arrival.values)
    lead = ComparedLead("", frozenset(arrival.keys), arrival.values)
    late = (
        set() if window is None else {each.lead_id for each in candidates if _is_late(session, each, window)}
    )
    found = match(lead, [each for each in candidates if each.lead_id not in late], rules)
    if found.lead_id is None:
        old = match(lead, [each for each in candidates if each.lead_id in late], rules)
        return Person(arrival.values, possible=found.possible, former=old.lead_id)
    prior = replace(session.work.prior_now(found.lead_id), matched_by=found.matched_by or "")
    stored = next(each.values for each in candidates if each.lead_id == found.lead_id)
    values = merged(as_sent(stored), arrival.values, session.plan.declared)
    return Person(values, prior, stored, found.possible)


def find_probable(
    session: DecisionSession, arrival: IncomingLead, rules: MatchRules
) -> tuple[PossibleDuplicate, ...]:
    """The leads that are probably the person behind a new lead, if the plan asks."""
    terms = session.plan.probable
    if terms is None:
        return ()
    wanted = [key for key in arrival.keys if key.kind == PHONE]
    if (key := person_key(arrival.values)) is not None:
        wanted.append(key)
    lead = ComparedLead("", frozenset(arrival.keys), arrival.values)
    return probable(lead, _sharing(session, wanted), rules, terms.review)


def follow_probable(
    session: DecisionSession, request: DecisionRequest, found: Sequence[PossibleDuplicate]
) -> DecisionRequest:
    """The request of a new lead with what it probably is. One that is known for sure has one owner."""
    terms = session.plan.probable
    if terms is None or not found:
        return request
    ids = {each.lead_id for each in found}
    others = tuple(each for each in request.possible_duplicates if each.lead_id not in ids)
    request = replace(request, possible_duplicates=(*found, *others), review=True)
    best = found[0]
    sure = [each for each in found if terms.known is not None and (each.score or 0) >= terms.known]
    if len(sure) != 1:
        return request
    prior = session.work.prior_now(best.lead_id)
    if prior.state not in ("assigned", "closed") or prior.owner is None:
        return request
    return replace(request, review=False, same_person=ColleagueOwner(best.lead_id, prior.owner, prior.team))


def leads_of_address(session: DecisionSession, arrival: IncomingLead) -> list[str]:
    """The leads that have the address of an arriving one, as the jobs so far left them."""
    keys = {key for key in arrival.keys if key.kind == EMAIL}
    return [each.lead_id for each in _sharing(session, keys) if not keys.isdisjoint(each.keys)]


def lead_of_keys(session: DecisionSession, keys: Iterable[LeadKey], bound_to: str | None = None) -> str:
    """The lead that has these keys. Raises NotFound, or AmbiguousAssignment when there are several.

    With `bound_to`, leads count that a key of this owner sees.
    """
    ids = {id_ for key in keys for id_ in session.found.matches.get(key, ()) if session.is_present(id_)}
    if bound_to is not None:
        ids = {id_ for id_ in ids if session.is_seen(session.get_lead(id_), bound_to)}
    if len(ids) > 1:
        raise AmbiguousAssignment(sorted(ids), "lead_ids")
    if not ids:
        raise NotFound(NO_LEAD)
    return ids.pop()


def pass_keys(session: DecisionSession, from_id: str, to_id: str) -> None:
    """Later jobs of the group find another lead under the keys of this one."""
    keys = _keys_of_lead(session, from_id)
    session.work.new_keys.setdefault(to_id, set()).update(keys)
    for key, ids in session.found.matches.items():
        if from_id in ids:
            session.found.matches[key] = [*ids, to_id]
    for place, ids in session.work.identities.items():
        if from_id in ids:
            session.work.identities[place] = [*ids, to_id]
    survivor = session.find_lead(to_id)
    if survivor is not None:
        session.work.present.setdefault(to_id, survivor)


def identify(session: DecisionSession, arrival: IncomingLead, person: Person, lead_id: str) -> None:
    """Store the keys of an arrival for this lead. A former lead of the same person loses them."""
    known = _keys_of_lead(session, lead_id)
    keys = stored_keys((*arrival.keys, *_keys_read_late(arrival, person)))
    session.work.identify([each for each in keys if each not in known], lead_id)
    _note_names(session, person.values, lead_id)
    former = person.former
    if former is not None and former != lead_id:
        for key in _keys_of_lead(session, former):
            if any(may_be_same(each, key) for each in arrival.keys):
                session.work.forget(key, former)


def _note_names(session: DecisionSession, values: Mapping[str, Any], lead_id: str) -> None:
    terms = session.plan.same_company
    key = company_key(values, education=terms.education) if terms is not None else None
    person = person_key(values) if session.plan.probable is not None else None
    if person is not None:
        session.work.identify([person], lead_id)
    if key is not None:
        session.work.identify([key], lead_id)
        if key.source:
            session.work.company_names.setdefault(key.value, set()).add(key.source)


def _sharing(session: DecisionSession, keys: Iterable[LeadKey]) -> list[ComparedLead]:
    """The leads that have one of these keys, as the jobs so far left them."""
    ids: dict[str, None] = {}
    matches, identities = session.found.matches, session.work.identities
    if not (matches or identities):
        return []
    for key in keys:
        if stored := matches.get(key):
            ids |= dict.fromkeys(stored)
        if here := identities.get(key[:2]):
            ids |= dict.fromkeys(here[-MAX_LEADS_OF_KEY:])
    return [lead for lead_id in ids if (lead := _compared(session, lead_id)) is not None]


def _compared(session: DecisionSession, lead_id: str) -> ComparedLead | None:
    stored, present = session.found.known.get(lead_id), session.work.present.get(lead_id)
    if stored is not None:
        session.work.before.setdefault(lead_id, stored.prior)
    lead = present or stored
    if lead is None or lead.prior.state in GONE:
        return None
    return ComparedLead(lead_id, _keys_of_lead(session, lead_id), lead.values)


def _keys_of_lead(session: DecisionSession, lead_id: str) -> frozenset[LeadKey]:
    stored, work = session.found.known.get(lead_id), session.work
    keys = (stored.keys if stored is not None else frozenset()) | work.new_keys.get(lead_id, frozenset())
    if not work.lost_keys:
        return keys
    return frozenset(key for key in keys if (key, lead_id) not in work.lost_keys)


def _is_late(session: DecisionSession, lead: ComparedLead, window: timedelta) -> bool:
    decided_at = session.work.prior_now(lead.lead_id).decided_at
    return not window or abs(session.work.now - decided_at) > window


def _keys_read_late(arrival: IncomingLead, person: Person) -> Iterator[LeadKey]:
    """The phone number, if it could be read only with the country that the other submission has."""
    phone = person.values.get("phone")
    if person.prior is not None and phone not in (arrival.values.get("phone"), person.stored.get("phone")):
        yield from phone_keys(person.values, person.values.get("flags", ()))
