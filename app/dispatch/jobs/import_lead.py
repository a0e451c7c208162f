"""A lead that exists already is imported with its owner."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import orjson

from app.dispatch.arrivals import count_arrival
from app.dispatch.decision_rows import closing_event
from app.dispatch.decision_session import DecisionSession
from app.dispatch.jobs.base import Job, Reply
from app.dispatch.persons import Person, find_person, identify, leads_of_address
from app.dispatch.preferences import take_acts
from app.engine.life.preferences import WITHDRAWS, ConsentAct, act_of_event
from app.engine.model.decision import DecisionRequest, ExistingOwnership, PriorAssignment
from app.engine.model.directory import Directory
from app.engine.model.lead_keys import LeadKey
from app.engine.pipeline.triggers import with_own_trigger
from app.errors import OwnerInactive, refused_at
from app.ids import uuid7
from app.intake.arrival import IncomingLead, with_declared, with_rules
from app.intake.consent_acts import acts_of_lead
from app.store.leads.current_leads import CurrentLead

ACTOR = "import"
"""The actor of the event that closes a lead imported as closed."""
TRIGGER = "list_upload"


@dataclass(eq=False, slots=True)
class ImportLead(Job):
    """Record a lead with its present owner. `since` None means now; `closed` means it is done with.

    Only with `move` does it take a lead from where it is. `withdrawn` says what the person wants no more: the
    event that it would be (`unsubscribed`, `complained`), and its channel, if it is about one.
    """

    bulk: bool = True
    arrival: IncomingLead = field(kw_only=True)
    owner_id: str = field(kw_only=True)
    team: str | None = None
    since: datetime | None = None
    closed: bool = False
    move: bool = False
    withdrawn: Sequence[tuple[str, str | None]] = ()

    def decide(self, session: DecisionSession) -> Reply:
        """Assign the lead to its owner.

        Answers 204 when there is nothing to change, and 409 when the lead is elsewhere and stays there.
        Raises ValidationFailed or OwnerInactive when the lead cannot be imported with this owner.
        """
        work, plan = session.work, session.plan
        arrival = with_rules(with_declared(self.arrival, plan.declared), plan.attribution)
        rules = replace(session.plan.match_rules, ids_are_people=True)
        person = find_person(session, arrival, rules, None)
        prior = person.prior
        owned = ExistingOwnership(self.owner_id, self.team, self.since or work.now)
        _check(owned, work.facts.directory, work.now)
        if not arrival.keys:
            text = "needs external_id, crm.lead_id, email or phone, by which the lead is known again"
            raise refused_at((), "no_identity", text)
        lead_id = prior.lead_id if prior else uuid7()
        self._take_acts(session, lead_id)
        if prior is not None and self._stays(prior):
            return self._leave(session, person, prior)
        request = DecisionRequest(
            kind="import",
            assignment_id=uuid7(),
            lead_id=lead_id,
            values=with_own_trigger(person.values, TRIGGER),
            owned=owned,
            possible_duplicates=person.possible,
        )
        if prior is not None:
            work.end(prior, "superseded")
        _, reply = session.decide(request, arrival.normalized, status=200 if prior else 201)
        identify(session, arrival, person, request.lead_id)
        count_arrival(session, arrival)
        session.received += prior is None
        if self.closed:
            _close(session, work.present[request.lead_id])
        return reply

    def _take_acts(self, session: DecisionSession, lead_id: str) -> None:
        """Take a yes with a time as a form does, and what the person wants no more from now on."""
        work = session.work
        granted = acts_of_lead(self.arrival.values, work.now, ACTOR)
        if granted:
            take_acts(work, lead_id, granted, ACTOR)
        closed = [
            each
            for type_, channel in self.withdrawn
            for each in act_of_event(
                type_, channel, None, ConsentAct(WITHDRAWS[type_], work.now, ACTOR, ACTOR)
            )
        ]
        for each in {lead_id, *leads_of_address(session, self.arrival)} if closed else ():
            take_acts(work, each, closed, ACTOR)

    def attributes(self) -> Mapping[str, Any]:
        """The custom attributes that the lead was sent with."""
        return self.arrival.values.get("attributes") or {}

    def _stays(self, prior: PriorAssignment) -> bool:
        return self.closed or prior.owner == self.owner_id or not self.move

    def _leave(self, session: DecisionSession, person: Person, prior: PriorAssignment) -> Reply:
        """The lead stays where it is, and has more keys from now on.

        A lead that was closed long ago does not change what is known about it today.
        """
        if not self.closed:
            identify(session, self.arrival, person, prior.lead_id)
        if self.closed or prior.owner == self.owner_id:
            return Reply(204, b"")
        return Reply(409, orjson.dumps({"lead_id": prior.lead_id}), kept=False)

    def identities(self) -> Sequence[LeadKey]:
        """The lead's keys, and its alias."""
        return self.arrival.look_ups


def _check(owned: ExistingOwnership, directory: Directory, now: datetime) -> None:
    owner = directory.owners.get(owned.owner)
    if owner is None:
        raise refused_at(("owner",), "unknown_owner", "names an owner that does not exist")
    if not owner.active:
        raise OwnerInactive()
    if owned.team is not None and owned.team not in directory.teams:
        raise refused_at(("team",), "unknown_team", "names a team that does not exist")
    if owned.since > now:
        raise refused_at(("assigned_at",), "in_the_future", "lies in the future")


def _close(session: DecisionSession, lead: CurrentLead) -> None:
    """The imported lead is done with."""
    session.work.close(lead)
    session.work.add_event(closing_event(lead.prior, session.work.now, ACTOR))
