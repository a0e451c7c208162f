"""A caller reports what happened to an assignment."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import orjson

from app.dispatch.decision_session import DecisionSession
from app.dispatch.jobs.base import Job, Reply
from app.errors import AssignmentSuperseded, NotFound


@dataclass(eq=False, slots=True)
class ReportEvent(Job):
    """Record an event; `closed` ends the assignment."""

    assignment_id: str = field(kw_only=True)
    type: str = field(kw_only=True)
    actor: str = field(kw_only=True)

    def decide(self, session: DecisionSession) -> Reply:
        """Close the lead, once.

        Raises NotFound for an unknown assignment, AssignmentSuperseded when the lead has a newer one.
        """
        found = session.stored.assignments.get(self.assignment_id)
        if found is None:
            raise NotFound("There is no such assignment.")
        lead_id, assignment_id = found
        lead = session.get_lead(lead_id)
        if lead.prior.assignment_id != assignment_id:
            raise AssignmentSuperseded
        if lead.prior.state != "closed":
            session.work.close(lead, self.type, self.actor)
        body = {"assignment_id": self.assignment_id, "lead_id": lead_id, "type": self.type, "state": "closed"}
        return Reply(200, orjson.dumps(body))

    def assignment_ids(self) -> Sequence[str]:
        """The assignment."""
        return (self.assignment_id,)
