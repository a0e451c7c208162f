"""An owner gives a claimed lead back."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from app.dispatch.claimed_leads import return_to_queue
from app.dispatch.decision_session import NO_ASSIGNMENT, DecisionSession
from app.dispatch.jobs.base import Job, Reply
from app.dispatch.reported_events import Reporter, refusal_of
from app.errors import AssignmentSuperseded, Forbidden, NotClaimed, NotFound
from app.store.leads.histories import TrackedAssignment

MAX_GIVEN_BACK = 3
"""An owner who gives the same lead back so often cannot claim it again."""


@dataclass(eq=False, slots=True)
class GiveBack(Job):
    """Return a claimed lead to its place in the queue. `owner_id` is who gives it back, if that is said."""

    assignment_id: str = field(kw_only=True)
    reporter: Reporter = field(kw_only=True)
    owner_id: str | None = None

    def decide(self, session: DecisionSession) -> Reply:
        """Return the lead.

        Raises NotFound, Forbidden for a lead that the owner of the key sees and does not have, NotClaimed,
        and AssignmentSuperseded or AlreadyClosed when the lead has moved on.
        """
        lead_id, assignment_id = session.stored.assignments.get(self.assignment_id, ("", ""))
        tracked = session.find_assignment(lead_id, assignment_id)
        if tracked is None:
            raise NotFound(NO_ASSIGNMENT)
        bound = self.reporter.owner_id
        lead = session.get_seen(lead_id, bound, NO_ASSIGNMENT)
        if bound is not None and bound != tracked.owner_id:
            raise Forbidden("This key can only give back the leads of its own owner.")
        if not tracked.open or lead.prior.assignment_id != tracked.id:
            raise refusal_of(tracked.state_after, tracked, lead.prior, self.reporter)
        if self.owner_id is not None and self.owner_id != tracked.owner_id:
            raise AssignmentSuperseded(tracked.decided_at)
        if tracked.cause != "claim" or tracked.owner_id is None:
            raise NotClaimed
        if _given_back(session.history(lead_id), tracked.owner_id) + 1 >= MAX_GIVEN_BACK:
            lead = session.work.bar(lead, tracked.owner_id)
        return return_to_queue(session, lead, tracked, "give_back")

    def assignment_ids(self) -> Sequence[str]:
        """The claim."""
        return (self.assignment_id,)

    def frees_owners(self) -> bool:
        """The owner has one lead less."""
        return True

    def wants_history(self) -> bool:
        """The place in the queue that the lead had, and how often it was given back."""
        return True


def _given_back(history: Sequence[TrackedAssignment], owner: str) -> int:
    return sum(each.owner_id == owner and each.end_cause == "given_back" for each in history)
