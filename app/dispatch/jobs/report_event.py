"""A caller reports what happened to an assignment."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NoReturn

import orjson

from app.dispatch.decision_rows import with_ids
from app.dispatch.decision_session import NO_ASSIGNMENT, DecisionSession
from app.dispatch.jobs.base import IdempotencyKey, Reply
from app.dispatch.jobs.event_job import EventAddress as EventAddress
from app.dispatch.jobs.event_job import EventJob
from app.dispatch.jobs.handoff import hand_off
from app.dispatch.jobs.reject import REJECTED, Reject, dispute, refund, settle_dispute
from app.dispatch.preferences import withdraw
from app.dispatch.reported_clocks import postpone_touch, withdraw_misses, working_seconds
from app.dispatch.reported_events import (
    Reporter,
    event_actions,
    event_row,
    refusal_of,
    refusal_of_former_owner,
)
from app.engine.life.event_table import EventKind, event_kind
from app.engine.life.events import ReportedEvent, actor_of
from app.engine.life.preferences import WITHDRAWS, ConsentAct, act_of_event, channels_of_event
from app.engine.life.sales import SALE_TYPES, Sale
from app.engine.model.directory import Owner
from app.errors import AmbiguousAssignment, Conflict, Forbidden, NotFound, refused_at
from app.ids import uuid7
from app.plugins.port import PluginCall
from app.store.leads.current_leads import CurrentLead
from app.store.leads.histories import TrackedAssignment
from app.store.life.events import AmendedEvent, EarlierEvent, EventRow

_OF_A_REJECT = ("disputed", "dispute_settled")
_OF_THE_OWNER = ("accepted", "snoozed")
"""Orders of the present owner. Rejects have checks of their own.

A lead may be closed by others, but not by a former owner who does not say that they mean the next one's.
"""


@dataclass(eq=False, slots=True)
class ReportEvent(EventJob):
    """Record an event, and do what it means to its assignment.

    If it `amends`, it takes the place of an earlier one with its id: of several the one that was said last
    counts, in whatever order they come.
    """

    amends: bool = field(default=False, kw_only=True)

    def decide(self, session: DecisionSession) -> Reply:
        """Take a fact, or follow an order.

        Raises NotFound for an unknown assignment or lead, AmbiguousAssignment, ValidationFailed,
        EventIdReused, Forbidden for an assignment that the owner of the key sees and does not have, and
        AssignmentSuperseded or AlreadyClosed for an order about an assignment that is not open.
        """
        if self.reporter.owner_id is not None:  # before a repeat: it may be that of another caller
            self._find(session)
        known = self.earlier(session)
        if self.amends and known is not None and known.body_hash != self.body_hash:
            return self._amend(session, known)
        earlier = self.earlier_reply(session)
        if earlier is not None:
            return earlier
        self._check_times(session)
        lead, tracked = self._find(session)
        report = Report(
            session, lead, tracked, self.event, self.reporter, self.body_hash, self.plugin, self.key
        )
        report.by_lead = self.address.assignment_id is None
        return report.take()

    def reject_reason(self) -> str | None:
        """The reason of a reject."""
        return self.event.reason if self.event.type == REJECTED else None

    def withdraws(self) -> bool:
        """The event may withdraw a consent."""
        return self.event.type in WITHDRAWS

    def frees_owners(self) -> bool:
        """An event can close an assignment."""
        return True

    def deal_refs(self) -> Sequence[str]:
        """The deal of a sale."""
        sale = self.event.type in SALE_TYPES and self.event.ref is not None
        return (self.event.ref,) if sale and self.event.ref is not None else ()

    def _amend(self, session: DecisionSession, known: EarlierEvent) -> Reply:
        """Let the earlier event say what this one does, unless that was said before it."""
        answer = self.repeated(known.status, known.response)
        said_at = self.event.at or session.work.now
        if self.event.id is None or (known.said_at is not None and said_at < known.said_at):
            return answer
        amended = AmendedEvent(
            known.id, known.lead_id, said_at, self.event.for_at, self.event.note, self.body_hash
        )
        session.work.amend_event(self.reporter.source, self.event.id, known, amended)
        tracked = session.find_assignment(session.survivor_of(known.lead_id), known.assignment_id)
        if tracked is not None and tracked.open and self.event.for_at is not None:
            # A meeting that was moved to an earlier time keeps the lead busy until then, and no longer.
            tracked.idle_from = max(tracked.active_at or tracked.decided_at, self.event.for_at)
            session.work.progress(tracked)
        return answer

    def _check_times(self, session: DecisionSession) -> None:
        now, longest = session.work.now, session.plan.life.max_snooze
        if self.event.is_after(now):
            raise refused_at(("at",), "in_the_future", "lies in the future")
        until = self.event.until if self.event.type == "snoozed" else None
        if until is not None and not now < until <= now + longest:
            raise refused_at(("until",), "out_of_range", "must lie ahead, within the plan's max_snooze")

    def _find(self, session: DecisionSession) -> tuple[CurrentLead, TrackedAssignment]:
        bound = self.reporter.owner_id
        if self.address.assignment_id is not None:
            lead_id, assignment_id = session.stored.assignments.get(self.address.assignment_id, ("", ""))
            tracked = session.find_assignment(lead_id, assignment_id)
            if tracked is None:
                raise NotFound(NO_ASSIGNMENT)
            if session.survivor_of(lead_id) == lead_id:
                return session.get_seen(lead_id, bound, NO_ASSIGNMENT), tracked
            lead = session.get_seen(session.survivor_of(lead_id), bound, NO_ASSIGNMENT)
            return lead, self._of_lead(session, session.history(lead.prior.lead_id), lead)
        lead = session.get_seen(session.survivor_of(self.lead_id(session)), bound)
        return lead, self._of_lead(session, session.history(lead.prior.lead_id), lead)

    def _of_lead(
        self, session: DecisionSession, history: Sequence[TrackedAssignment], lead: CurrentLead
    ) -> TrackedAssignment:
        """The open assignment of `by`, else the newest open one, else the newest.

        A dispute is about the newest reject.
        """
        if not history:
            raise NotFound(NO_ASSIGNMENT)
        rejects = [each for each in history if each.end_cause == REJECTED]
        if rejects and self.event.type in _OF_A_REJECT:
            return rejects[-1]
        open_ = [each for each in history if each.open]
        if self.event.by is not None:
            by = actor_of(self.event, None, session.work.facts.directory)
            own = [each for each in open_ if by is not None and each.owner_id == by.id]
            open_ = own or open_
        elif len(open_) > 1:
            raise AmbiguousAssignment([each.id for each in open_], "assignment_ids")
        if open_:
            return open_[-1]
        return session.find_assignment(lead.prior.lead_id, lead.prior.assignment_id) or history[-1]


@dataclass(slots=True)
class Report:
    """One event being taken: what it is about, and what follows from it.

    `by_lead` says that it names the lead and not the assignment.
    """

    session: DecisionSession
    lead: CurrentLead
    tracked: TrackedAssignment
    event: ReportedEvent
    reporter: Reporter
    body_hash: str
    plugin: PluginCall
    key: IdempotencyKey | None = None
    by_lead: bool = False
    row_id: str = field(default_factory=uuid7)
    effect: str = "none"
    decision: bytes | None = None
    actions: list[Mapping[str, Any]] = field(default_factory=list)
    withheld: list[Mapping[str, Any]] = field(default_factory=list)
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def now(self) -> datetime:
        """The time of the commit group."""
        return self.session.work.now

    @property
    def happened_at(self) -> datetime:
        """When it happened as far as the assignment goes: not before its start, and not in the future."""
        at = self.event.at
        if at is None or self.event.day_only:
            return self.now
        return min(max(at, self.tracked.decided_at), self.now)

    @property
    def actor(self) -> Owner | None:
        """The active owner who did it."""
        return actor_of(self.event, self.tracked.owner_id, self.session.work.facts.directory)

    @property
    def state(self) -> str:
        """The state of the assignment: open, closed or superseded."""
        if self.tracked.open:
            return "open"
        after, prior = self.tracked.state_after, self.lead.prior
        if after == "closed" or prior.assignment_id != self.tracked.id:
            return after
        return "closed" if prior.state == "closed" else "open"

    def take(self) -> Reply:
        """Record the event with what it does, and answer."""
        kind = event_kind(self.event.type)
        self._check_bound()
        self._withdraw()
        if self.event.precedes(self.tracked.decided_at):
            return self._as_history()
        if kind.order:
            self._check_order()
        news = self._take_sale()
        if news:
            after = event_actions(self.session, self.lead, self.tracked, self.event.type)
            self.actions += after.actions
            self.withheld += after.withheld_actions
        if self.event.type in _OF_A_REJECT:
            self._dispute()
        elif self.event.type == REJECTED:
            self._reject()
        elif self.state == "open":
            self._apply(kind, self.actor)
        return self._reply()

    def _as_history(self) -> Reply:
        """An event older than its assignment belongs to the one that was open then, and moves nothing."""
        at = self.event.at or self.now
        for each in self.session.history(self.lead.prior.lead_id):
            if each.decided_at <= at and (each.ended_at is None or at < each.ended_at):
                self.tracked = each
        self._take_sale()
        self.effect = "history"
        return self._reply()

    def _check_bound(self) -> None:
        """Raises Forbidden for an assignment that the owner of the key sees and does not have."""
        bound_to = self.reporter.owner_id
        if bound_to is not None and bound_to != self.tracked.owner_id:
            raise Forbidden("Only the owner of the assignment can do this.")

    def _withdraw(self) -> None:
        """The person wants no more of something. That holds for any age and state of the assignment."""
        state = WITHDRAWS.get(self.event.type)
        if state is None:
            return
        at = min(self.event.at or self.now, self.now)
        act = ConsentAct(state, at, f"event:{self.event.type}", self.reporter.actor)
        acts = act_of_event(self.event.type, self.event.channel, self.event.topic, act)
        withdraw(self.session, self.lead.prior.lead_id, acts, self.reporter.actor)
        closed = {"closes": channels_of_event(self.event.type, self.event.channel), "topic": self.event.topic}
        self.details = {**self.details, **{name: each for name, each in closed.items() if each}}

    def _check_order(self) -> None:
        """Raises AssignmentSuperseded or AlreadyClosed."""
        if self.state != "open":
            self._refuse()
        if self.event.type in _OF_THE_OWNER or (self.event.type == "closed" and self.by_lead):
            late = refusal_of_former_owner(self.session, self.event, self.lead, self.tracked, self.reporter)
            if late is not None:
                self._refuse_as(late)

    def _take_sale(self) -> bool:
        """Count a sale. Returns whether the event says something new: a sale that is repeated does not."""
        event = self.event
        if event.type not in SALE_TYPES:
            return True
        sale = Sale(event.type, event.ref, event.amount, event.currency)
        self.effect = self.session.take_sale(self.lead.prior.lead_id, sale)
        return self.effect in ("counted", "reversed")

    def _apply(self, kind: EventKind, actor: Owner | None) -> None:
        if self.event.type in _OF_THE_OWNER and self.tracked.owner_id is None:
            return
        if kind.order or (kind.human and actor is not None):
            self._work_on(kind)
        if kind.effect != "none" and (kind.order or actor is not None):
            self.effect = kind.effect
        if kind.refunds:
            self.details |= refund(self.session, self.tracked)
        unattended = self.reporter.unattended
        decided = hand_off(self.session, self.lead, self.tracked, self.event.type, unattended=unattended)
        if decided is not None:
            self.effect, self.decision = "handed_off", decided.body
            self.actions += decided.notices
        elif self.event.type == "closed" or self.event.type in self.session.plan.life.close_on:
            self.session.close(self.tracked, "closed")
            self.effect = "closed"
        self.lead = self.session.get_lead(self.lead.prior.lead_id)

    def _reject(self) -> None:
        """The owner gives the lead back. A refusal is recorded as a note. Raises it."""
        reject = Reject(
            self.session, self.lead, self.tracked, self.event, self.row_id, self.reporter, self.plugin
        )
        try:
            reject.take()
        except Conflict as problem:
            self._refuse_as(problem)
        self.effect, self.decision, self.details = REJECTED, reject.decision, reject.details
        self.lead = self.session.get_lead(self.lead.prior.lead_id)

    def _dispute(self) -> None:
        if self.event.type == "disputed":
            self.effect = dispute(self.session, self.tracked)
        else:
            self.details = {"result": self.event.result}
            self.effect = settle_dispute(self.session, self.tracked, self.event.result, self.reporter)

    def _work_on(self, kind: EventKind) -> None:
        """Somebody works on the lead: clocks stop, and it is not idle."""
        tracked, at = self.tracked, self.happened_at
        tracked.active_at = max(at, tracked.active_at or at)
        waits_until = (self.event.for_at, self.event.until, tracked.idle_from)
        tracked.idle_from = max([at, *(each for each in waits_until if each is not None)])
        if kind.touches:
            tracked.touched_at = tracked.touched_at or at
        if kind.touches or self.event.type == "accepted":
            tracked.accepted_at = tracked.accepted_at or at
        self.session.work.stop_clocks(tracked, kind.stops, "met", at)
        if self.event.type == "snoozed" and self.event.until is not None:
            postpone_touch(self.session.work, tracked, self.event.until)
        self.session.work.progress(tracked)

    def _refuse(self) -> None:
        """Record an order that comes too late as a note. Raises its refusal."""
        withdraw_misses(self.session.work, self.tracked, self.event, event_kind(self.event.type))
        self._refuse_as(refusal_of(self.state, self.tracked, self.lead.prior, self.reporter))

    def _refuse_as(self, problem: Conflict) -> NoReturn:
        self.effect = "refused"
        body = orjson.dumps({"code": problem.code, **problem.members})
        self._record(self._row(), 409, body)
        if self.key is not None:
            self.session.work.keep_reply(self.key, Reply(409, body, lead_id=self.lead.prior.lead_id))
        raise problem

    def _reply(self) -> Reply:
        work, kind = self.session.work, event_kind(self.event.type)
        if not kind.touches or self.actor is not None:
            withdraw_misses(work, self.tracked, self.event, kind)
        seconds = working_seconds(work, self.tracked, self.happened_at) if kind.touches else None
        row = self._row()
        body: dict[str, Any] = {
            "event_id": row.id,
            "assignment_id": self.tracked.id,
            "lead_id": self.lead.prior.lead_id,
            "type": self.event.type,
            "state": self.state,
            "effect": self.effect,
            "refunded": self.details.get("refunded", False),
            "code": self.details.get("code"),
            "suppression": self.details.get("suppression"),
            "working_seconds": seconds,
            "actions": with_ids(row.id, self.actions),
            "decision": orjson.loads(self.decision) if self.decision is not None else None,
            "replayed": False,
        }
        if self.withheld:
            body["withheld_actions"] = self.withheld
            self.details = {**self.details, "withheld_actions": self.withheld}
        answer = orjson.dumps(body, option=orjson.OPT_UTC_Z)
        self._record(row, 200, answer)
        self.session.work.offer_actions(row, self.actions, answered=not self.reporter.unattended)
        return Reply(200, answer, lead_id=self.lead.prior.lead_id)

    def _row(self) -> EventRow:
        row = event_row(self.row_id, self.event, self.tracked, self.reporter, self.now)
        actor = self.actor if self.event.by is not None else None
        row.by_id = actor.id if actor is not None else row.by_id
        return row

    def _record(self, row: EventRow, status: int, response: bytes) -> None:
        row.effect, row.status, row.response, row.details = (
            self.effect,
            status,
            response.decode(),
            self.details,
        )
        row.body_hash = self.body_hash
        self.session.work.add_event(row)
