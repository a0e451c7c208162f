"""Something happened to a record of a CRM."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import orjson

from app.dispatch.crm_books import CrmBooks, lead_key_of
from app.dispatch.crm_fields import put_at, sent_of
from app.dispatch.crm_follower import CrmFollower
from app.dispatch.crm_reports import source_of
from app.dispatch.decision_session import DecisionSession
from app.dispatch.jobs.assign import Assign
from app.dispatch.jobs.base import Job, Reply
from app.engine.life.crm import CrmChange, target_of
from app.engine.model.accounts import AccountKey
from app.engine.model.lead_keys import CRM_LEAD, LeadKey, SuppressionKey
from app.intake.arrival import IncomingLead, normalize

TRIGGER = "crm_created"


@dataclass(eq=False, slots=True)
class FollowCrm(Job):
    """Do what an event of a CRM means. Doing it again changes nothing.

    The answer says `done` or `wait`, a code, and the lead.
    """

    bulk: bool = True
    change: CrmChange = field(kw_only=True)
    arrival: IncomingLead = field(init=False)
    _assign: Assign = field(init=False)

    def __post_init__(self) -> None:
        sent = sent_of(self.change)
        if self.change.role == "lead":
            put_at(sent, ("crm", "lead_id"), self.change.record.id)
        self.arrival = normalize(sent)
        self._assign = Assign(arrival=self.arrival, trigger=TRIGGER, bulk=True, unattended=True)

    def decide(self, session: DecisionSession) -> Reply:
        """Follow the event."""
        books = CrmBooks(session, self.change.endpoint_id)
        ambiguous_id = self._has_ambiguous_id(books)
        arrival = _without_id(self.arrival) if ambiguous_id else self.arrival
        self._assign.plugin, self._assign.arrival = self.plugin, arrival
        self._assign.prepared = self.prepared
        return CrmFollower(
            change=self.change,
            arrival=arrival,
            plugin=self.plugin,
            route=self.route,
            session=session,
            books=books,
            ambiguous_id=ambiguous_id,
        ).take()

    def _has_ambiguous_id(self, books: CrmBooks) -> bool:
        """Whether the number of a record that is no lead yet is that of another record, which is one."""
        record, session = self.change.record, books.session
        row = books.find(record)
        if self.change.role != "lead" or (row is not None and row.lead_id is not None):
            return False
        key = lead_key_of(record)
        ids = (*session.found.matches.get(key, ()), *session.work.identities.get(key[:2], ()))
        other = next((id_ for id_ in ids if books.is_other_record(record, id_)), None)
        if other is not None:
            books.find_out("same_id", record, other)
        return other is not None

    def route(self, session: DecisionSession) -> str:
        """Decide a new record like a lead that was sent. Returns the lead.

        An executor replaces the owner that the record has in the CRM.
        """
        told, facts = self.change.owner, session.work.facts
        owner = target_of(told, self.change.kind, facts.directory, {}) if told is not None else None
        self._assign.present_owner = owner.name if owner is not None else None
        reply = self._assign.decide(session)
        return str(orjson.loads(reply.body)["lead_id"])

    def crm_changes(self) -> Sequence[CrmChange]:
        """The event."""
        return (self.change,)

    def identities(self) -> Sequence[LeadKey]:
        """The keys of the lead, and those of the records that became one with it."""
        if self.change.role != "lead":
            return tuple(lead_key_of(link) for link in self.change.links)
        others = [lead_key_of(key) for key, role in self.change.others if role == "lead"]
        return (*self.arrival.look_ups, *others)

    def suppression_keys(self) -> Sequence[SuppressionKey]:
        """The lead's address, and its domain."""
        return self._assign.suppression_keys() if self.change.creates else ()

    def arriving(self) -> IncomingLead | None:
        """The lead of a new record."""
        return self.arrival if self.change.creates else None

    def account_keys(self) -> Sequence[AccountKey]:
        """The keys of the lead's account."""
        if self.change.role != "lead":
            return ()
        self._assign.prepared = self.prepared
        return self._assign.account_keys()

    def wants_history(self) -> bool:
        """What our decisions and the CRM's changes did so far."""
        return True

    def frees_owners(self) -> bool:
        """Owners can lose leads."""
        return True

    def event_ids(self) -> Sequence[tuple[str, str]]:
        """The events that the change says, with the endpoint as their source."""
        source = source_of(self.change.endpoint_id)
        return [(source, id_) for id_ in self.change.event_ids()]

    def deal_refs(self) -> Sequence[str]:
        """The deal."""
        return (self.change.record.id,) if self.change.role == "deal" else ()


def _without_id(arrival: IncomingLead) -> IncomingLead:
    """The lead, not to be found by its id in a CRM."""
    keys, look_ups = (
        tuple(each for each in of if each.kind != CRM_LEAD) for of in (arrival.keys, arrival.look_ups)
    )
    return replace(arrival, keys=keys, look_ups=look_ups)
