"""A lead goes to the cover of its owner who is on leave, and comes back afterwards."""

from dataclasses import dataclass

from app.dispatch.decision_session import DecisionSession
from app.dispatch.jobs.base import request_again
from app.dispatch.jobs.move_lead import ONLY_OWNER, MoveLead, Skipped
from app.engine.model.decision import DecisionRequest, Target
from app.engine.model.directory import Directory, Owner
from app.engine.model.state import Facts
from app.engine.selection.covers import absence_now, cover_of, moving_absence
from app.engine.selection.eligibility import CAPS, Requirements, refusal
from app.store.leads.current_leads import CurrentLead
from app.store.leads.histories import TrackedAssignment


@dataclass(eq=False, slots=True)
class CoverLead(MoveLead):
    """Give a lead of an owner on leave to the cover, else to their team, else route it by the plan."""

    def wants_history(self) -> bool:
        """The SLA that the lead has."""
        return True

    def _request(self, session: DecisionSession, lead: CurrentLead) -> DecisionRequest:
        """Raises Skipped when the owner is back, or the lead can go to the owner it came from."""
        facts, prior = session.work.facts, lead.prior
        owner = facts.directory.owners.get(self.terms.owner or "")
        absence = moving_absence(owner, facts.now) if owner is not None else None
        if owner is None or absence is None:
            raise Skipped("returned")
        if prior.owner != owner.id or prior.decided_at > absence.begins_at:
            raise Skipped("moved")
        origin = owner.id
        if prior.origin_owner is not None and prior.active_at is None:
            origin = prior.origin_owner
            source = facts.directory.owners.get(origin)
            if source is not None and source.active and absence_now(source, facts.now) is None:
                raise Skipped("origin_is_back")
        return request_again(
            session,
            lead,
            "cover",
            exclude=frozenset((owner.id,)),
            ladder=_covers(owner, prior.team, _sla_of(session.history(self.lead_id)), facts),
            present_owner=owner.id,
            origin_owner=origin,
            action_types=ONLY_OWNER,
            unattended=True,
        )


@dataclass(eq=False, slots=True)
class ReturnLead(MoveLead):
    """Give a lead that nobody has worked on back to the owner who was on leave."""

    def wants_history(self) -> bool:
        """The team through which the owner had the lead, and its SLA."""
        return True

    def _request(self, session: DecisionSession, lead: CurrentLead) -> DecisionRequest:
        """Raises Skipped when somebody has worked on it, or the owner cannot have it."""
        facts, prior = session.work.facts, lead.prior
        owner = facts.directory.owners.get(self.terms.owner or "")
        if owner is None or prior.origin_owner != owner.id:
            raise Skipped("moved")
        if prior.active_at is not None:
            raise Skipped("touched")
        needs = Requirements(exclude=prior.barred)
        refused = refusal(owner, facts.state.load(owner.id), needs, facts.now)
        if refused is not None and refused.code not in CAPS:
            raise Skipped(refused.code)
        history = session.history(self.lead_id)
        own = [each for each in history if each.owner_id == owner.id]
        return request_again(
            session,
            lead,
            "return",
            ladder=(Target("owner", owner.id, sla=_sla_of(own or history), ignore_caps=True),),
            team=_team_of(own, owner.id, facts.directory),
            present_owner=prior.owner,
            action_types=ONLY_OWNER,
            unattended=True,
        )


def _covers(owner: Owner, team: str | None, sla: str | None, facts: Facts) -> tuple[Target, ...]:
    """The cover, then the team that the owner got the lead through. Neither takes a turn."""
    cover = cover_of(owner.id, facts.directory, facts.now)
    ladder: list[Target] = []
    if cover is not None and cover.kind == "owner":
        ladder.append(Target("owner", cover.name, sla=sla, ignore_caps=True))
    elif cover is not None:
        ladder.append(Target("team", cover.name, pick="least_loaded", sla=sla))
    if team is not None and (cover is None or cover.name != team):
        ladder.append(Target("team", team, pick="least_loaded", sla=sla))
    return tuple(ladder)


def _sla_of(history: list[TrackedAssignment]) -> str | None:
    """The SLA of the newest of these assignments, by its clocks."""
    if not history:
        return None
    return next((clock.sla for clock in history[-1].clocks.values() if clock.sla is not None), None)


def _team_of(history: list[TrackedAssignment], owner: str, directory: Directory) -> str | None:
    """The team through which the owner had the lead, if they are still in it."""
    team = directory.teams.get(history[-1].team_id or "") if history else None
    return team.id if team is not None and team.member(owner) is not None else None
