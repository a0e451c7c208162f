"""What jobs are decided with: stored facts, what earlier jobs of the commit group changed, and the engine.

Nothing here waits. A later job of the same group sees the keys, leads and assignments of an earlier one.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, NamedTuple

from app.dispatch.unit_of_work import UnitOfWork
from app.engine.compile.plan import Plan
from app.engine.model.accounts import AccountKey, AccountMatch
from app.engine.model.decision import Decision, DecisionRequest, PriorAssignment
from app.engine.pipeline.decide import decide
from app.errors import IdempotencyMismatch, NotFound
from app.intake.arrival import IncomingLead
from app.store.leads.current_leads import CurrentLead
from app.store.path.facts import Prefetched, StoredReply
from app.store.path.idempotency import IdempotencyKey, Reply


class QueueLookup(NamedTuple):
    """Where to look for waiting leads: a queue, the lead if one is named, and the owner if it matters."""

    queue: str
    lead_id: str | None
    owner_id: str | None


@dataclass(slots=True)
class StoredLeads:
    """What only some jobs need: leads by id, waiting leads by lookup, and each assignment's lead."""

    leads: dict[str, CurrentLead] = field(default_factory=dict)
    queues: dict[QueueLookup, list[CurrentLead]] = field(default_factory=dict)
    assignments: dict[str, tuple[str, str]] = field(default_factory=dict)


@dataclass(slots=True)
class DecisionSession:
    """The jobs of one commit group, or of one dry run, being decided one after another."""

    plan: Plan
    found: Prefetched
    stored: StoredLeads
    work: UnitOfWork
    received: int = 0
    matched: int = 0

    def stored_reply(self, key: IdempotencyKey) -> StoredReply | None:
        """The reply that this key stands for, if it has one that still holds.

        Raises IdempotencyMismatch when it, or the key of its batch's first item, came with another body.
        """
        reply = self._reply_to(key.text, key.holds)
        first = self._reply_to(key.first, key.holds) if key.first else None
        for earlier in (reply, first):
            if earlier is not None and earlier.body_hash != key.body_hash:
                raise IdempotencyMismatch
        return reply

    def find_prior(self, arrival: IncomingLead, window: timedelta | None) -> PriorAssignment | None:
        """The lead's earlier assignment, by the first match key known within the window.

        Without a window any age counts; with a window of zero none does.
        """
        for identity in arrival.keys:
            prior = self._prior_of(identity)
            if prior is None:
                continue
            if window is None or (window and self.work.now - prior.decided_at <= window):
                return prior
        return None

    def find_account(self, keys: Callable[[], Sequence[AccountKey]]) -> AccountMatch | None:
        """The account that a lead with these keys belongs to; None when the plan does not ask."""
        if not self.plan.wants_accounts or self.found.accounts is None:
            return None
        return self.found.accounts.matched(keys())

    def find_lead(self, lead_id: str) -> CurrentLead | None:
        """A stored lead as the jobs so far left it."""
        return self.work.present.get(lead_id) or self.stored.leads.get(lead_id)

    def get_lead(self, lead_id: str) -> CurrentLead:
        """The same. Raises NotFound when there is no lead to decide."""
        lead = self.find_lead(lead_id)
        if lead is None or lead.prior.state in {"merged", "erased", "failed"}:
            raise NotFound("There is no such lead.")
        return lead

    def waiting(self, lookup: QueueLookup) -> Iterator[CurrentLead]:
        """The leads found by this lookup that still wait, in order."""
        for lead in self.stored.queues.get(lookup, ()):
            present = self.work.present.get(lead.prior.lead_id)
            if present is None or (
                present.prior.state == "queued" and present.prior.assignment_id == lead.prior.assignment_id
            ):
                yield lead

    def decide(
        self, request: DecisionRequest, normalized: Mapping[str, Any], *, status: int = 201
    ) -> tuple[Decision, Reply]:
        """Decide a request and record everything that follows from it."""
        decision = decide(request, self.plan, self.work.facts)
        body = self.work.record(request, decision, normalized)
        return decision, Reply(status, body, assignment_id=request.assignment_id)

    def decide_again(self, request: DecisionRequest, lead: CurrentLead, *, status: int = 201) -> Reply:
        """Take a stored lead from where it is, and decide it."""
        self.work.end(lead.prior)
        _, reply = self.decide(request, lead.normalized, status=status)
        return reply

    def identify(self, arrival: IncomingLead, lead_id: str) -> None:
        """From now on all match keys of this arrival lead to this lead."""
        for identity in arrival.keys:
            self.work.identify(identity, lead_id)

    def _reply_to(self, text: str, holds: timedelta) -> StoredReply | None:
        row = self.work.replies.get(text)
        if row is not None:
            return StoredReply(
                bytes.fromhex(row.body_hash), row.at, row.assignment_id, row.status, row.response
            )
        earlier = self.found.replays.get(text)
        return earlier if earlier is not None and self.work.now - earlier.at <= holds else None

    def _prior_of(self, identity: tuple[str, str]) -> PriorAssignment | None:
        lead_id = self.work.identities.get(identity)
        if lead_id is None:
            stored = self.found.priors.get(identity)
            if stored is None:
                return None
            lead_id = stored.lead_id
            self.work.before.setdefault(lead_id, stored)
        return replace(self.work.prior_now(lead_id), matched_by=identity[0])
