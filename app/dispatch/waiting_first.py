"""Waiting leads that go before new ones: those of queues with `release: shift`."""

from app.dispatch.decision_session import DecisionSession
from app.dispatch.jobs.base import Reply, request_again
from app.engine.pipeline.decide import decide
from app.engine.selection.free_members import has_free_member
from app.plugins.port import PluginCall
from app.store.leads.current_leads import CurrentLead


def release_waiting(session: DecisionSession) -> None:
    """Decide the first waiting leads while a member of the team is on shift and free, each once."""
    for queue, waiting in session.stored.first_waiting.items():
        team = session.plan.terms_of(queue).claimable_by or ""
        while waiting and has_free_member(team, session.work.facts):
            stored = waiting.pop(0)
            lead = session.find_lead(stored.prior.lead_id) or stored
            if lead.prior.assignment_id == stored.prior.assignment_id and lead.prior.state == "queued":
                offer_waiting(session, lead, queue)


def offer_waiting(
    session: DecisionSession, lead: CurrentLead, queue: str, plugin: PluginCall | None = None
) -> Reply | None:
    """Decide one waiting lead. None, and nothing is recorded, if no owner takes it.

    A lead that cannot be decided waits on: it must not keep others from being decided.
    """
    team = session.plan.terms_of(queue).claimable_by or ""
    request = request_again(
        session, lead, "release", exclude=lead.exclude, queue=queue, backlog=session.backlog(team)
    )
    if plugin is not None:
        request = plugin.attach_results(request, session.plan, session.work.now)
    try:
        found = decide(request, session.plan, session.work.facts)
    except Exception:
        return None
    return session.decide_again(request, lead) if found.outcome == "assigned" else None
