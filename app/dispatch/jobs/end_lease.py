"""The lease of a claim ends: a lead that its owner did not touch returns to its queue."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from app.dispatch.claimed_leads import return_to_queue
from app.dispatch.decision_session import DecisionSession
from app.dispatch.jobs.base import Job, Reply
from app.dispatch.tracked import clock_that_runs
from app.engine.life.queue_clocks import due_at


@dataclass(eq=False, slots=True)
class EndLease(Job):
    """Take a claimed lead back, if its lease has ended and nobody touched it.

    The owner cannot claim it again unless they ask for it. Answers 204 when there is nothing to do.
    """

    bulk: bool = True
    lead_id: str = field(kw_only=True)
    assignment_id: str = field(kw_only=True)

    def decide(self, session: DecisionSession) -> Reply:
        """Look at the clock again, which may have moved, then take the lead back."""
        lead = session.find_lead(self.lead_id)
        tracked, clock = clock_that_runs(session, self.lead_id, self.assignment_id, "lease")
        if lead is None or tracked is None or clock is None:
            return Reply(204, b"")
        due = due_at(clock, session.work.facts.directory)
        if due > session.work.now:
            clock.due_at = clock.next_at = due
            session.work.keep_clock(clock)
            return Reply(204, b"")
        if lead.prior.assignment_id != tracked.id:
            session.work.stop_clocks(tracked, ("lease",), "withdrawn", session.work.now)
            return Reply(204, b"")
        lead = session.work.bar(lead, tracked.owner_id or "")
        return return_to_queue(session, lead, tracked, "lease_ended")

    def lead_ids(self) -> Sequence[str]:
        """The lead."""
        return (self.lead_id,)

    def wants_history(self) -> bool:
        """The place in the queue that the lead had."""
        return True
