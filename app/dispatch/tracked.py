"""Looking up one assignment, and one of its clocks, among the tracked ones of a commit group."""

from app.dispatch.decision_session import DecisionSession
from app.engine.life.clocks import Clock, ClockKind
from app.store.leads.histories import TrackedAssignment


def clock_that_runs(
    session: DecisionSession, lead_id: str, assignment_id: str, kind: ClockKind
) -> tuple[TrackedAssignment | None, Clock | None]:
    """An open assignment and its clock of this kind, if the clock still runs."""
    tracked = session.find_assignment(lead_id, assignment_id)
    clock = tracked.clocks.get(kind) if tracked is not None and tracked.open else None
    return tracked, clock if clock is not None and clock.state == "pending" else None
