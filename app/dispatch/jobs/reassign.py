"""A lead is decided again because a caller asks for it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from app.dispatch.decision_session import DecisionSession
from app.dispatch.jobs.base import Job, Reply, request_again
from app.dispatch.persons import lead_of_keys
from app.engine.model.decision import Target
from app.engine.model.directory import Directory
from app.engine.model.lead_keys import LeadKey
from app.engine.model.state import Facts
from app.engine.pipeline.triggers import with_own_trigger
from app.engine.selection.eligibility import over_cap
from app.errors import (
    AlreadyClosed,
    AssignmentSuperseded,
    Forbidden,
    OverCap,
    OwnerInactive,
    refused_at,
)
from app.store.leads.current_leads import CurrentLead

TRIGGER = "manual"


@dataclass(eq=False, slots=True)
class Reassign(Job):
    """Decide a stored lead again; `to` names the target when the caller has chosen one.

    The lead is given by its id or by `keys`. `if_assignment_id` is the assignment that the caller saw. Only
    with `force` does an owner get the lead over their caps. `sees_owner` says that a refusal may name the
    present owner. `actor` is the id of the API key, `only_of` the owner it is bound to.
    """

    lead_id: str | None = field(default=None, kw_only=True)
    keys: tuple[LeadKey, ...] = ()
    reason: str | None = None
    actor: str | None = None
    only_of: str | None = None
    exclude: frozenset[str] = frozenset()
    to: Target | None = None
    force: bool = False
    if_assignment_id: str | None = None
    sees_owner: bool = False

    def decide(self, session: DecisionSession) -> Reply:
        """Decide by the plan, or assign to the named target.

        Raises NotFound for an unknown lead, AmbiguousAssignment for a key of several, AssignmentSuperseded or
        AlreadyClosed when the lead is not where the caller saw it, Forbidden for a lead that the owner of the
        key sees and does not have, and ValidationFailed, OwnerInactive or OverCap for the target.
        """
        lead_id = self.lead_id or lead_of_keys(session, self.keys, self.only_of)
        lead = session.get_seen(lead_id, self.only_of)
        if self.only_of is not None and self.only_of != lead.prior.owner:
            raise Forbidden("This key can only reassign the leads of its own owner.")
        self._check_seen(session, lead)
        if self.to is not None:
            check_move(session, lead, self.to, self.exclude, force=self.force)
        request = request_again(
            session,
            lead,
            "reassign",
            values=with_own_trigger(lead.values, TRIGGER),
            exclude=self.exclude,
            to=self.to,
            note=self.reason,
            actor=self.actor,
            present_owner=lead.prior.owner,
        )
        request = self.plugin.attach_results(request, session.plan, session.work.now)
        reply = session.decide_again(request, lead)
        if self.actor is not None:
            session.work.log_move(lead.prior, self.actor)
        return reply

    def lead_ids(self) -> Sequence[str]:
        """The lead, if its id is known."""
        return (self.lead_id,) if self.lead_id is not None else ()

    def identities(self) -> Sequence[LeadKey]:
        """The keys of the lead."""
        return self.keys

    def wants_history(self) -> bool:
        """A lead that is given by its keys is read only with its history. It says who sees the lead."""
        return bool(self.keys) or self.only_of is not None

    def assignment_ids(self) -> Sequence[str]:
        """The assignment that the caller saw; it may be a repeat that stands for an earlier one."""
        return (self.if_assignment_id,) if self.if_assignment_id is not None else ()

    def _check_seen(self, session: DecisionSession, lead: CurrentLead) -> None:
        """Raises AssignmentSuperseded or AlreadyClosed."""
        if self.if_assignment_id is None:
            return
        prior = lead.prior
        _, seen = session.stored.assignments.get(self.if_assignment_id, ("", ""))
        if seen != prior.assignment_id:
            raise AssignmentSuperseded(prior.decided_at, prior.owner if self.sees_owner else None)
        if prior.state == "closed":
            raise AlreadyClosed(prior.decided_at)


def check_move(
    session: DecisionSession, lead: CurrentLead, to: Target, exclude: frozenset[str], *, force: bool
) -> None:
    """Raises what `check_target` raises, also for an owner who never gets this lead again, and OverCap.

    With `force` no cap counts.
    """
    facts = session.work.facts
    check_target(to, exclude | lead.prior.barred, facts.directory, session.plan.queues)
    if not force:
        _check_caps(to, lead, facts)


def check_target(
    target: Target, exclude: frozenset[str], directory: Directory, queues: Collection[str]
) -> None:
    """Raises ValidationFailed for an unknown or excluded target, and OwnerInactive for an inactive owner."""
    if target.kind == "team" and target.name not in directory.teams:
        raise refused_at(("to",), "unknown_team", "names a team that does not exist")
    if target.kind == "queue" and target.name not in queues:
        raise refused_at(("to",), "unknown_queue", "names a queue that the active plan does not declare")
    if target.kind == "owner":
        owner = directory.owners.get(target.name)
        if owner is None:
            raise refused_at(("to",), "unknown_owner", "names an owner that does not exist")
        if not owner.active:
            raise OwnerInactive
        if owner.id in exclude:
            raise refused_at(
                ("to",), "excluded", "names an owner who is excluded, or never gets this lead again"
            )


def _check_caps(target: Target, lead: CurrentLead, facts: Facts) -> None:
    """Raises OverCap for an owner who has reached a cap, unless the lead is theirs already."""
    if target.kind != "owner" or target.name == lead.prior.owner:
        return
    if over_cap(facts.directory.owners[target.name], facts):
        raise OverCap
