"""People of one company who wait join the owner that the first of them gets."""

from app.dispatch.decision_session import DecisionSession
from app.dispatch.jobs.base import request_again
from app.engine.pipeline.decide import decide
from app.engine.pipeline.same_company import STEP
from app.store.leads.current_leads import CurrentLead


def join_waiting(session: DecisionSession, lead_id: str) -> None:
    """Where a lead has an owner from now on, the waiting leads of its company get the same.

    One that cannot be decided waits on.
    """
    lead = session.work.present.get(lead_id)
    if session.plan.same_company is None or lead is None or lead.prior.state != "assigned":
        return
    for each in session.waiting_colleagues(lead.values):
        _join(session, each)


def _join(session: DecisionSession, lead: CurrentLead) -> None:
    colleagues = session.find_colleagues(lead.values)
    request = request_again(session, lead, "release", exclude=lead.exclude, colleagues=colleagues)
    try:
        found = decide(request, session.plan, session.work.facts)
    except Exception:
        return
    if found.outcome == "assigned" and found.code == STEP:
        session.decide_again(request, lead)
