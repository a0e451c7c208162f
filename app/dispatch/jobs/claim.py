"""An owner takes a waiting lead."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

from app.dispatch.decision_session import DecisionSession, QueueLookup
from app.dispatch.jobs.base import Job, Reply, request_again
from app.engine.model.decision import Target
from app.engine.model.state import Facts
from app.engine.pipeline.claims import claim_refusal, held_refusal
from app.engine.pipeline.walk import FALLBACK_QUEUE
from app.engine.selection.eligibility import Refusal
from app.engine.selection.shifts import HELD
from app.errors import ClaimRefused, LeadNotInQueue, NotFound, QueueEmpty, refused_at
from app.store.leads.current_leads import CurrentLead


@dataclass(eq=False, slots=True)
class Claim(Job):
    """Give an owner the first lead of a queue, or the one named."""

    queue: str = field(kw_only=True)
    owner_id: str = field(kw_only=True)
    lead_id: str | None = None

    def decide(self, session: DecisionSession) -> Reply:
        """Assign the lead to the owner.

        Raises ValidationFailed, ClaimRefused, NotFound, LeadNotInQueue or QueueEmpty.
        """
        refused = claim_refusal(self.owner_id, self.queue, session.plan, session.work.facts)
        if refused is not None and refused.code == "not_found":
            raise refused_at(("owner_id",), "unknown_owner", "names an owner that does not exist")
        waiting = session.waiting(self._lookup())
        lead = self._first_allowed(waiting, refused, session.work.facts, session.plan.queues)
        to = Target("owner", self.owner_id)
        request = request_again(session, lead, "claim", to=to, queue=self.queue)
        return session.decide_again(request, lead, status=200)

    def queue_lookups(self) -> Sequence[QueueLookup]:
        """The queue."""
        return (self._lookup(),)

    def _lookup(self) -> QueueLookup:
        """The owner matters only in the queue of held leads, and only if no lead is named."""
        owner = self.owner_id if self.queue == HELD and not self.lead_id else None
        return QueueLookup(self.queue, self.lead_id, owner)

    def _first_allowed(
        self, waiting: Iterable[CurrentLead], refused: Refusal | None, facts: Facts, queues: Collection[str]
    ) -> CurrentLead:
        """The first waiting lead that the owner may take.

        `refused` says why the owner may take no lead of this queue, except one held for them.
        """
        reason = refused
        for lead in waiting:
            reason = held_refusal(self.owner_id, lead.prior, refused, facts)
            if reason is None:
                return lead
        if reason is not None:
            raise ClaimRefused(reason.code)
        if self.queue not in (*queues, FALLBACK_QUEUE, HELD):
            raise NotFound("There is no such queue.")
        if self.lead_id is not None:
            raise LeadNotInQueue
        raise QueueEmpty
