"""A lead is decided again because a caller asks for it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from app.dispatch.decision_session import DecisionSession
from app.dispatch.jobs.base import Job, Reply, request_again
from app.engine.model.decision import Target
from app.engine.model.directory import Directory
from app.engine.pipeline.triggers import with_own_trigger
from app.errors import OwnerInactive, refused_at

TRIGGER = "manual"


@dataclass(eq=False, slots=True)
class Reassign(Job):
    """Decide a stored lead again; `to` names the target when the caller has chosen one."""

    lead_id: str = field(kw_only=True)
    reason: str | None = None
    exclude: frozenset[str] = frozenset()
    to: Target | None = None

    def decide(self, session: DecisionSession) -> Reply:
        """Decide by the plan, or assign to the named target.

        Raises NotFound for an unknown lead, and ValidationFailed or OwnerInactive for the target.
        """
        lead = session.get_lead(self.lead_id)
        if self.to is not None:
            _check_target(self.to, self.exclude, session.work.facts.directory, session.plan.queues)
        request = request_again(
            session,
            lead,
            "reassign",
            values=with_own_trigger(lead.values, TRIGGER),
            exclude=self.exclude,
            to=self.to,
            note=self.reason,
            present_owner=lead.prior.owner,
        )
        request = self.plugin.attach_results(request, session.plan, session.work.now)
        return session.decide_again(request, lead)

    def lead_ids(self) -> Sequence[str]:
        """The lead."""
        return (self.lead_id,)


def _check_target(
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
            raise refused_at(("to",), "excluded", "names an owner who is excluded as well")
