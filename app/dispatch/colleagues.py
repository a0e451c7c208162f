"""People of one company: who has them, and who of them waits for the owner that the first of them gets."""

from collections.abc import Mapping
from typing import Any

from app.dispatch.accounts import accounts_of_domain
from app.dispatch.decision_session import DecisionSession
from app.dispatch.jobs.base import request_again
from app.engine.model.decision import ColleagueOwner
from app.engine.model.lead_keys import COMPANY
from app.engine.pipeline.decide import decide
from app.engine.pipeline.same_company import STEP
from app.intake.companies import MAX_NAMES, company_domain
from app.store.leads.companies import MAX_COLLEAGUES, NO_COMPANY
from app.store.leads.current_leads import CurrentLead


def find_colleagues(session: DecisionSession, values: Mapping[str, Any]) -> tuple[ColleagueOwner, ...]:
    """The owners of the newest leads of the same company, if the plan asks and it is no account."""
    terms = session.plan.same_company
    domain = company_domain(values, education=terms.education) if terms is not None else None
    if terms is None or domain is None or accounts_of_domain(session, domain):
        return ()
    stored = session.stored.companies.get(domain, NO_COMPANY)
    here = session.work.company_names.get(domain, set())
    if len(stored.names | here) > MAX_NAMES:
        return ()
    ids = session.work.identities.get((COMPANY, domain), [])[-MAX_COLLEAGUES:]
    places = {
        each.lead_id: (each.state, each.owner, each.team, each.decided_at) for each in stored.colleagues
    }
    found: dict[str, ColleagueOwner] = {}
    for lead_id in sorted({*ids, *places}, reverse=True):
        if (present := session.work.present.get(lead_id)) is not None:
            prior = present.prior
            places[lead_id] = (prior.state, prior.owner, prior.team, prior.decided_at)
        state, owner, team, at = places[lead_id]
        soon = abs(session.work.now - at) <= terms.window
        if state in ("assigned", "closed") and owner is not None and soon:
            found.setdefault(owner, ColleagueOwner(lead_id, owner, team))
    return tuple(found.values())


def _waiting_colleagues(session: DecisionSession, values: Mapping[str, Any]) -> list[CurrentLead]:
    """The leads of the same company that wait in a queue, the oldest first, if the plan asks."""
    terms = session.plan.same_company
    domain = company_domain(values, education=terms.education) if terms is not None else None
    if domain is None:
        return []
    ids = {*session.work.identities.get((COMPANY, domain), [])[-MAX_COLLEAGUES:]}
    ids |= {each.lead_id for each in session.stored.companies.get(domain, NO_COMPANY).colleagues}
    found = (session.find_lead(lead_id) for lead_id in sorted(ids))
    return [lead for lead in found if lead is not None and lead.prior.state == "queued"]


def join_waiting(session: DecisionSession, lead_id: str) -> None:
    """Where a lead has an owner from now on, the waiting leads of its company get the same.

    One that cannot be decided waits on.
    """
    lead = session.work.present.get(lead_id)
    if session.plan.same_company is None or lead is None or lead.prior.state != "assigned":
        return
    for each in _waiting_colleagues(session, lead.values):
        _join(session, each)


def _join(session: DecisionSession, lead: CurrentLead) -> None:
    colleagues = find_colleagues(session, lead.values)
    request = request_again(session, lead, "release", exclude=lead.exclude, colleagues=colleagues)
    try:
        found = decide(request, session.plan, session.work.facts)
    except Exception:
        return
    if found.outcome == "assigned" and found.code == STEP:
        session.decide_again(request, lead)
