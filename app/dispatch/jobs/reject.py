"""An owner gives a lead back; somebody disputes that; a turn is given back."""

from dataclasses import dataclass, field, replace
from datetime import UTC
from typing import Any

from app.dispatch.accounts import accounts_of_domain
from app.dispatch.decision_session import DecisionSession
from app.dispatch.jobs.base import request_again
from app.dispatch.preferences import stop_contacts
from app.dispatch.refunds import give_back
from app.dispatch.reported_events import Reporter, actor_id, refusal_of_former_owner
from app.engine.life.events import ReportedEvent
from app.engine.life.rejects import RejectRule
from app.engine.model.decision import DecisionRequest
from app.engine.selection.refunds import REVERSED
from app.errors import AlreadyTouched, Forbidden, refused_at
from app.ids import uuid7
from app.intake.suppressions import choose_suppression, domain_of
from app.plugins.port import PluginCall
from app.store.leads.current_leads import CurrentLead
from app.store.leads.histories import TrackedAssignment
from app.store.life.suppressions import RejectSuppression

REJECTED = "rejected"
REFUND_LIMIT = "refund_limit"


@dataclass(slots=True)
class Reject:
    """One reject being taken. `event_id` is the id of its event.

    `decision` is where the lead goes, `details` what `GET /assignments` shows of the reject.
    """

    session: DecisionSession
    lead: CurrentLead
    tracked: TrackedAssignment
    event: ReportedEvent
    event_id: str
    reporter: Reporter
    plugin: PluginCall
    decision: bytes | None = None
    details: dict[str, Any] = field(default_factory=dict)

    def take(self) -> None:
        """Bar the owner, give back what the reason refunds, and decide the lead again.

        Raises ValidationFailed for a reason that the plan does not have, Forbidden, AssignmentSuperseded and
        AlreadyTouched, and PluginResultMissing before anything is changed.
        """
        rejects = self.session.plan.rejects
        if self.event.reason is None:
            raise refused_at(("reason",), "required", "is required for a reject")
        rule = rejects.rules.get(self.event.reason)
        if rule is None:
            raise refused_at(("reason",), "not_allowed", "must be a reject reason of the active plan")
        self._check_owner()
        if self.tracked.touched_at is not None and not rejects.after_touch:
            raise AlreadyTouched(self.tracked.touched_at)
        request = self._request(rule) if self._is_current else None
        self.details = {"refunded": False}
        if rule.refund:
            self.details |= refund(self.session, self.tracked)
        self._suppress(rule)
        self._move(request)

    @property
    def _is_current(self) -> bool:
        return self.lead.prior.assignment_id == self.tracked.id

    def _check_owner(self) -> None:
        """Only the present owner rejects a lead, or a caller that is bound to no owner.

        A reject by a former owner comes too late, also when another caller reports it.
        """
        late = refusal_of_former_owner(self.session, self.event, self.lead, self.tracked, self.reporter)
        if late is not None:
            raise late
        by = actor_id(self.session, self.event)
        if self.reporter.owner_id is not None and by not in (None, self.tracked.owner_id):
            raise Forbidden("Only the owner of the lead can reject it.")

    def _request(self, rule: RejectRule) -> DecisionRequest:
        """The request to decide the lead again, without its owner."""
        owner, prior = self.tracked.owner_id, self.lead.prior
        barred = prior.barred | {owner} if owner is not None else prior.barred
        request = request_again(
            self.session,
            replace(self.lead, prior=replace(prior, barred=barred)),
            "reject",
            exclude=self.lead.exclude,
            to=rule.to,
            present_owner=owner,
            reject_reason=self.event.reason,
            attempt=self.tracked.attempt + 1,
        )
        return self.plugin.attach_results(request, self.session.plan, self.session.work.now)

    def _suppress(self, rule: RejectRule) -> None:
        if rule.suppress is None:
            return
        values = self.lead.values
        domain = domain_of(values)
        accounts = accounts_of_domain(self.session, domain) if domain is not None else ()
        choice = choose_suppression(rule.suppress, values, accounts)
        if choice is None:
            return
        entry = RejectSuppression(
            kind=choice.key.kind,
            value=choice.key.value,
            id=uuid7(),
            list=rule.list,
            actor=self.event.by or self.reporter.actor,
            at=self.session.work.now,
            assignment_id=self.tracked.id,
            event_id=self.event_id,
            code=choice.code,
        )
        self.session.work.suppress(entry)
        stop_contacts(self.session.work, self.lead.prior.lead_id)
        shown = {"id": entry.id, "kind": entry.kind, "list": entry.list, "code": entry.code}
        self.details["suppression"] = shown

    def _move(self, request: DecisionRequest | None) -> None:
        """The lead leaves its owner for good. One with a newer assignment stays there."""
        work = self.session.work
        if self.tracked.owner_id is not None:
            self.lead = work.bar(self.lead, self.tracked.owner_id)
        if request is None:
            work.end_tracked(self.tracked, REJECTED)
        else:
            self.decision = self.session.decide_again(request, self.lead).body


def refund(session: DecisionSession, tracked: TrackedAssignment) -> dict[str, Any]:
    """Give an owner their turn back, unless they have had the refunds of their day.

    Returns whether it was given back, and a code if not.
    """
    work, directory = session.work, session.work.facts.directory
    if tracked.owner_id is None or tracked.refunded:
        return {"refunded": False}
    owner = directory.owners.get(tracked.owner_id)
    today = work.now.astimezone(owner.zone if owner is not None else UTC).date()
    state, limit = work.snapshot.state, session.plan.rejects.max_refunds_per_day
    if limit is not None and state.refunds_on(tracked.owner_id, today) >= limit:
        return {"refunded": False, "code": REFUND_LIMIT}
    state.add_refund(tracked.owner_id, today)
    give_back(work, tracked, "refund")
    return {"refunded": True}


def dispute(session: DecisionSession, tracked: TrackedAssignment) -> str:
    """Open a dispute about a reject. Returns the effect of the event."""
    if tracked.end_cause != REJECTED or tracked.dispute is not None:
        return "none"
    tracked.dispute = "open"
    session.work.keep_reject(tracked)
    return "disputed"


def settle_dispute(
    session: DecisionSession, tracked: TrackedAssignment, result: str | None, reporter: Reporter
) -> str:
    """Settle it once. An overturned reject loses its refund and its suppression; the lead stays where it is.

    Returns the effect of the event. Raises Forbidden for the key of an owner.
    """
    if reporter.owner_id is not None:
        raise Forbidden("The key of an owner cannot settle a dispute.")
    if tracked.end_cause != REJECTED or tracked.dispute in ("upheld", "overturned") or result is None:
        return "none"
    tracked.dispute = result
    session.work.keep_reject(tracked)
    if result == "overturned":
        session.work.lift(tracked.id)
        if tracked.refunded:
            give_back(session.work, tracked, REVERSED)
    return "settled"
