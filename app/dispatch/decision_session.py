"""What jobs are decided with: stored facts, what earlier jobs of the commit group changed, and the engine.

Nothing here waits. A later job of the same group sees the keys, leads and assignments of an earlier one.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from app.dispatch.prepared import Prepared
from app.dispatch.unit_of_work import UnitOfWork
from app.engine.compile.plan import Plan
from app.engine.followup.contact import NO_TERMS, ContactFacts
from app.engine.life.preferences import NO_PREFERENCES, ConsentAct
from app.engine.life.sales import NO_DEAL, Deal, Sale, SaleEffect
from app.engine.model.accounts import Account, AccountKey, AccountMatch
from app.engine.model.decision import (
    ColleagueOwner,
    Decision,
    DecisionRequest,
    PossibleDuplicate,
    PriorAssignment,
    Suppression,
)
from app.engine.model.filled import as_sent
from app.engine.model.lead_keys import COMPANY, EMAIL, PHONE, LeadKey, MatchRules, SuppressionKey
from app.engine.pipeline.decide import decide
from app.engine.selection.shifts import HELD
from app.errors import AmbiguousAssignment, IdempotencyMismatch, NotFound
from app.intake.account_match import match_account, needs_names
from app.intake.arrival import IncomingLead
from app.intake.companies import MAX_NAMES, company_domain, company_key
from app.intake.lead_keys import phone_keys, stored_keys
from app.intake.matching import ComparedLead, match, may_be_same
from app.intake.merging import merged
from app.intake.probable_persons import person_key, probable
from app.intake.suppressions import suppression_keys
from app.intake.zones import zones_of
from app.store.crm.records import CrmState
from app.store.leads.bulk_jobs import JobTally
from app.store.leads.companies import MAX_COLLEAGUES, NO_COMPANY, Company
from app.store.leads.current_leads import CurrentLead
from app.store.leads.histories import TrackedAssignment
from app.store.leads.merges import StoredMerge
from app.store.life.events import EarlierEvent
from app.store.path.arrivals import ArrivalRow, Subject
from app.store.path.facts import MAX_LEADS_OF_KEY, Prefetched, StoredReply
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


class QueueLookup(NamedTuple):
    """Where to look for waiting leads: a queue, the lead if one is named, and the owner if it matters."""

    queue: str
    lead_id: str | None
    owner_id: str | None


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


@dataclass(slots=True)
class StoredLeads:
    """What only some jobs need.

    Leads by id, waiting leads by lookup, each assignment's lead, the assignments of each lead, earlier events
    by source and id, deals by lead and `ref`, how far bulk jobs are, the untouched claims of each owner who
    claims, the first leads of each queue that releases its leads, how many leads wait for each team, what is
    known about records of CRMs, all leads that were merged with one, by its id, the other leads of the same
    address where somebody withdraws a consent, merges by id, what remains of merged leads, and what is stored
    of companies, by domain.
    """

    leads: dict[str, CurrentLead] = field(default_factory=dict)
    queues: dict[QueueLookup, list[CurrentLead]] = field(default_factory=dict)
    assignments: dict[str, tuple[str, str]] = field(default_factory=dict)
    histories: dict[str, list[TrackedAssignment]] = field(default_factory=dict)
    events: dict[tuple[str, str], EarlierEvent] = field(default_factory=dict)
    deals: dict[tuple[str, str], Deal] = field(default_factory=dict)
    running_jobs: frozenset[str] = frozenset()
    tallies: dict[str, JobTally] = field(default_factory=dict)
    claims: dict[str, set[str]] = field(default_factory=dict)
    first_waiting: dict[str, list[CurrentLead]] = field(default_factory=dict)
    backlogs: dict[str, int] = field(default_factory=dict)
    crm: CrmState = field(default_factory=CrmState)
    people: dict[str, list[str]] = field(default_factory=dict)
    same_address: dict[str, list[str]] = field(default_factory=dict)
    merges: dict[str, StoredMerge] = field(default_factory=dict)
    survivors: dict[str, str] = field(default_factory=dict)
    companies: dict[str, Company] = field(default_factory=dict)
    arrivals: Counter[Subject] = field(default_factory=Counter)

    def all_leads(self) -> dict[str, CurrentLead]:
        """The leads that were read, and those that wait, by id."""
        waiting = (*self.queues.values(), *self.first_waiting.values())
        return {lead.prior.lead_id: lead for leads in waiting for lead in leads} | self.leads


@dataclass(slots=True)
class DecisionSession:
    """The jobs of one commit group, or of one dry run, being decided one after another.

    `answered` are the actions of the
    decisions so far about persons whose contacts are counted from now on, by lead.
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

    def find_person(self, arrival: IncomingLead, rules: MatchRules, window: timedelta | None) -> Person:
        """The person behind an incoming lead, among the leads that were decided within the window.

        Without a window any age counts; with a window of zero none does.
        """
        candidates = self._sharing(arrival.look_ups)
        if not candidates:
            return Person(arrival.values)
        lead = ComparedLead("", frozenset(arrival.keys), arrival.values)
        late = (
            set() if window is None else {each.lead_id for each in candidates if self._is_late(each, window)}
        )
        found = match(lead, [each for each in candidates if each.lead_id not in late], rules)
        if found.lead_id is None:
            old = match(lead, [each for each in candidates if each.lead_id in late], rules)
            return Person(arrival.values, possible=found.possible, former=old.lead_id)
        prior = replace(self.work.prior_now(found.lead_id), matched_by=found.matched_by or "")
        stored = next(each.values for each in candidates if each.lead_id == found.lead_id)
        values = merged(as_sent(stored), arrival.values, self.plan.declared)
        return Person(values, prior, stored, found.possible)

    def find_account(
        self,
        values: Mapping[str, Any],
        keys: Callable[[], Sequence[AccountKey]],
        prepared: Prepared | None = None,
    ) -> AccountMatch | None:
        """The account that a lead with these fields and keys belongs to; None when the plan does not ask.

        Raises PreparationMissing when its keys leave open which one, and names were not `prepared`.
        """
        accounts, settings = self.found.accounts, self.plan.account_match
        if not self.plan.wants_accounts or accounts is None:
            return None
        found = keys()
        if (
            prepared is not None
            and prepared.accounts is None
            and needs_names(values, found, accounts, settings)
        ):
            prepared.ask_for_accounts()
        return match_account(values, found, accounts, settings)

    def find_probable(self, arrival: IncomingLead, rules: MatchRules) -> tuple[PossibleDuplicate, ...]:
        """The leads that are probably the person behind a new lead, if the plan asks."""
        terms = self.plan.probable
        if terms is None:
            return ()
        wanted = [key for key in arrival.keys if key.kind == PHONE]
        if (key := person_key(arrival.values)) is not None:
            wanted.append(key)
        lead = ComparedLead("", frozenset(arrival.keys), arrival.values)
        return probable(lead, self._sharing(wanted), rules, terms.review)

    def follow_probable(
        self, request: DecisionRequest, found: Sequence[PossibleDuplicate]
    ) -> DecisionRequest:
        """The request of a new lead with what it probably is. One that is known for sure has one owner."""
        terms = self.plan.probable
        if terms is None or not found:
            return request
        ids = {each.lead_id for each in found}
        others = tuple(each for each in request.possible_duplicates if each.lead_id not in ids)
        request = replace(request, possible_duplicates=(*found, *others), review=True)
        best = found[0]
        sure = [each for each in found if terms.known is not None and (each.score or 0) >= terms.known]
        if len(sure) != 1:
            return request
        prior = self.work.prior_now(best.lead_id)
        if prior.state not in ("assigned", "closed") or prior.owner is None:
            return request
        return replace(
            request, review=False, same_person=ColleagueOwner(best.lead_id, prior.owner, prior.team)
        )

    def find_colleagues(self, values: Mapping[str, Any]) -> tuple[ColleagueOwner, ...]:
        """The owners of the newest leads of the same company, if the plan asks and it is no account."""
        terms = self.plan.same_company
        domain = company_domain(values, education=terms.education) if terms is not None else None
        if terms is None or domain is None or self.accounts_of_domain(domain):
            return ()
        stored, here = (
            self.stored.companies.get(domain, NO_COMPANY),
            self.work.company_names.get(domain, set()),
        )
        if len(stored.names | here) > MAX_NAMES:
            return ()
        ids = self.work.identities.get((COMPANY, domain), [])[-MAX_COLLEAGUES:]
        places = {
            each.lead_id: (each.state, each.owner, each.team, each.decided_at) for each in stored.colleagues
        }
        found: dict[str, ColleagueOwner] = {}
        for lead_id in sorted({*ids, *places}, reverse=True):
            if (present := self.work.present.get(lead_id)) is not None:
                prior = present.prior
                places[lead_id] = (prior.state, prior.owner, prior.team, prior.decided_at)
            state, owner, team, at = places[lead_id]
            soon = abs(self.work.now - at) <= terms.window
            if state in ("assigned", "closed") and owner is not None and soon:
                found.setdefault(owner, ColleagueOwner(lead_id, owner, team))
        return tuple(found.values())

    def waiting_colleagues(self, values: Mapping[str, Any]) -> list[CurrentLead]:
        """The leads of the same company that wait in a queue, the oldest first, if the plan asks."""
        terms = self.plan.same_company
        domain = company_domain(values, education=terms.education) if terms is not None else None
        if domain is None:
            return []
        ids = {*self.work.identities.get((COMPANY, domain), [])[-MAX_COLLEAGUES:]}
        ids |= {each.lead_id for each in self.stored.companies.get(domain, NO_COMPANY).colleagues}
        found = (self.find_lead(lead_id) for lead_id in sorted(ids))
        return [lead for lead in found if lead is not None and lead.prior.state == "queued"]

    def accounts_by_name(self, lead_id: str | None) -> tuple[str, ...]:
        """The accounts that were found by the name of a stored lead when it was decided."""
        if lead_id is None or not self.plan.wants_accounts:
            return ()
        lead = self.find_lead(lead_id) or self.found.known.get(lead_id)
        return lead.account_ids if lead is not None else ()

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

    def accounts_of_domain(self, domain: str) -> Sequence[Account]:
        """The accounts that have this domain, as far as they were read."""
        accounts = self.found.accounts
        return accounts.of_key.get(("domain", domain), ()) if accounts is not None else ()

    def contact_of(self, lead_id: str | None, values: Mapping[str, Any]) -> ContactFacts | None:
        """What is known of the person behind a lead. None when nothing is, and nothing asks."""
        terms = self.plan.contact
        preferences = self.work.preferences.get(lead_id) if lead_id is not None else None
        listed = bool(self.found.suppressed) and self.find_suppression(suppression_keys(values)) is not None
        if preferences is None and terms is NO_TERMS and not listed:
            return None
        quiet = terms.quiet or (preferences.quiet if preferences is not None else None)
        contacts = self.work.contacts.get(lead_id, ()) if lead_id is not None else ()
        zones = (zones_of(values) or (self.found.zone,)) if quiet is not None else ()
        return ContactFacts(preferences or NO_PREFERENCES, zones, tuple(contacts), listed)

    def withdraw(self, lead_id: str, acts: Sequence[tuple[str, ConsentAct]], actor: str) -> None:
        """A person closes channels, also for their other leads with the same address."""
        for each in (lead_id, *self.stored.same_address.get(lead_id, ())):
            if each == lead_id or self.is_present(each):
                self.work.take_acts(each, acts, actor)

    def leads_of_address(self, arrival: IncomingLead) -> list[str]:
        """The leads that have the address of an arriving one, as the jobs so far left them."""
        keys = {key for key in arrival.keys if key.kind == EMAIL}
        return [each.lead_id for each in self._sharing(keys) if not keys.isdisjoint(each.keys)]

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

    def get_lead(self, lead_id: str) -> CurrentLead:
        """The same. Raises NotFound when there is no lead to decide."""
        lead = self.find_lead(lead_id)
        if lead is None or lead.prior.state in GONE:
            raise NotFound(NO_LEAD)
        return lead

    def history(self, lead_id: str) -> list[TrackedAssignment]:
        """The assignments of a lead in order, as the jobs so far left them."""
        return self.work.histories.get(lead_id, [])

    def find_assignment(self, lead_id: str, assignment_id: str) -> TrackedAssignment | None:
        """One assignment of a lead, if it is in its history."""
        return next((each for each in self.history(lead_id) if each.id == assignment_id), None)

    def get_seen(self, lead_id: str, bound_to: str | None, unknown: str = NO_LEAD) -> CurrentLead:
        """A lead to decide. Raises NotFound, with what is `unknown`, also if the key does not see the lead.

        `bound_to` is the owner that the key is bound to, if it is.
        """
        lead = self.find_lead(lead_id)
        if lead is None or lead.prior.state in GONE:
            raise NotFound(unknown)
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

    def lead_of_keys(self, keys: Iterable[LeadKey], bound_to: str | None = None) -> str:
        """The lead that has these keys. Raises NotFound, or AmbiguousAssignment when there are several.

        With `bound_to`, leads count that a key of this owner sees.
        """
        ids = {id_ for key in keys for id_ in self.found.matches.get(key, ()) if self.is_present(id_)}
        if bound_to is not None:
            ids = {id_ for id_ in ids if self.is_seen(self.get_lead(id_), bound_to)}
        if len(ids) > 1:
            raise AmbiguousAssignment(sorted(ids), "lead_ids")
        if not ids:
            raise NotFound(NO_LEAD)
        return ids.pop()

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

    def pass_keys(self, from_id: str, to_id: str) -> None:
        """Later jobs of the group find another lead under the keys of this one."""
        keys = self._keys_of(from_id)
        self.work.new_keys.setdefault(to_id, set()).update(keys)
        for key, ids in self.found.matches.items():
            if from_id in ids:
                self.found.matches[key] = [*ids, to_id]
        for place, ids in self.work.identities.items():
            if from_id in ids:
                self.work.identities[place] = [*ids, to_id]
        survivor = self.find_lead(to_id)
        if survivor is not None:
            self.work.present.setdefault(to_id, survivor)

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
        body = self.work.record(request, decision, normalized, excluded=excluded, new_fields=new_fields)
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

    def identify(self, arrival: IncomingLead, person: Person, lead_id: str) -> None:
        """Store the keys of an arrival for this lead. A former lead of the same person loses them."""
        known = self._keys_of(lead_id)
        keys = stored_keys((*arrival.keys, *_keys_read_late(arrival, person)))
        self.work.identify([each for each in keys if each not in known], lead_id)
        self._note_names(person.values, lead_id)
        former = person.former
        if former is not None and former != lead_id:
            for key in self._keys_of(former):
                if any(may_be_same(each, key) for each in arrival.keys):
                    self.work.forget(key, former)

    def _note_names(self, values: Mapping[str, Any], lead_id: str) -> None:
        terms = self.plan.same_company
        key = company_key(values, education=terms.education) if terms is not None else None
        person = person_key(values) if self.plan.probable is not None else None
        if person is not None:
            self.work.identify([person], lead_id)
        if key is not None:
            self.work.identify([key], lead_id)
            if key.source:
                self.work.company_names.setdefault(key.value, set()).add(key.source)

    def _reply_to(self, text: str, holds: timedelta) -> StoredReply | None:
        row = self.work.replies.get(text)
        if row is not None:
            return StoredReply(
                bytes.fromhex(row.body_hash), row.at, row.assignment_id, row.status, row.response
            )
        earlier = self.found.replays.get(text)
        return earlier if earlier is not None and self.work.now - earlier.at <= holds else None

    def _sharing(self, keys: Iterable[LeadKey]) -> list[ComparedLead]:
        """The leads that have one of these keys, as the jobs so far left them."""
        ids: dict[str, None] = {}
        matches, identities = self.found.matches, self.work.identities
        if not (matches or identities):
            return []
        for key in keys:
            if stored := matches.get(key):
                ids |= dict.fromkeys(stored)
            if here := identities.get(key[:2]):
                ids |= dict.fromkeys(here[-MAX_LEADS_OF_KEY:])
        return [lead for lead_id in ids if (lead := self._compared(lead_id)) is not None]

    def _compared(self, lead_id: str) -> ComparedLead | None:
        stored, present = self.found.known.get(lead_id), self.work.present.get(lead_id)
        if stored is not None:
            self.work.before.setdefault(lead_id, stored.prior)
        lead = present or stored
        if lead is None or lead.prior.state in GONE:
            return None
        return ComparedLead(lead_id, self._keys_of(lead_id), lead.values)

    def _keys_of(self, lead_id: str) -> frozenset[LeadKey]:
        stored, work = self.found.known.get(lead_id), self.work
        keys = (stored.keys if stored is not None else frozenset()) | work.new_keys.get(lead_id, frozenset())
        if not work.lost_keys:
            return keys
        return frozenset(key for key in keys if (key, lead_id) not in work.lost_keys)

    def _is_late(self, lead: ComparedLead, window: timedelta) -> bool:
        decided_at = self.work.prior_now(lead.lead_id).decided_at
        return not window or abs(self.work.now - decided_at) > window


def _keys_read_late(arrival: IncomingLead, person: Person) -> Iterator[LeadKey]:
    """The phone number, if it could be read only with the country that the other submission has."""
    phone = person.values.get("phone")
    if person.prior is not None and phone not in (arrival.values.get("phone"), person.stored.get("phone")):
        yield from phone_keys(person.values, person.values.get("flags", ()))
