"""Erase what is held about a person."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from app.dispatch.decision_session import DecisionSession
from app.dispatch.jobs.base import Job, Reply
from app.store.privacy.erase import EraseRow

END_CAUSE = "erased"
MERGED_MEANWHILE = 409
"""The status of the reply when the leads are not all leads of the person any more, and nothing was erased."""


@dataclass(eq=False, slots=True)
class EraseLeads(Job):
    """Erase the leads of one person, on behalf of `actor`.

    `at` is when that was asked for, if not now: an erasure is repeated on a restored database.
    """

    leads: Sequence[str] = field(kw_only=True)
    actor: str = field(kw_only=True)
    at: datetime | None = field(default=None, kw_only=True)

    def decide(self, session: DecisionSession) -> Reply:
        """End every open assignment as if it were closed, and erase. Answers 204 when nothing is left.

        The leads were found without the lock. If a merge came in between, nothing happens, and the caller
        finds them again.
        """
        erased = 0
        work = session.work
        if not self._is_whole(session):
            return Reply(MERGED_MEANWHILE, b"")
        for lead_id in self.leads:
            lead = session.find_lead(lead_id)
            if lead is None or lead.prior.state == "erased":
                continue
            for tracked in session.history(lead_id):
                if tracked.open and tracked.id != lead.prior.assignment_id:
                    work.end_tracked(tracked, END_CAUSE)
            work.erase(lead, EraseRow(work.now, self.at or work.now, self.actor, self.leads))
            erased += 1
        return Reply(200 if erased else 204, b"")

    def _is_whole(self, session: DecisionSession) -> bool:
        """Whether no lead was merged with one of these since they were found."""
        found = {id_ for lead_id in self.leads for id_ in session.stored.people.get(lead_id, ())}
        merged_here = any(each.prior.state == "merged" for each in session.work.present.values())
        return found <= set(self.leads) and not merged_here

    def goes_alone(self) -> bool:
        """What is held about a person is in many tables."""
        return True

    def wants_person(self) -> bool:
        """All leads of the person are erased at once."""
        return True

    def lead_ids(self) -> Sequence[str]:
        """The leads."""
        return self.leads

    def wants_history(self) -> bool:
        """A lead may have several open assignments."""
        return True

    def frees_owners(self) -> bool:
        """The place of the lead becomes free."""
        return True
