"""A lead that waits in a queue with `release: shift` is offered to the members on shift."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from app.dispatch.decision_session import DecisionSession
from app.dispatch.jobs.base import Job, Reply
from app.dispatch.waiting_first import offer_waiting
from app.engine.selection.free_members import has_free_member

NOBODY_FREE = Reply(204, b"nobody_free", kept=False)
"""There is no use in asking again at once."""
STAYS = Reply(204, b"", kept=False)


@dataclass(eq=False, slots=True)
class ReleaseWaiting(Job):
    """Decide a waiting lead, if it still waits by this assignment. It stays if nobody can take it."""

    bulk: bool = True
    lead_id: str = field(kw_only=True)
    assignment_id: str = field(kw_only=True)

    def decide(self, session: DecisionSession) -> Reply:
        """Offer the lead to the members on shift who have not had their share."""
        lead = session.find_lead(self.lead_id)
        if lead is None or lead.prior.state != "queued" or lead.prior.assignment_id != self.assignment_id:
            return STAYS
        queue = lead.prior.queue or ""
        terms = session.plan.terms_of(queue)
        if not terms.releases:
            return STAYS
        if not has_free_member(terms.claimable_by or "", session.work.facts):
            return NOBODY_FREE
        return offer_waiting(session, lead, queue, self.plugin) or STAYS

    def lead_ids(self) -> Sequence[str]:
        """The lead."""
        return (self.lead_id,)

    def releases(self) -> bool:
        """The backlog of its team counts."""
        return True
