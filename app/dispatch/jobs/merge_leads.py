"""Two leads of one person become one because a caller says so."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import orjson

from app.dispatch.accounts import find_account
from app.dispatch.decision_session import DecisionSession
from app.dispatch.jobs.base import Job, Reply, request_again
from app.dispatch.merges import MergeOrigin, merge
from app.engine.model.decision import Target
from app.engine.pipeline.triggers import with_own_trigger
from app.errors import AlreadyMerged
from app.intake.account_match import with_names
from app.intake.accounts import keys_of_lead
from app.store.leads.current_leads import CurrentLead
from app.store.leads.merges import UNDO_WITHIN, MergeRow

TRIGGER = "manual"
_BY_STATE = ("assigned", "queued", "automated", "closed", "blocked")
"""Which of two leads survives: the one whose state comes first."""
_TAKES_OWNER = ("queued", "automated", "closed")


@dataclass(eq=False, slots=True)
class MergeLeads(Job):
    """Let one of two leads take the place of the other. Without a `survivor` the plan's order says which."""

    leads: tuple[str, str] = field(kw_only=True)
    survivor: str | None = field(kw_only=True)
    reason: str = field(kw_only=True)
    actor: str = field(kw_only=True)

    def decide(self, session: DecisionSession) -> Reply:
        """Merge. Raises NotFound, or AlreadyMerged for a lead that is no more."""
        one, other = (self._lead(session, id_) for id_ in self.leads)
        survivor = one if self.survivor == one.prior.lead_id else other
        if self.survivor is None:
            survivor = _survivor(session, one, other)
        loser = other if survivor is one else one
        row = merge(session, loser, survivor.prior.lead_id, MergeOrigin("api", self.actor, self.reason))
        self._pass_owner(session, loser, session.get_lead(survivor.prior.lead_id))
        session.work.log_move(loser.prior, self.actor)
        return Reply(201, _answer(session, row), lead_id=row.survivor_id)

    def lead_ids(self) -> Sequence[str]:
        """Both leads."""
        return self.leads

    def wants_history(self) -> bool:
        """A lead may have several open assignments, each with a turn."""
        return True

    def frees_owners(self) -> bool:
        """The place of one lead becomes free."""
        return True

    def _lead(self, session: DecisionSession, lead_id: str) -> CurrentLead:
        lead = session.find_lead(lead_id)
        if lead is not None and lead.prior.state == "merged":
            raise AlreadyMerged(lead_id, session.stored.survivors.get(lead_id))
        return session.get_lead(lead_id)

    def _pass_owner(self, session: DecisionSession, loser: CurrentLead, survivor: CurrentLead) -> None:
        """A survivor without an owner gets that of the other lead."""
        owner = session.work.facts.directory.owners.get(loser.prior.owner or "")
        if loser.prior.state != "assigned" or survivor.prior.state not in _TAKES_OWNER:
            return
        if owner is None or not owner.active or owner.id in survivor.prior.barred:
            return
        request = request_again(
            session,
            survivor,
            "reassign",
            values=with_own_trigger(survivor.values, TRIGGER),
            to=Target("owner", owner.id),
            note=self.reason,
            actor=self.actor,
        )
        session.decide_again(request, survivor)


def _survivor(session: DecisionSession, one: CurrentLead, other: CurrentLead) -> CurrentLead:
    """The lead that remains: by its state, then by the plan's order of owners, then the older one."""
    directory = session.work.facts.directory

    def rank(lead: CurrentLead) -> tuple[int, bool]:
        owner = directory.owners.get(lead.prior.owner or "")
        return _BY_STATE.index(lead.prior.state), owner is None or not owner.active

    older, newer = sorted((one, other), key=lambda lead: lead.prior.lead_id)
    if rank(one) != rank(other):
        return min(one, other, key=rank)
    if one.prior.state == "assigned":
        for which in session.plan.keep_owner:
            if which == "previous_owner":
                break
            responsible = {_account_owner(session, lead) for lead in (one, other)}
            found = [lead for lead in (older, newer) if lead.prior.owner in responsible]
            if len(found) == 1:
                return found[0]
    return older


def _account_owner(session: DecisionSession, lead: CurrentLead) -> str | None:
    """The owner who looks after the account of a lead."""
    account = find_account(
        session, lead.values, lambda: with_names(keys_of_lead(lead.values), lead.account_ids)
    )
    if account is None:
        return None
    return session.plan.accounts.responsible(account, lead.values, session.work.facts)


def _answer(session: DecisionSession, row: MergeRow) -> bytes:
    prior = session.get_lead(row.survivor_id).prior
    shown = {
        "id": row.id,
        "survivor": row.survivor_id,
        "merged": row.lead_id,
        "at": row.at,
        "undo_until": row.at + UNDO_WITHIN,
        "state": prior.state,
        "owner": prior.owner if prior.state in ("assigned", "closed") else None,
        "queue": prior.queue if prior.state == "queued" else None,
        "assignment_id": prior.assignment_id,
    }
    return orjson.dumps(shown, option=orjson.OPT_UTC_Z)
