"""A person says that a blocked lead is none to block."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from app.dispatch.decision_session import NO_ASSIGNMENT, DecisionSession
from app.dispatch.jobs.base import Job, Reply, request_again
from app.engine.pipeline.suppressed import STEP as SUPPRESSED
from app.engine.pipeline.triggers import with_own_trigger
from app.errors import AssignmentSuperseded, Forbidden, NotBlocked, NotFound

TRIGGER = "manual"


@dataclass(eq=False, slots=True)
class Unblock(Job):
    """Route a blocked lead now. Junk never blocks it again; a suppression list does when it comes again.

    `lifts_suppression` says that the caller may unblock what a suppression list blocked.
    """

    assignment_id: str = field(kw_only=True)
    actor: str = field(kw_only=True)
    reason: str | None = None
    lifts_suppression: bool = False

    def decide(self, session: DecisionSession) -> Reply:
        """Decide by the plan.

        Raises NotFound, AssignmentSuperseded when the lead has moved on, NotBlocked, and Forbidden for a lead
        on a suppression list.
        """
        lead_id, assignment_id = session.stored.assignments.get(self.assignment_id, ("", ""))
        tracked = session.find_assignment(lead_id, assignment_id)
        if tracked is None:
            raise NotFound(NO_ASSIGNMENT)
        lead = session.get_lead(lead_id)
        if tracked.outcome != "blocked":
            raise NotBlocked
        if lead.prior.assignment_id != tracked.id or lead.prior.state != "blocked":
            raise AssignmentSuperseded(lead.prior.decided_at)
        if tracked.code == SUPPRESSED and not self.lifts_suppression:
            raise Forbidden("Only a key with the scope `privacy` unblocks what a suppression list blocked.")
        request = request_again(
            session,
            lead,
            "unblocked",
            values={**with_own_trigger(lead.values, TRIGGER), "junk_cleared": True},
            note=self.reason,
            actor=self.actor,
        )
        request = self.plugin.attach_results(request, session.plan, session.work.now)
        reply = session.decide_again(request, lead)
        session.work.log_move(lead.prior, self.actor)
        return reply

    def assignment_ids(self) -> Sequence[str]:
        """The assignment."""
        return (self.assignment_id,)

    def wants_history(self) -> bool:
        """What blocked the lead."""
        return True
