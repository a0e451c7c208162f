"""A handoff that nobody could take is tried again."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from app.dispatch.decision_rows import numbered_actions
from app.dispatch.decision_session import DecisionSession
from app.dispatch.jobs.base import Job, Reply
from app.dispatch.jobs.handoff import hand_off
from app.dispatch.tracked import clock_that_runs


@dataclass(eq=False, slots=True)
class RetryHandoff(Job):
    """Hand a lead off as its event asked, if somebody can take it by now. Answers 204 when nobody can."""

    bulk: bool = True
    lead_id: str = field(kw_only=True)
    assignment_id: str = field(kw_only=True)

    def decide(self, session: DecisionSession) -> Reply:
        """Look at the clock again, then make the handoff and tell the first owner."""
        lead, work = session.find_lead(self.lead_id), session.work
        tracked, clock = clock_that_runs(session, self.lead_id, self.assignment_id, "handoff")
        if lead is None or tracked is None or clock is None or clock.next_at > work.now:
            return Reply(204, b"")
        made = hand_off(session, lead, tracked, clock.terms["event"], unattended=True)
        if made is None:
            return Reply(204, b"")
        told = f"{tracked.id}.handoff"
        work.add_actions(numbered_actions(told, tracked.lead_id, tracked.id, made.notices, work.now))
        return Reply(201, made.body)

    def lead_ids(self) -> Sequence[str]:
        """The lead."""
        return (self.lead_id,)

    def wants_history(self) -> bool:
        """The clock, and the handoffs that were made."""
        return True
