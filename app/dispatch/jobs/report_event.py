"""A caller reports what happened to an assignment."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson

from app.dispatch.decision_session import DecisionSession
from app.dispatch.jobs.base import Job, Reply
from app.dispatch.reported_events import Reporter, event_row, refusal_from_json, refusal_of
from app.engine.life.event_table import EventKind, event_kind
from app.engine.life.events import TOLERANCE, ReportedEvent, actor_of
from app.engine.model.directory import Owner
from app.engine.model.lead_keys import LeadKey
from app.errors import AmbiguousAssignment, EventIdReused, NotFound, refused_at
from app.store.leads.current_leads import CurrentLead
from app.store.leads.histories import TrackedAssignment
from app.store.life.events import EventRow


@dataclass(frozen=True, slots=True)
class EventAddress:
    """The assignment of an event: by its id, or by its lead's id or keys."""

    assignment_id: str | None = None
    lead_id: str | None = None
    keys: tuple[LeadKey, ...] = ()


@dataclass(eq=False, slots=True)
class ReportEvent(Job):
    """Record an event, and do what it means to its assignment."""

    event: ReportedEvent = field(kw_only=True)
    address: EventAddress = field(kw_only=True)
    reporter: Reporter = field(kw_only=True)
    body_hash: str = field(kw_only=True)

    def decide(self, session: DecisionSession) -> Reply:
        """Take a fact, or follow an order.

        Raises NotFound for an unknown assignment or lead, AmbiguousAssignment, ValidationFailed,
        EventIdReused, and AssignmentSuperseded or AlreadyClosed for an order about an assignment that is not
        open.
        """
        earlier = self._earlier_reply(session)
        if earlier is not None:
            return earlier
        now = session.work.now
        if self.event.at is not None and self.event.at > now + TOLERANCE:
            raise refused_at(("at",), "in_the_future", "lies in the future")
        lead, tracked = self._find(session)
        report = Report(session, lead, tracked, self.event, self.reporter, self.body_hash)
        return report.take()

    def assignment_ids(self) -> Sequence[str]:
        """The assignment."""
        return (self.address.assignment_id,) if self.address.assignment_id is not None else ()

    def lead_ids(self) -> Sequence[str]:
        """The lead."""
        return (self.address.lead_id,) if self.address.lead_id is not None else ()

    def identities(self) -> Sequence[LeadKey]:
        """The keys of the lead."""
        return self.address.keys

    def wants_history(self) -> bool:
        """The lead's assignments."""
        return True

    def event_ids(self) -> Sequence[tuple[str, str]]:
        """The source and the id of the event."""
        return ((self.reporter.source, self.event.id),) if self.event.id is not None else ()

    def _earlier_reply(self, session: DecisionSession) -> Reply | None:
        """The reply to the same event before. A refused event is refused again."""
        if self.event.id is None:
            return None
        earlier = session.earlier_event(self.reporter.source, self.event.id)
        if earlier is None:
            return None
        if earlier.body_hash != self.body_hash:
            raise EventIdReused
        body = orjson.loads(earlier.response)
        if earlier.status != 200:
            raise refusal_from_json(body)
        return Reply(200, orjson.dumps({**body, "replayed": True}), replayed=True)

    def _find(self, session: DecisionSession) -> tuple[CurrentLead, TrackedAssignment]:
        if self.address.assignment_id is not None:
            found = session.stored.assignments.get(self.address.assignment_id)
            if found is None:
                raise NotFound("There is no such assignment.")
            lead_id, assignment_id = found
            tracked = next((each for each in session.history(lead_id) if each.id == assignment_id), None)
            if tracked is None:
                raise NotFound("There is no such assignment.")
            return session.get_lead(lead_id), tracked
        lead = session.get_lead(self._lead_id(session))
        return lead, self._of_lead(session.history(lead.prior.lead_id), lead)

    def _lead_id(self, session: DecisionSession) -> str:
        if self.address.lead_id is not None:
            return self.address.lead_id
        matches = [session.found.matches.get(key, ()) for key in self.address.keys]
        ids = {id_ for found in matches for id_ in found}
        if len(ids) != 1:
            if ids:
                raise AmbiguousAssignment(sorted(ids), "lead_ids")
            raise NotFound("There is no such lead.")
        return ids.pop()

    def _of_lead(self, history: Sequence[TrackedAssignment], lead: CurrentLead) -> TrackedAssignment:
        """The open assignment of `by`, else the newest open one, else the newest."""
        if not history:
            raise NotFound("There is no such assignment.")
        open_ = [each for each in history if each.open]
        by = self.event.by
        if by is not None:
            own = [each for each in open_ if each.owner_id == by]
            open_ = own or open_
        elif len(open_) > 1:
            raise AmbiguousAssignment([each.id for each in open_], "assignment_ids")
        if open_:
            return open_[-1]
        current = (each for each in history if each.id == lead.prior.assignment_id)
        return next(current, history[-1])


@dataclass(slots=True)
class Report:
    """One event being taken: what it is about, and what follows from it."""

    session: DecisionSession
    lead: CurrentLead
    tracked: TrackedAssignment
    event: ReportedEvent
    reporter: Reporter
    body_hash: str
    effect: str = "none"
    decision: bytes | None = None
    actions: list[dict[str, Any]] = field(default_factory=list)
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def now(self) -> datetime:
        """The time of the commit group."""
        return self.session.work.now

    @property
    def state(self) -> str:
        """The state of the assignment: open, closed or superseded."""
        if self.tracked.open:
            return "open"
        if self.tracked.end_cause in ("closed", "idle"):
            return "closed"
        prior = self.lead.prior
        if prior.assignment_id == self.tracked.id:
            return "closed" if prior.state == "closed" else "open"
        return "superseded"

    def take(self) -> Reply:
        """Record the event with what it does, and answer."""
        kind = event_kind(self.event.type)
        if self.event.precedes(self.tracked.decided_at):
            return self._as_history()
        if self.state != "open":
            if kind.order:
                self._refuse()
            return self._reply()
        actor = actor_of(self.event, self.tracked.owner_id, self.session.work.facts.directory)
        self._apply(kind, actor)
        return self._reply()

    def _as_history(self) -> Reply:
        """An event older than its assignment belongs to the one that was open then, and moves nothing."""
        at = self.event.at or self.now
        for each in self.session.history(self.lead.prior.lead_id):
            if each.decided_at <= at and (each.ended_at is None or at < each.ended_at):
                self.tracked = each
        self.effect = "history"
        return self._reply()

    def _apply(self, kind: EventKind, actor: Owner | None) -> None:
        human = kind.human and (actor is not None or not kind.touches)
        if human:
            self._work_on(kind)
        if kind.ends is not None:
            self._close(kind.ends)
        if kind.effect != "touched" or human:
            self.effect = kind.effect

    def _work_on(self, kind: EventKind) -> None:
        """Somebody works on the lead: clocks stop, and it is not idle."""
        tracked, now = self.tracked, self.now
        tracked.active_at = now
        tracked.idle_from = max(now, tracked.idle_from or now, self.event.for_at or now)
        if kind.touches and tracked.touched_at is None:
            tracked.touched_at = now
        if kind.touches or self.event.type == "accepted":
            tracked.accepted_at = tracked.accepted_at or now
        self.session.work.stop_clocks(tracked, kind.stops, "met", now)
        self.session.work.progress(tracked)

    def _close(self, cause: str) -> None:
        work = self.session.work
        if self.lead.prior.assignment_id == self.tracked.id:
            work.close(self.lead, cause)
        else:
            work.end_tracked(self.tracked, cause)

    def _refuse(self) -> None:
        """Record an order that comes too late as a note. Raises its refusal."""
        problem = refusal_of(self.state, self.tracked, self.lead.prior, self.reporter)
        self.effect = "refused"
        self._record(409, orjson.dumps({"code": problem.code, **problem.members}).decode())
        raise problem

    def _reply(self) -> Reply:
        row_id = self._record(200, None)
        body: dict[str, Any] = {
            "event_id": row_id.id,
            "assignment_id": self.tracked.id,
            "lead_id": self.lead.prior.lead_id,
            "type": self.event.type,
            "state": self.state,
            "effect": self.effect,
            "actions": self.actions,
            "decision": orjson.loads(self.decision) if self.decision is not None else None,
            "replayed": False,
        }
        answer = orjson.dumps(body, option=orjson.OPT_UTC_Z)
        row_id.response = answer.decode()
        return Reply(200, answer)

    def _record(self, status: int, response: str | None) -> EventRow:
        row = event_row(self.event, self.tracked, self.reporter, self.now)
        row.effect, row.status, row.response, row.details = self.effect, status, response, self.details
        row.body_hash = self.body_hash
        self.session.work.add_event(row)
        return row
