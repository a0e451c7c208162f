"""A merge is undone: the two leads are two again."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import orjson

from app.dispatch.decision_session import DecisionSession
from app.dispatch.jobs.base import Job, Reply, request_again
from app.dispatch.merges import give_fields_back, give_keys_back
from app.dispatch.refunds import take_turn_again, turn_holder
from app.engine.model.decision import DecisionRequest, Target
from app.engine.pipeline.triggers import with_own_trigger
from app.engine.selection.shifts import HELD
from app.errors import MergeNotUndoable, NotFound
from app.metrics.counters import MERGES_UNDONE
from app.store.leads.current_leads import CurrentLead
from app.store.leads.merges import UNDO_WITHIN, StoredMerge, UndoRow

TRIGGER = "manual"


@dataclass(eq=False, slots=True)
class UndoMerge(Job):
    """Undo a merge. Doing it again gets the same answer."""

    merge_id: str = field(kw_only=True)
    reason: str | None = field(kw_only=True)
    actor: str = field(kw_only=True)

    def decide(self, session: DecisionSession) -> Reply:
        """Give the lead back what the survivor got of it, and let it return to where it was.

        Raises NotFound, and MergeNotUndoable when it is too late or a lead is no more.
        """
        of = session.stored.merges.get(self.merge_id)
        if of is None:
            raise NotFound("There is no such merge.")
        if of.undo_response is not None:
            return Reply(200, of.undo_response.encode(), lead_id=of.lead_id)
        lead = self._check(session, of)
        work = session.work
        request = self._request(session, of, lead)
        if request is not None and request.to is None:
            request = self.plugin.attach_results(request, session.plan, work.now)
        lead = give_fields_back(session, of, lead)
        give_keys_back(session, of)
        if request is None:
            work.settle_as(lead, of.state)
        else:
            session.decide_again(replace(request, values=with_own_trigger(lead.values, TRIGGER)), lead)
            self._take_turn_again(session, of, lead)
        body = self._answer(session, of)
        work.rows.merges.undone.append(
            UndoRow(
                of.id,
                of.lead_id,
                of.survivor_id,
                work.now,
                self.actor,
                self.reason,
                body.decode(),
                of.records,
            )
        )
        work.log_move(lead.prior, self.actor)
        work.tally[(MERGES_UNDONE,)] += 1
        return Reply(200, body, lead_id=of.lead_id)

    def merge_ids(self) -> Sequence[str]:
        """The merge."""
        return (self.merge_id,)

    def wants_history(self) -> bool:
        """The turn of the lead is taken again."""
        return True

    def _check(self, session: DecisionSession, of: StoredMerge) -> CurrentLead:
        lead, survivor = session.find_lead(of.lead_id), session.find_lead(of.survivor_id)
        if lead is None or survivor is None or "erased" in (lead.prior.state, survivor.prior.state):
            raise MergeNotUndoable("erased", of.survivor_id)
        if survivor.prior.state == "merged":
            raise MergeNotUndoable("merged_again", of.survivor_id)
        if of.taken is None or session.work.now - of.at > UNDO_WITHIN:
            raise MergeNotUndoable("too_late", of.survivor_id)
        return lead

    def _request(
        self, session: DecisionSession, of: StoredMerge, lead: CurrentLead
    ) -> DecisionRequest | None:
        """The request that brings the lead back to where it was. None where nothing is to be decided."""
        if of.state in ("closed", "blocked"):
            return None
        return request_again(
            session,
            lead,
            "reassign",
            values=with_own_trigger(lead.values, TRIGGER),
            to=_place_of(session, of, lead),
            note=self.reason,
            actor=self.actor,
        )

    def _take_turn_again(self, session: DecisionSession, of: StoredMerge, lead: CurrentLead) -> None:
        """The owner who has the lead again has the turn again that the merge gave back."""
        now = session.get_lead(of.lead_id).prior
        tracked = session.find_assignment(of.lead_id, lead.prior.assignment_id)
        holder = turn_holder(session.work, tracked) if tracked is not None else None
        if holder is not None and holder.id in of.refunded and now.owner == holder.owner_id:
            take_turn_again(session.work, holder)

    def _answer(self, session: DecisionSession, of: StoredMerge) -> bytes:
        prior = session.get_lead(of.lead_id).prior
        shown = {
            "id": of.id,
            "survivor": of.survivor_id,
            "restored": of.lead_id,
            "undone_at": session.work.now,
            "state": prior.state,
            "owner": prior.owner if prior.state in ("assigned", "closed") else None,
            "queue": prior.queue if prior.state == "queued" else None,
            "assignment_id": prior.assignment_id,
        }
        return orjson.dumps(shown, option=orjson.OPT_UTC_Z)


def _place_of(session: DecisionSession, of: StoredMerge, lead: CurrentLead) -> Target | None:
    """Where the lead was, if it can go there. Else the plan says where it goes."""
    prior = lead.prior
    if of.state == "assigned":
        owner = session.work.facts.directory.owners.get(prior.owner or "")
        fits = owner is not None and owner.active and owner.id not in prior.barred
        return Target("owner", owner.id) if fits and owner is not None else None
    queue = prior.queue
    if of.state == "queued" and queue is not None and queue != HELD and queue in session.plan.queues:
        return Target("queue", queue)
    if of.state == "automated" and prior.path is not None:
        return Target("path", prior.path)
    return None
