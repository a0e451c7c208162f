"""A lead has waited in a queue for as long as the plan allows."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from app.dispatch.decision_session import DecisionSession
from app.dispatch.jobs.base import Job, Reply, request_again
from app.dispatch.tracked import clock_that_runs
from app.engine.life.queue_clocks import RETRY, due_at


@dataclass(eq=False, slots=True)
class LeaveQueue(Job):
    """Send a lead that nobody claimed to the place that its queue names.

    While nobody there can take it, it keeps its place and is offered again. Answers 204 when it stays.
    """

    bulk: bool = True
    lead_id: str = field(kw_only=True)
    assignment_id: str = field(kw_only=True)

    def decide(self, session: DecisionSession) -> Reply:
        """Look at the clock again, which may have moved, then offer the lead."""
        lead, now = session.find_lead(self.lead_id), session.work.now
        tracked, clock = clock_that_runs(session, self.lead_id, self.assignment_id, "max_wait")
        if lead is None or tracked is None or clock is None or lead.prior.assignment_id != tracked.id:
            return Reply(204, b"")
        queue = tracked.queue or ""
        if session.plan.terms_of(queue).max_wait is None:
            session.work.stop_clocks(tracked, ("max_wait",), "withdrawn", now)
            return Reply(204, b"")
        clock.due_at = clock.next_at = due_at(clock, session.work.facts.directory)
        if clock.due_at <= now:
            request = request_again(session, lead, "max_wait", exclude=lead.exclude, queue=queue)
            reply = session.offer(request, lead)
            if reply is not None:
                return reply
            clock.next_at = now + RETRY
        session.work.keep_clock(clock)
        return Reply(204, b"")

    def lead_ids(self) -> Sequence[str]:
        """The lead."""
        return (self.lead_id,)

    def wants_history(self) -> bool:
        """The clock."""
        return True
