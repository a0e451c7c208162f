"""A held lead whose time has come is decided."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from app.dispatch.colleagues import find_colleagues, join_waiting
from app.dispatch.decision_session import DecisionSession
from app.dispatch.jobs.base import Job, Reply, request_again
from app.engine.model.decision import PriorAssignment


@dataclass(eq=False, slots=True)
class Release(Job):
    """Decide a held lead again, if it still waits by this assignment."""

    bulk: bool = True
    lead_id: str = field(kw_only=True)
    assignment_id: str = field(kw_only=True)

    def decide(self, session: DecisionSession) -> Reply:
        """Decide by the plan. Answers 204 when the lead has moved on in the meantime."""
        lead = session.find_lead(self.lead_id)
        if lead is None or not _is_due(lead.prior, self.assignment_id, session.work.now):
            return Reply(204, b"")
        backlog = session.backlog(lead.prior.held_for_team)
        colleagues = find_colleagues(session, lead.values)
        request = request_again(
            session, lead, "release", exclude=lead.exclude, backlog=backlog, colleagues=colleagues
        )
        request = self.plugin.attach_results(request, session.plan, session.work.now)
        reply = session.decide_again(request, lead)
        join_waiting(session, self.lead_id)
        return reply

    def releases(self) -> bool:
        """The backlog of its team counts."""
        return True

    def lead_ids(self) -> Sequence[str]:
        """The lead."""
        return (self.lead_id,)


def _is_due(prior: PriorAssignment, assignment_id: str, now: datetime) -> bool:
    """Whether the lead still waits by this assignment and its time has come."""
    waits = prior.state == "queued" and prior.assignment_id == assignment_id
    return waits and prior.held_until is not None and prior.held_until <= now
