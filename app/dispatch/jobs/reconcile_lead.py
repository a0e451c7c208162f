"""A lead has another owner in the CRM's list than here: the books follow the list."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from app.dispatch.crm_books import CrmBooks
from app.dispatch.crm_owner import OwnerFollower
from app.dispatch.decision_session import GONE, DecisionSession
from app.dispatch.jobs.move_lead import MoveLead
from app.engine.life.crm import CrmChange, OwnerChange, RecordKey, compare, digest, version_after
from app.engine.model.decision import PriorAssignment
from app.store.crm.records import RecordRow

_FOLLOWED = "followed"


@dataclass(eq=False, slots=True)
class ReconcileLead(MoveLead):
    """Give a lead to the owner or queue of the CRM's list, unless it has moved since the list was compared.

    Nobody takes a turn, nothing is written back, and owners are told once for the whole list.
    """

    _change: CrmChange | None = field(init=False)

    def __post_init__(self) -> None:
        # The terms are erased with the lead.
        self._change = change_from_json(self.own_terms) if self.own_terms else None

    def crm_changes(self) -> Sequence[CrmChange]:
        """The record as the list says it is."""
        return (self._change,) if self._change is not None else ()

    def wants_history(self) -> bool:
        """What our decisions and the CRM's changes did so far."""
        return True

    def frees_owners(self) -> bool:
        """Owners can lose leads."""
        return True

    def _result(self, session: DecisionSession) -> tuple[str, dict[str, Any]]:
        lead = session.find_lead(self.lead_id)
        if lead is None or lead.prior.state in GONE:
            return "skipped", {"code": lead.prior.state if lead is not None else "not_found"}
        if lead.prior.assignment_id != self.assignment_id:
            return "skipped", {"code": "moved"}
        change = self._change
        if change is None or change.owner is None:
            return "skipped", {"code": "no_owner"}
        books = CrmBooks(session, change.endpoint_id)
        row = books.get(change.record)
        if row.lead_id not in (None, self.lead_id):
            return "skipped", {"code": "unknown_record"}
        follower = OwnerFollower(books, change, books.root(row), lead, self.plugin)
        code = follower.follow(change.owner, differs=True)
        self._note(books, change, row)
        if code != _FOLLOWED:
            return "skipped", {"code": code}
        return _moved(lead.prior, session.get_lead(self.lead_id).prior)

    def _note(self, books: CrmBooks, change: CrmChange, row: RecordRow) -> None:
        """The record is this lead, and an older event about its owner comes too late from now on."""
        if row.lead_id is None:
            row = books.keep(replace(row, lead_id=self.lead_id, state="live"))
        key, name = books.root(row).key, change.owner_field
        known, value = books.version(key, name), change.digests[name]
        if change.at is not None and compare(change, value, known) == "newer":
            books.keep_version(key, name, version_after(change, value, known))


def change_to_json(change: CrmChange) -> dict[str, Any]:
    """The part of a change that a job keeps for one of its leads: the owner of a record."""
    owner = change.owner or OwnerChange(None)
    return {
        "endpoint": change.endpoint_id,
        "kind": change.kind,
        "record": list(change.record),
        "at": change.at.isoformat() if change.at is not None else None,
        "field": change.owner_field,
        "owner": [owner.id, owner.owner, owner.queue, owner.is_group],
    }


def change_from_json(stored: Mapping[str, Any]) -> CrmChange:
    """The same as a change. It is `quiet`, as everything that comes in bulk."""
    id_, owner, queue, is_group = stored["owner"]
    return CrmChange(
        endpoint_id=stored["endpoint"],
        kind=stored["kind"],
        record=RecordKey(*stored["record"]),
        happened="updated",
        role="lead",
        at=datetime.fromisoformat(stored["at"]) if stored["at"] is not None else None,
        quiet=True,
        owner_field=stored["field"],
        owner=OwnerChange(id_, owner, queue, is_group=is_group),
        digests={stored["field"]: digest(id_)},
    )


def _moved(before: PriorAssignment, now: PriorAssignment) -> tuple[str, dict[str, Any]]:
    details = {
        "owner": now.owner,
        "previous_owner": before.owner,
        "team": now.team,
        "queue": now.queue,
        "new_assignment_id": now.assignment_id,
    }
    result = "queued" if now.state == "queued" else "moved"
    return result, {name: value for name, value in details.items() if value is not None}
