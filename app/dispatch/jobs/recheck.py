"""A lead that was decided without a provider is decided again, once, if nobody has touched it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from app.dispatch.accounts import find_account
from app.dispatch.decision_rows import numbered_actions
from app.dispatch.decision_session import DecisionSession
from app.dispatch.jobs.base import Job, Reply, request_again
from app.dispatch.refunds import give_back
from app.dispatch.tracked import clock_that_runs
from app.engine.life.clocks import Clock
from app.engine.life.rechecks import RECHECK, is_moved
from app.engine.model.accounts import AccountKey
from app.engine.model.decision import DecisionRequest
from app.engine.model.filled import FilledField, with_filled
from app.engine.model.lead_keys import SuppressionKey
from app.engine.pipeline.decide import decide
from app.intake.account_match import with_names
from app.intake.accounts import keys_of_lead
from app.intake.arrival import IncomingLead
from app.intake.filling import filled_from_account, shown_with, with_quality
from app.intake.suppressions import domain_keys, suppression_keys
from app.metrics.counters import RECHECKS
from app.store.leads.current_leads import CurrentLead
from app.store.leads.histories import TrackedAssignment


@dataclass(eq=False, slots=True)
class Recheck(Job):
    """Ask the providers again, and move the lead if another step or place takes it now.

    `incoming` is the lead as it is stored; None for one that was touched, about which nobody is asked.
    Answers 204 when the lead stays. Whatever comes of it, it is not tried again.
    """

    bulk: bool = True
    lead_id: str = field(kw_only=True)
    assignment_id: str = field(kw_only=True)
    incoming: IncomingLead | None = field(kw_only=True)

    def decide(self, session: DecisionSession) -> Reply:
        """Look at the clock again, and whether the lead is untouched."""
        lead, now = session.find_lead(self.lead_id), session.work.now
        tracked, clock = clock_that_runs(session, self.lead_id, self.assignment_id, RECHECK)
        if lead is None or tracked is None or clock is None or clock.next_at > now:
            return Reply(204, b"")
        if session.plan.enrichment is None or not _is_untouched(lead, tracked):
            return _stays(session, clock, "touched")
        request = self._request(session, lead, tracked)
        if not request.filled and request.suppression is None:
            return _stays(session, clock, "kept")
        request = self.plugin.attach_results(request, session.plan, now)
        decision = decide(request, session.plan, session.work.facts)
        place = (tracked.team_id, tracked.queue, tracked.path)
        if not is_moved(decision, tracked.step, tracked.owner_id, place):
            return _stays(session, clock, "kept")
        return _move(session, lead, tracked, clock, request)

    def _request(
        self, session: DecisionSession, lead: CurrentLead, tracked: TrackedAssignment
    ) -> DecisionRequest:
        """The lead with what providers say now."""
        request = self.prepared.attach(request_again(session, lead, RECHECK, exclude=lead.exclude))
        values = with_filled(lead.values, request.filled)
        account = find_account(session, values, lambda: with_names(keys_of_lead(values), lead.account_ids))
        filled: Mapping[str, FilledField] = request.filled
        if session.plan.enrichment is not None and account is not None:
            filled = {
                **filled,
                **filled_from_account(account.account, session.plan.enrichment, lead.values),
            }
        return replace(
            request,
            values=with_quality(lead.values, filled),
            filled=filled,
            account=account,
            present_owner=tracked.owner_id,
            suppression=session.find_suppression(self._keys_of(lead.values)),
        )

    def _keys_of(self, values: Mapping[str, object]) -> Sequence[SuppressionKey]:
        found = self.prepared.filled.get("website_domain")
        return (*suppression_keys(values), *(domain_keys(found.value) if found is not None else ()))

    def arriving(self) -> IncomingLead | None:
        """The lead as it is stored: preparers ask about it."""
        return self.incoming

    def suppression_keys(self) -> Sequence[SuppressionKey]:
        """The lead's address and its domain, and the domain that was found out about its company."""
        return self._keys_of(self.incoming.values) if self.incoming is not None else ()

    def account_keys(self) -> Sequence[AccountKey]:
        """The keys of the lead's account, with what was found out."""
        if self.incoming is None:
            return ()
        return keys_of_lead(with_filled(self.incoming.values, self.prepared.filled))

    def lead_ids(self) -> Sequence[str]:
        """The lead."""
        return (self.lead_id,)

    def wants_history(self) -> bool:
        """The clock."""
        return True


def _is_untouched(lead: CurrentLead, tracked: TrackedAssignment) -> bool:
    times = (tracked.accepted_at, tracked.touched_at, tracked.active_at)
    return lead.prior.assignment_id == tracked.id and all(each is None for each in times)


def _stays(session: DecisionSession, clock: Clock, result: str) -> Reply:
    clock.stop("met", session.work.now)
    session.work.keep_clock(clock)
    session.work.tally[RECHECKS, result] += 1
    return Reply(204, b"")


def _move(
    session: DecisionSession,
    lead: CurrentLead,
    tracked: TrackedAssignment,
    clock: Clock,
    request: DecisionRequest,
) -> Reply:
    """The owner gets the turn back, and is told that there is nothing left to do."""
    work = session.work
    clock.stop("met", work.now)
    work.keep_clock(clock)
    if tracked.owner_id is not None and not tracked.refunded:
        give_back(work, tracked, "refund")
    work.end(lead.prior, "superseded")
    _, reply = session.decide(
        request, shown_with(lead.normalized, request.values, request.filled), new_fields=True
    )
    if tracked.owner_id is not None:
        params = {"owner": tracked.owner_id, "code": RECHECK}
        cancel = {"type": "cancel_task", "params": params, "due_at": None}
        told = numbered_actions(f"{tracked.id}.recheck", tracked.lead_id, tracked.id, [cancel], work.now)
        work.add_actions(told)
    work.tally[RECHECKS, "moved"] += 1
    return reply
