"""What jobs are decided with: stored facts, what earlier jobs of the commit group changed, and the engine.

Nothing here waits. A later job of the same group sees the keys, leads and assignments of an earlier one.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from app.dispatch.recording import record_decision
from app.dispatch.stored_leads import QueueLookup, StoredLeads
from app.dispatch.unit_of_work import UnitOfWork
from app.engine.compile.plan import Plan
from app.engine.life.sales import NO_DEAL, Sale, SaleEffect
from app.engine.model.decision import (
    Decision,
    DecisionRequest,
    Suppression,
)
from app.engine.model.lead_keys import SuppressionKey
from app.engine.pipeline.decide import decide
from app.engine.selection.shifts import HELD
from app.errors import IdempotencyMismatch, NotFound
from app.store.leads.current_leads import CurrentLead
from app.store.leads.histories import TrackedAssignment
from app.store.life.events import EarlierEvent
from app.store.path.arrivals import ArrivalRow, Subject
from app.store.path.facts import Prefetched, StoredReply
from app.store.path.idempotency import IdempotencyKey, Reply

END_CAUSES = {
    "reassign": "reassigned",
    "claim": "claimed",
    "release": "released",
    "reject": "rejected",
    "take_away": "taken_away",
    "escalate": "taken_away",
    "handoff": "handed_off",
    "give_back": "given_back",
    "lease_ended": "lease_ended",
    "max_wait": "max_wait",
    "cover": "covered",
    "return": "returned",
    "signal": "superseded",
    "crm": "crm",
    "crm_reassign": "reassigned",
    "unblocked": "reassigned",
    "recheck": "superseded",
}
"""Why an assignment ends, by the kind of the request that follows."""
NO_LEAD = "There is no such lead."
NO_ASSIGNMENT = "There is no such assignment."
GONE = frozenset(("merged", "erased", "failed"))
"""The states of leads that match nobody and are not decided again."""


@dataclass(slots=True)
class DecisionSession:
    """The jobs of one commit group, or of one dry run, being decided one after another.

    `answered` are the actions of the decisions so far about persons whose contacts are counted from now on,
    by lead.
    """

    plan: Plan
    found: Prefetched
    stored: StoredLeads
    work: UnitOfWork
    received: int = 0
    matched: int = 0
    answered: dict[str, list[tuple[datetime, dict[str, Any]]]] = field(default_factory=dict)

    def stored_reply(self, key: IdempotencyKey) -> StoredReply | None:
        """The reply that this key stands for, if it has one that still holds.

        Raises IdempotencyMismatch when it, or the key of its batch, came with another body. From here on the
        key of the batch stands for this one.
        """
        reply = self._reply_to(key.text, key.holds)
        batch = self._reply_to(key.batch, key.holds) if key.batch else None
        for earlier in (reply, batch):
            if earlier is not None and earlier.body_hash != key.body_hash:
                raise IdempotencyMismatch
        if key.batch and batch is None:
            self.work.keep_reply(replace(key, text=key.batch), Reply(204, b""))
        return reply

    def find_suppression(self, keys: Iterable[SuppressionKey]) -> Suppression | None:
        """The entry of a suppression list that blocks a lead, as the jobs so far left the lists."""
        for key in keys:
            if (here := self.work.suppressed.get(key)) is not None:
                return Suppression(here, key.kind)
            for list_, assignment_id in self.found.suppressed.get(key, ()):
                if assignment_id not in self.work.lifted:
                    return Suppression(list_, key.kind)
        return None

    def arrived(self, subjects: Mapping[str, str], assignment_id: str) -> dict[str, int]:
        """How many leads came lately with the same subjects, by their names. From now on this one did too."""
        counts: dict[str, int] = {}
        for name in self.plan.junk.velocity:
            if name in subjects:
                subject = Subject(name, subjects[name])
                if before := self.stored.arrivals[subject]:
                    counts[name] = before
                self.stored.arrivals[subject] += 1
                self.work.rows.arrivals.append(ArrivalRow(subject, self.work.now, assignment_id))
        return counts

    def find_lead(self, lead_id: str) -> CurrentLead | None:
        """A stored lead as the jobs so far left it."""
        return self.work.present.get(lead_id) or self.stored.leads.get(lead_id)

    def survivor_of(self, lead_id: str) -> str:
        """The lead that took the place of a merged one, as it is stored; else the lead itself."""
        lead = self.find_lead(lead_id)
        merged_away = lead is not None and lead.prior.state == "merged"
        return self.stored.survivors.get(lead_id, lead_id) if merged_away else lead_id

    def is_present(self, lead_id: str) -> bool:
        """Whether there is such a lead, and it can be decided."""
        lead = self.find_lead(lead_id)
        return lead is not None and lead.prior.state not in GONE

    def get_lead(self, lead_id: str, unknown: str = NO_LEAD) -> CurrentLead:
        """A lead to decide. Raises NotFound, with what is `unknown`, when there is none."""
        lead = self.find_lead(lead_id)
        if lead is None or lead.prior.state in GONE:
            raise NotFound(unknown)
        return lead

    def history(self, lead_id: str) -> list[TrackedAssignment]:
        """The assignments of a lead in order, as the jobs so far left them."""
        return self.work.histories.get(lead_id, [])

    def find_assignment(self, lead_id: str, assignment_id: str) -> TrackedAssignment | None:
        """One assignment of a lead, if it is in its history."""
        return next((each for each in self.history(lead_id) if each.id == assignment_id), None)

    def get_seen(self, lead_id: str, bound_to: str | None, unknown: str = NO_LEAD) -> CurrentLead:
        """The same. A lead that the key does not see is unknown too.

        `bound_to` is the owner that the key is bound to, if it is.
        """
        lead = self.get_lead(lead_id, unknown)
        if bound_to is not None and not self.is_seen(lead, bound_to):
            raise NotFound(unknown)
        return lead

    def is_seen(self, lead: CurrentLead, owner: str) -> bool:
        """Whether a key that is bound to this owner sees the lead, whose history was read.

        It sees what the owner has or had, and what waits in a queue to be claimed.
        """
        prior = lead.prior
        waits = prior.state == "queued" and prior.queue != HELD
        return waits or any(each.owner_id == owner for each in self.history(prior.lead_id))

    def earlier_event(self, source: str, event_id: str) -> EarlierEvent | None:
        """The event that came with this id of this source, if one did."""
        return self.work.events.get((source, event_id)) or self.stored.events.get((source, event_id))

    def take_sale(self, lead_id: str, sale: Sale) -> SaleEffect:
        """Change the deal that an event is about. Returns what the event changes."""
        if sale.ref is None:
            return NO_DEAL.after(sale)[1]
        key = (lead_id, sale.ref)
        deal = self.work.deals.get(key) or self.stored.deals.get(key, NO_DEAL)
        self.work.deals[key], effect = deal.after(sale)
        return effect

    def pass_deals(self, from_id: str, to_id: str) -> None:
        """The deals of a lead are deals of another one from now on."""
        known = {**self.stored.deals, **self.work.deals}
        for (lead_id, ref), deal in known.items():
            if lead_id == from_id and (to_id, ref) not in known:
                self.work.deals[to_id, ref] = deal

    def close(self, tracked: TrackedAssignment, cause: str) -> None:
        """End an assignment for good. A lead with another open assignment stays with that one."""
        lead = self.get_lead(tracked.lead_id)
        if lead.prior.assignment_id != tracked.id:
            if tracked.open:
                self.work.end_tracked(tracked, cause)
            return
        others = [each for each in self.history(tracked.lead_id) if each.open and each.id != tracked.id]
        if others:
            self.work.fall_back(lead, others[-1], cause)
        else:
            self.work.close(lead, cause)

    def backlog(self, team: str | None) -> int:
        """How many leads wait for the team, after the jobs so far."""
        return self.stored.backlogs.get(team or "", 0)

    def untouched_claims(self, owner_id: str) -> int:
        """How many claimed leads the owner holds that nobody touched, after the jobs so far."""
        ended, progress = self.work.rows.ended, self.work.rows.progress
        return sum(
            id_ not in ended and (id_ not in progress or progress[id_].touched_at is None)
            for id_ in self.stored.claims.get(owner_id, ())
        )

    def note_claim(self, owner_id: str, assignment_id: str) -> None:
        """The owner has one more untouched claim."""
        self.stored.claims.setdefault(owner_id, set()).add(assignment_id)

    def waiting(self, lookup: QueueLookup) -> Iterator[CurrentLead]:
        """The leads found by this lookup that still wait, in order."""
        for lead in self.stored.queues.get(lookup, ()):
            present = self.work.present.get(lead.prior.lead_id)
            if present is None or (
                present.prior.state == "queued" and present.prior.assignment_id == lead.prior.assignment_id
            ):
                yield present or lead

    def decide(
        self,
        request: DecisionRequest,
        normalized: Mapping[str, Any],
        *,
        status: int = 201,
        new_fields: bool = False,
    ) -> tuple[Decision, Reply]:
        """Decide a request and record everything that follows from it."""
        decision = decide(request, self.plan, self.work.facts)
        if decision.backlog is not None:
            self.stored.backlogs[decision.backlog.team] = decision.backlog.left
        kept = self.find_lead(decision.existing_lead.lead_id) if decision.existing_lead is not None else None
        excluded = kept.exclude if kept is not None else frozenset[str]()
        body = record_decision(
            self.work, request, decision, normalized, excluded=excluded, new_fields=new_fields
        )
        return decision, Reply(status, body, assignment_id=request.assignment_id)

    def decide_again(self, request: DecisionRequest, lead: CurrentLead, *, status: int = 201) -> Reply:
        """Take a stored lead from where it is, and decide it."""
        self.work.end(lead.prior, END_CAUSES[request.kind])
        _, reply = self.decide(request, lead.normalized, status=status)
        return reply

    def offer(self, request: DecisionRequest, lead: CurrentLead) -> Reply | None:
        """Decide a waiting lead again. None, and nothing is recorded, if it would stay in its queue."""
        decision = decide(request, self.plan, self.work.facts)
        if decision.outcome == "queued" and decision.queue == lead.prior.queue:
            return None
        return self.decide_again(request, lead)

    def _reply_to(self, text: str, holds: timedelta) -> StoredReply | None:
        row = self.work.replies.get(text)
        if row is not None:
            return StoredReply(
                bytes.fromhex(row.body_hash), row.at, row.assignment_id, row.status, row.response
            )
        earlier = self.found.replays.get(text)
        return earlier if earlier is not None and self.work.now - earlier.at <= holds else None
