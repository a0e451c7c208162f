"""A record of a lead was deleted in the CRM, and nothing else came of it."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from app.dispatch.crm_books import CrmBooks
from app.dispatch.crm_reports import source_of
from app.dispatch.decision_rows import closing_event
from app.dispatch.decision_session import DecisionSession
from app.dispatch.jobs.base import Job, Reply
from app.engine.life.crm import CrmChange


@dataclass(eq=False, slots=True)
class CloseDeleted(Job):
    """Close a lead if none of its records is left. `change` names a record that is gone.

    That is looked at once for each record: the lead may come back by another way.
    """

    bulk: bool = True
    change: CrmChange = field(kw_only=True)

    def decide(self, session: DecisionSession) -> Reply:
        """Close it. Answers 204 when a record is there again, or the lead is closed."""
        books = CrmBooks(session, self.change.endpoint_id)
        row = books.find(self.change.record)
        lead = session.find_lead(row.lead_id) if row is not None and row.lead_id is not None else None
        if row is None or row.state != "gone":
            return Reply(204, b"")
        books.keep(replace(row, state="closed"))
        if lead is None or not session.is_present(lead.prior.lead_id):
            return Reply(204, b"")
        records = books.of_lead(lead.prior.lead_id)
        if lead.prior.state == "closed" or any(
            each.state == "live" and each.deal is None for each in records
        ):
            return Reply(204, b"")
        for tracked in [each for each in session.history(lead.prior.lead_id) if each.open]:
            if tracked.id != lead.prior.assignment_id:
                session.work.end_tracked(tracked, "closed")
        session.work.close(lead)
        session.work.add_event(closing_event(lead.prior, session.work.now, source_of(row.endpoint_id)))
        return Reply(200, b"{}")

    def crm_changes(self) -> Sequence[CrmChange]:
        """The record."""
        return (self.change,)

    def wants_history(self) -> bool:
        """All that is open."""
        return True

    def frees_owners(self) -> bool:
        """The owner has one lead less."""
        return True
