"""A person who is already a lead does something."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import orjson

from app.dispatch.decision_rows import with_ids
from app.dispatch.decision_session import DecisionSession
from app.dispatch.jobs.base import Reply, request_again
from app.dispatch.jobs.event_job import EventJob
from app.dispatch.reported_events import event_row
from app.engine.explain import sentences
from app.engine.followup.notices import notice
from app.engine.life.signals import Signals, in_window, rises, with_engagement
from app.engine.model.decision import DecisionRequest
from app.engine.model.directory import Owner
from app.engine.pipeline.after_event import band_of
from app.errors import NotFound
from app.ids import uuid7
from app.store.leads.current_leads import CurrentLead
from app.store.leads.histories import TrackedAssignment

_UNOWNED = frozenset(("queued", "automated"))
"""The states of leads that are decided again when their band rises."""


@dataclass(eq=False, slots=True)
class TakeSignal(EventJob):
    """Add engagements to a lead, tell its owner, or decide a lead without one again."""

    engagement: Sequence[Mapping[str, Any]] = field(kw_only=True)

    def decide(self, session: DecisionSession) -> Reply:
        """Take the signal. Raises NotFound for an unknown person, AmbiguousAssignment or EventIdReused."""
        earlier = self.earlier_reply(session)
        if earlier is not None:
            return earlier
        lead = session.get_lead(self.lead_id(session))
        tracked = session.find_assignment(lead.prior.lead_id, lead.prior.assignment_id)
        if tracked is None:
            raise NotFound("There is no such lead.")
        engagement = [{"at": session.work.now, **each} for each in self.engagement]
        return _Signal(self, session, lead, tracked, engagement).take()


@dataclass(slots=True)
class _Signal:
    """One signal being taken."""

    job: TakeSignal
    session: DecisionSession
    lead: CurrentLead
    tracked: TrackedAssignment
    engagement: Sequence[Mapping[str, Any]]
    effect: str = "none"
    actions: list[Mapping[str, Any]] = field(default_factory=list)
    decision: bytes | None = None

    def take(self) -> Reply:
        values = with_engagement(self.lead.values, self.engagement)
        signals = self._added()
        owner = self._owner()
        request = self._request(values)
        # Before anything is changed, for it may turn out that plugins must be called first.
        band = None if owner is not None else self._risen(signals, request)
        if band is not None:
            request = self.job.plugin.attach_results(request, self.session.plan, self.session.work.now)
        self.session.work.keep_signals(self.lead, values, signals)
        if owner is not None:
            self._tell(owner, values, signals)
        elif band is not None:
            self._decide(request, values, signals, band)
        return self._reply()

    def _added(self) -> Signals:
        """The signals of the lead with this one. The band is that of the lead before its first signal."""
        before = self.lead.signals
        engagement = [*self.engagement, *before.engagement]
        if before.of == self.lead.prior.assignment_id:
            return replace(before, engagement=engagement, untold=before.untold + 1)
        band = band_of(self._request(self.lead.values), self.session.plan, self.session.work.facts)
        of = self.lead.prior.assignment_id
        return replace(before, engagement=engagement, untold=1, told_at=None, of=of, band=band)

    def _owner(self) -> Owner | None:
        prior = self.lead.prior
        owner = self.session.work.facts.directory.owners.get(prior.owner or "")
        return owner if prior.state == "assigned" and owner is not None and owner.active else None

    def _request(self, values: Mapping[str, Any]) -> DecisionRequest:
        prior, exclude = self.lead.prior, self.lead.exclude
        return request_again(
            self.session, self.lead, "signal", values=values, exclude=exclude, place=prior.place
        )

    def _risen(self, signals: Signals, request: DecisionRequest) -> str | None:
        """The band of a lead without an owner, if it has risen and no signal made it decided lately."""
        plan, facts = self.session.plan, self.session.work.facts
        if self.lead.prior.state not in _UNOWNED:
            return None
        if in_window(signals.decided_at, facts.now, plan.life.signal_window):
            return None
        band = band_of(request, plan, facts)
        return band if rises(signals.band, band, plan.life.band_levels) else None

    def _tell(self, owner: Owner, values: Mapping[str, Any], signals: Signals) -> None:
        """Tell the owner, unless they were told lately."""
        now = self.session.work.now
        if in_window(signals.told_at, now, self.session.plan.life.signal_window):
            return
        text = sentences.active_again(signals.untold)
        self.actions.append(notice(owner, "signal", text, count=signals.untold))
        self.session.work.keep_signals(self.lead, values, replace(signals, untold=0, told_at=now))
        self.effect = "told"

    def _decide(
        self, request: DecisionRequest, values: Mapping[str, Any], signals: Signals, band: str
    ) -> None:
        reply = self.session.decide_again(request, self.lead)
        self.effect, self.decision = "decided", reply.body
        lead = self.session.get_lead(self.lead.prior.lead_id)
        now = self.session.work.now
        of = lead.prior.assignment_id
        kept = replace(signals, engagement=(), of=of, band=band, untold=0, decided_at=now)
        self.session.work.keep_signals(lead, values, kept)

    def _reply(self) -> Reply:
        job, work = self.job, self.session.work
        row = event_row(uuid7(), job.event, self.tracked, job.reporter, work.now)
        body = {
            "event_id": row.id,
            "assignment_id": self.tracked.id,
            "lead_id": self.tracked.lead_id,
            "effect": self.effect,
            "actions": with_ids(row.id, self.actions),
            "decision": orjson.loads(self.decision) if self.decision is not None else None,
            "replayed": False,
        }
        answer = orjson.dumps(body, option=orjson.OPT_UTC_Z)
        row.effect, row.status, row.response, row.body_hash = self.effect, 200, answer.decode(), job.body_hash
        row.details = {"engagement": list(self.engagement)}
        work.add_event(row)
        work.offer_actions(row, self.actions)
        return Reply(200, answer, lead_id=self.tracked.lead_id)
