"""An owner takes a waiting lead."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from app.dispatch.decision_session import DecisionSession
from app.dispatch.jobs.base import Job, Reply, request_again
from app.dispatch.stored_leads import QueueLookup
from app.engine.life.hidden_fields import hidden_names
from app.engine.model.decision import Target
from app.engine.pipeline.claims import claim_refusal, held_refusal
from app.engine.pipeline.walk import FALLBACK_QUEUE
from app.engine.selection.eligibility import Refusal
from app.engine.selection.shifts import HELD
from app.errors import ClaimRefused, LeadNotInQueue, NotFound, QueueEmpty, refused_at
from app.ids import uuid7
from app.store.leads.current_leads import CurrentLead
from app.store.life.events import EventRow

DISCLOSED = "disclosed"
"""The event that says who saw the hidden fields of a lead: `by` claimed it with the key `actor`."""


@dataclass(eq=False, slots=True)
class Claim(Job):
    """Give an owner the first lead of a queue, or the one named.

    `again` allows a lead that the owner had before and did not keep. `actor` is the key that claims, and
    `bound` says that it is bound to the owner.
    """

    queue: str = field(kw_only=True)
    owner_id: str = field(kw_only=True)
    lead_id: str | None = None
    again: bool = False
    actor: str = ""
    bound: bool = False

    def decide(self, session: DecisionSession) -> Reply:
        """Assign the lead to the owner.

        Raises ValidationFailed, ClaimRefused, NotFound, LeadNotInQueue or QueueEmpty.
        """
        refused = claim_refusal(self.owner_id, self.queue, session.plan, session.work.facts)
        if refused is not None and refused.code == "not_found":
            raise refused_at(("owner_id",), "unknown_owner", "names an owner that does not exist")
        if refused is None and self._holds_too_many(session):
            refused = Refusal("claim_limit")
        lead = self._first_allowed(session, refused)
        to = Target("owner", self.owner_id)
        request = request_again(session, lead, "claim", to=to, queue=self.queue)
        hide = session.plan.terms_of(self.queue).hide
        if hide:
            lead = _with_hidden(lead, hide)
        reply = session.decide_again(request, lead, status=200)
        session.note_claim(self.owner_id, request.assignment_id)
        if hide:
            session.work.add_event(self._disclosure(lead, request.assignment_id, hide, session.work.now))
        return reply

    def _disclosure(
        self, lead: CurrentLead, assignment_id: str, hide: Sequence[str], now: datetime
    ) -> EventRow:
        """Who saw the hidden fields, and which."""
        return EventRow(
            id=uuid7(),
            assignment_id=assignment_id,
            lead_id=lead.prior.lead_id,
            type=DISCLOSED,
            at=now,
            received_at=now,
            actor=self.actor,
            by_id=self.owner_id,
            note=", ".join(hide),
        )

    def queue_lookups(self) -> Sequence[QueueLookup]:
        """The queue."""
        return (self._lookup(),)

    def lead_ids(self) -> Sequence[str]:
        """The lead, whose state the refusal of a late claim names."""
        return (self.lead_id,) if self.lead_id is not None else ()

    def wants_history(self) -> bool:
        """Whether the owner had the lead, if they may have it again or see only what they had."""
        return self.again or self.bound

    def claimant(self) -> tuple[str, str] | None:
        """The owner and the queue."""
        return self.owner_id, self.queue

    def _lookup(self) -> QueueLookup:
        """The owner matters only in the queue of held leads, and only if no lead is named."""
        owner = self.owner_id if self.queue == HELD and not self.lead_id else None
        return QueueLookup(self.queue, self.lead_id, owner)

    def _holds_too_many(self, session: DecisionSession) -> bool:
        limit = session.plan.terms_of(self.queue).max_claims
        return limit is not None and session.untouched_claims(self.owner_id) >= limit

    def _first_allowed(self, session: DecisionSession, refused: Refusal | None) -> CurrentLead:
        """The first waiting lead that the owner may take.

        `refused` says why the owner may take no lead of this queue, except one held for them.
        """
        reason = refused
        for lead in session.waiting(self._lookup()):
            reason = held_refusal(self.owner_id, lead.prior, refused, session.work.facts)
            if reason is None and self._is_barred(session, lead):
                reason = Refusal("already_claimed")
            if reason is None:
                return lead
        named = session.find_lead(self.lead_id) if self.lead_id is not None else None
        if named is not None and self.bound and not session.is_seen(named, self.owner_id):
            named, reason = None, refused
        if reason is not None:
            raise ClaimRefused(reason.code)
        if self.queue not in (*session.plan.queues, FALLBACK_QUEUE, HELD):
            raise NotFound("There is no such queue.")
        if self.lead_id is not None:
            raise _gone(named)
        raise QueueEmpty

    def _is_barred(self, session: DecisionSession, lead: CurrentLead) -> bool:
        """Whether the owner had the lead before and may not have it again."""
        if self.owner_id not in lead.prior.barred:
            return False
        history = session.history(lead.prior.lead_id)
        return not self.again or any(
            each.owner_id == self.owner_id and each.end_cause == "rejected" for each in history
        )


def _with_hidden(lead: CurrentLead, hide: Sequence[str]) -> CurrentLead:
    """The lead with what intake made of the fields that were left out of its answers so far."""
    found = {name: lead.values[name] for name in hidden_names(hide) if name in lead.values}
    return replace(lead, normalized={**lead.normalized, **found})


def _gone(lead: CurrentLead | None) -> LeadNotInQueue:
    """The refusal of a claim that comes too late. It says what became of the lead, but not whose it is."""
    if lead is None:
        return LeadNotInQueue()
    closed = lead.prior.state == "closed"
    return LeadNotInQueue("closed" if closed else "superseded", None if closed else lead.prior.decided_at)
