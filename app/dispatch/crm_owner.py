"""The owner of a lead is changed in the CRM, or the plan decides again because of a change there."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from app.dispatch.crm_books import CrmBooks
from app.dispatch.jobs.base import request_again
from app.engine.life.crm import (
    CLOSE_CALL,
    MAX_PER_HOUR,
    CrmChange,
    OurWrite,
    OwnerChange,
    came_before,
    echoed,
    mapping_fault,
    target_of,
)
from app.engine.model.decision import DecisionRequest, Target
from app.engine.pipeline.followed import CRM, CRM_REASSIGN
from app.engine.pipeline.triggers import with_own_trigger
from app.engine.pipeline.walk import FALLBACK_QUEUE
from app.plugins.port import PluginCall
from app.store.clocks import MAX_AHEAD
from app.store.crm.records import RecordRow
from app.store.leads.current_leads import CurrentLead

_HOUR = timedelta(hours=1)


@dataclass(slots=True)
class OwnerFollower:
    """One change of a lead, and what it does to the lead's owner. `lead` has the new fields already."""

    books: CrmBooks
    change: CrmChange
    row: RecordRow
    lead: CurrentLead
    plugin: PluginCall

    def target_of(self, owner: OwnerChange) -> Target | None:
        """The owner or the queue here that the CRM names. None for nobody, and for one that is not known."""
        session = self.books.session
        return target_of(owner, self.change.kind, session.work.facts.directory, session.plan.queues)

    def mapping_fault(self) -> str | None:
        """A code if the endpoint's mapping names an owner or a queue that does not exist here."""
        session, owner = self.books.session, self.change.owner
        if owner is None or self.target_of(owner) is not None:
            return None
        return mapping_fault(owner, session.work.facts.directory, session.plan.queues)

    def is_nobody(self, owner: OwnerChange) -> bool:
        """Whether the CRM names a queue or a team that the plan does not have."""
        return owner.is_group and self.target_of(owner) is None

    def follow(self, owner: OwnerChange, *, differs: bool | None) -> str:
        """Let the books follow a change of the owner. Returns what became of it.

        `differs` says that the owner is another one than the CRM told last; None if it told none before.
        """
        change, lead_id = self.change, self.lead.prior.lead_id
        writes = self.books.open_writes(lead_id, change.record.system)
        # An owner without an id in this kind of CRM is not written there.
        writes = [each for each in writes if change.kind in each.ids]
        write = echoed(change, owner, writes) if owner.id is not None else None
        if write is not None:
            self.books.confirm(write, change.record.system)
            return "echo"
        if came_before(change, owner, writes[0] if writes else None, differs=differs):
            return "before_our_write"
        target = self.target_of(owner)
        if target is not None:
            return self._move(target)
        if owner.id is not None and not owner.is_group:
            self.books.find_out("unknown_user", change.record, lead_id)
            return "unknown_user"
        if owner.id is not None:
            self.books.find_out("unknown_queue", change.record, lead_id)
        if writes and not owner.tells_previous and not self._came_after(writes[0]):
            return "before_our_write"
        return "cleared"

    def was_overtaken(self, owner: OwnerChange) -> bool:
        """Whether an event that is older than the newest shows that our write came before it.

        Then the newest, which looked as if it had come before our write, came after it.
        """
        change = self.change
        lead_id = self.lead.prior.lead_id
        written = self.books.session.stored.crm.writes.get(lead_id, ())
        write = next((each for each in written if change.kind in each.ids), None)
        if write is None or write not in self.books.open_writes(lead_id, change.record.system):
            return False
        if change.at is None or change.at < write.at - CLOSE_CALL:
            return False
        follows = owner.tells_previous and owner.previous == write.ids[change.kind]
        if not follows and echoed(change, owner, [write]) is None:
            return False
        self.books.confirm(write, change.record.system)
        return True

    def _came_after(self, write: OurWrite) -> bool:
        """Whether an event says that the owner was taken away after our write, or so close to it."""
        change = self.change
        return not change.complete and change.at is not None and change.at >= write.at - CLOSE_CALL

    def reroute(self, *, of_owner: bool = False) -> str:
        """Let the plan decide again, unless the lead has moved on since. Returns what became of it.

        `of_owner` says that nobody owns the record any more. What the books followed until then was older,
        however late it came.
        """
        prior, change = self.lead.prior, self.change
        request, code = self._reroute_request()
        if code == "loop":
            self.books.find_out(code, change.record, prior.lead_id)
        if request is None:
            return code
        if prior.state == "closed":
            return "closed"
        followed = of_owner and self._cause() == CRM
        if change.at is not None and not followed and prior.decided_at > change.at + CLOSE_CALL:
            return "superseded"
        session = self.books.session
        if request.to is None:
            request = self.plugin.attach_results(request, session.plan, session.work.now)
        session.decide_again(request, self.lead)
        return code

    def reopen(self) -> None:
        """Open a closed lead again, where it was."""
        session, prior = self.books.session, self.lead.prior
        if prior.owner is not None and prior.owner in session.work.facts.directory.owners:
            target = Target("owner", prior.owner)
        else:
            target = Target("queue", prior.queue or FALLBACK_QUEUE)
        session.decide_again(self._request(CRM, to=target), self.lead)

    def _cause(self) -> str | None:
        """Why the lead is where it is."""
        prior, history = self.lead.prior, self.books.session.history(self.lead.prior.lead_id)
        return next((each.cause for each in history if each.id == prior.assignment_id), None)

    def ready(self) -> None:
        """Raises PluginResultMissing if plugins must be called before the plan can decide again.

        This goes before any change.
        """
        request, _ = self._reroute_request()
        if request is not None and request.to is None:
            self.plugin.attach_results(request, self.books.session.plan, self.books.session.work.now)

    def _reroute_request(self) -> tuple[DecisionRequest | None, str]:
        session, prior = self.books.session, self.lead.prior
        to, code = None, "rerouted"
        since, until = session.work.now - _HOUR, session.work.now + MAX_AHEAD
        history = session.history(prior.lead_id)
        times = [each.decided_at for each in history if each.cause == CRM_REASSIGN]
        if sum(since < at <= until for at in times) >= MAX_PER_HOUR:
            if prior.queue == FALLBACK_QUEUE and prior.state == "queued":
                return None, "loop"
            to, code = Target("queue", FALLBACK_QUEUE), "loop"
        return self._request(CRM_REASSIGN, to=to), code

    def _move(self, target: Target) -> str:
        """The lead goes where the CRM says."""
        session, prior = self.books.session, self.lead.prior
        here = prior.owner if target.kind == "owner" else prior.queue
        if here == target.name and prior.state in ("assigned", "queued", "closed"):
            return "unchanged"
        if target.kind == "owner" and not session.work.facts.directory.owners[target.name].active:
            self.books.find_out("inactive_owner", self.change.record, prior.lead_id)
        other = next(
            (
                each
                for each in session.history(prior.lead_id)
                if each.open and each.owner_id == target.name and target.kind == "owner"
            ),
            None,
        )
        if other is not None and prior.state != "closed":
            session.work.fall_back(self.lead, other, CRM)
            return "followed"
        session.decide_again(self._request(CRM, to=target), self.lead)
        if prior.state == "closed":
            session.work.close(session.get_lead(prior.lead_id))
        return "followed"

    def _request(self, kind: str, *, to: Target | None) -> DecisionRequest:
        session, prior = self.books.session, self.lead.prior
        follows: dict[str, Any] = {}
        if kind == CRM and to is not None:
            team = session.work.facts.directory.teams.get(prior.team or "")
            stays = team is not None and to.kind == "owner" and team.member(to.name) is not None
            follows = {
                "team": prior.team if stays else None,
                "count_turn": self.change.count_turn,
                "action_types": () if self.change.quiet or prior.state == "closed" else None,
            }
        return request_again(
            session,
            self.lead,
            kind,
            values=with_own_trigger(self.lead.values, CRM),
            to=to,
            present_owner=prior.owner if prior.state == "assigned" else None,
            unattended=True,
            **follows,
        )
