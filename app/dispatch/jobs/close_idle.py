"""A lead on which nobody works is closed."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from app.dispatch.decision_rows import closing_event
from app.dispatch.decision_session import DecisionSession
from app.dispatch.jobs.base import Job, Reply
from app.dispatch.reported_events import event_actions
from app.plan.language.event_types import IDLE
from app.store.leads.histories import TrackedAssignment

ACTOR = "worker"


@dataclass(eq=False, slots=True)
class CloseIdle(Job):
    """Close an assignment that has been idle as long as the plan allows, at the earliest since `since`."""

    bulk: bool = True
    lead_id: str = field(kw_only=True)
    assignment_id: str = field(kw_only=True)
    since: datetime = field(kw_only=True)

    def decide(self, session: DecisionSession) -> Reply:
        """Close it. Answers 204 when somebody has worked on it, or it has ended."""
        tracked = session.find_assignment(self.lead_id, self.assignment_id)
        lead = session.find_lead(self.lead_id)
        if lead is None or tracked is None or not self._is_idle(session, tracked):
            return Reply(204, b"")
        after = event_actions(session, lead, tracked, IDLE)
        session.close(tracked, "idle")
        row = closing_event(lead.prior, session.work.now, ACTOR)
        row.assignment_id, row.reason = tracked.id, IDLE
        if after.withheld_actions:
            row.details = {"withheld_actions": after.withheld_actions}
        session.work.add_event(row)
        session.work.offer_actions(row, after.actions, answered=False)
        return Reply(200, b"{}")

    def lead_ids(self) -> Sequence[str]:
        """The lead."""
        return (self.lead_id,)

    def wants_history(self) -> bool:
        """The lead's assignments."""
        return True

    def _is_idle(self, session: DecisionSession, tracked: TrackedAssignment) -> bool:
        longest = session.plan.life.close_idle
        if longest is None or not tracked.open or tracked.owner_id is None:
            return False
        idle_from = max(self.since, tracked.idle_from or tracked.decided_at)
        return session.work.now - idle_from >= longest
