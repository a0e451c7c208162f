"""One lead of a bulk job is moved, and the end of a bulk job."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import orjson

from app.dispatch.decision_session import END_CAUSES, GONE, DecisionSession
from app.dispatch.jobs.base import Job, Reply, request_again
from app.dispatch.jobs.reassign import TRIGGER, check_move
from app.engine.followup.notices import leads_moved
from app.engine.model.decision import Decision, DecisionRequest, Target
from app.engine.model.stored import target_from_json, target_to_json
from app.engine.pipeline.triggers import with_own_trigger
from app.errors import Problem
from app.store.leads.bulk_jobs import BulkJob, JobKind, JobTally, OwnerTally
from app.store.leads.current_leads import CurrentLead
from app.store.life.outbox import ActionRow

BulkActions = Literal["digest", "each", "none"]
ONLY_OWNER = ("set_owner",)
"""The CRM must be right, whatever is left out."""
_LEAVE = frozenset(("cover", "return"))
"""The kinds of jobs that the service makes on its own."""


@dataclass(frozen=True, slots=True)
class MoveTerms:
    """What a bulk job does with each of its leads.

    `owner` is the one whose leads are moved, if the job is about one. `actor` made the job. Without a
    `job_id` it is a dry run.
    """

    job_id: str
    kind: JobKind = "reassign"
    owner: str | None = None
    to: Target | None = None
    exclude: frozenset[str] = frozenset()
    reason: str | None = None
    actor: str | None = None
    force: bool = False
    actions: BulkActions = "digest"


def terms_of(job: BulkJob) -> MoveTerms:
    """The terms of a stored job."""
    params = job.params
    return MoveTerms(
        job_id=job.id,
        kind=job.kind,
        owner=params.get("owner"),
        to=target_from_json(params["to"]) if params.get("to") else None,
        exclude=frozenset(params.get("exclude", ())),
        reason=params.get("reason"),
        actor=job.actor,
        force=params.get("force", False),
        actions=params.get("actions", "digest"),
    )


def params_of(terms: MoveTerms) -> dict[str, Any]:
    """The terms as a job stores them. What is the default is left out."""
    params = {
        "owner": terms.owner,
        "to": target_to_json(terms.to) if terms.to is not None else None,
        "exclude": sorted(terms.exclude) or None,
        "reason": terms.reason,
        "force": terms.force or None,
        "actions": terms.actions,
    }
    return {name: value for name, value in params.items() if value is not None}


class Skipped(Exception):
    """The lead stays where it is; `code` says why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(eq=False, slots=True)
class MoveLead(Job):
    """Decide one lead of a bulk job again, if it is still where it was when the job was made."""

    bulk: bool = True
    terms: MoveTerms = field(kw_only=True)
    position: int = field(kw_only=True)
    lead_id: str = field(kw_only=True)
    assignment_id: str = field(kw_only=True)
    own_terms: Mapping[str, Any] = field(default_factory=dict, kw_only=True)
    """What the job does with this lead alone."""

    def decide(self, session: DecisionSession) -> Reply:
        """Move the lead, and record what became of it. Answers 204 when the job does not run any more."""
        job_id = self.terms.job_id
        if job_id and job_id not in session.stored.running_jobs:
            return Reply(204, b"")
        result, details = self._result(session)
        if job_id:
            session.work.keep_result(job_id, self.position, result, details)
        return Reply(200, orjson.dumps({"lead_id": self.lead_id, "result": result, **details}))

    def lead_ids(self) -> Sequence[str]:
        """The lead."""
        return (self.lead_id,)

    def bulk_job_ids(self) -> Sequence[str]:
        """The bulk job."""
        return (self.terms.job_id,) if self.terms.job_id else ()

    def wants_history(self) -> bool:
        """An owner who leaves may also keep what they handed off."""
        return self.terms.kind == "deactivate"

    def _result(self, session: DecisionSession) -> tuple[str, dict[str, Any]]:
        kept = self._end_handed_off(session)
        if kept is not None:
            return "kept", {"code": "handed_off", "owner": kept}
        try:
            lead = self._find(session)
            request = self._request(session, lead)
        except Skipped as skipped:
            return "skipped", {"code": skipped.code}
        except Problem as refused:
            code = refused.faults[0].code if refused.faults else refused.code
            return "refused", {"code": code}
        request = self.plugin.attach_results(request, session.plan, session.work.now)
        session.work.end(lead.prior, END_CAUSES[request.kind])
        decision, reply = session.decide(request, lead.normalized)
        details = _details(decision, reply.assignment_id, lead.prior.owner)
        return _result_of(decision, lead.prior.owner), details

    def _end_handed_off(self, session: DecisionSession) -> str | None:
        """End the assignment of an owner who leaves, where another owner has the lead since a handoff.

        Returns that owner.
        """
        lead = session.find_lead(self.lead_id) if self.terms.kind == "deactivate" else None
        if lead is None or lead.prior.assignment_id == self.assignment_id or lead.prior.owner is None:
            return None
        for tracked in session.history(self.lead_id):
            if tracked.id == self.assignment_id and tracked.open and tracked.owner_id == self.terms.owner:
                session.work.end_tracked(tracked, "reassigned")
                return lead.prior.owner
        return None

    def _find(self, session: DecisionSession) -> CurrentLead:
        """The lead, if it is still where it was. Raises Skipped."""
        lead = session.find_lead(self.lead_id)
        if lead is None or lead.prior.state in GONE:
            raise Skipped(lead.prior.state if lead is not None else "not_found")
        if lead.prior.assignment_id != self.assignment_id:
            raise Skipped("moved")
        if lead.prior.state == "closed":
            raise Skipped("closed")
        return lead

    def _request(self, session: DecisionSession, lead: CurrentLead) -> DecisionRequest:
        """The request to decide the lead again. Raises Skipped, or the Problem of the target."""
        terms, facts = self.terms, session.work.facts
        if terms.kind == "deactivate" and terms.owner is not None:
            owner = facts.directory.owners.get(terms.owner)
            if owner is not None and owner.active:
                raise Skipped("reactivated")
        if terms.to is not None:
            check_move(session, lead, terms.to, terms.exclude, force=terms.force)
        untouched = lead.prior.active_at is None
        return request_again(
            session,
            lead,
            "reassign",
            values=with_own_trigger(lead.values, TRIGGER),
            exclude=terms.exclude,
            to=terms.to,
            note=terms.reason,
            actor=terms.actor,
            present_owner=lead.prior.owner,
            origin_owner=lead.prior.origin_owner if terms.kind == "deactivate" and untouched else None,
            action_types=None if terms.actions == "each" else ONLY_OWNER,
            unattended=True,
        )


@dataclass(eq=False, slots=True)
class FailItem(Job):
    """Record that a lead of a bulk job could not be moved because of a defect."""

    bulk: bool = True
    job_id: str = field(kw_only=True)
    position: int = field(kw_only=True)
    code: str = field(kw_only=True)

    def decide(self, session: DecisionSession) -> Reply:
        """Record it."""
        if self.job_id in session.stored.running_jobs:
            session.work.keep_result(self.job_id, self.position, "failed", {"code": self.code})
        return Reply(204, b"")

    def bulk_job_ids(self) -> Sequence[str]:
        """The bulk job."""
        return (self.job_id,)


@dataclass(eq=False, slots=True)
class FinishBulkJob(Job):
    """Finish a bulk job that has nothing left to do, and tell the owners concerned."""

    bulk: bool = True
    terms: MoveTerms = field(kw_only=True)

    def decide(self, session: DecisionSession) -> Reply:
        """Finish it. Answers 204 when it was finished before, or some lead is left."""
        tally = session.stored.tallies.get(self.terms.job_id)
        if tally is None or tally.state != "running" or tally.left:
            return Reply(204, b"")
        session.work.finish_job(self.terms.job_id)
        if self.terms.actions == "digest":
            session.work.add_actions(list(self._notices(session, tally)))
        return Reply(200, b"{}")

    def tallied_job_ids(self) -> Sequence[str]:
        """The bulk job."""
        return (self.terms.job_id,)

    def _notices(self, session: DecisionSession, tally: JobTally) -> Iterator[ActionRow]:
        """One notice for each new owner. What leave moves, its former owners are told as well."""
        owners, now = session.work.facts.directory.owners, session.work.now
        told = [(each, each.owner, leads, False) for each, leads in _by_owner(tally.owners, "owner")]
        if self.terms.kind in _LEAVE:
            former = _by_owner(tally.owners, "previous_owner")
            told += [(each, each.previous_owner or "", leads, True) for each, leads in former]
        for number, (each, owner, leads, left) in enumerate(told, 1):
            if owner in owners:
                action = leads_moved(owners[owner], leads, self.terms.kind, left=left)
                yield ActionRow(
                    id=f"{self.terms.job_id}.{number}",
                    lead_id=each.lead_id,
                    assignment_id=each.assignment_id,
                    type=action["type"],
                    body={"params": action["params"], "due_at": None},
                    created_at=now,
                    available_at=now,
                )


def _by_owner(
    tallies: Sequence[OwnerTally], role: Literal["owner", "previous_owner"]
) -> list[tuple[OwnerTally, int]]:
    """The first tally of each new or former owner, and how many leads they got or gave in all."""
    first: dict[str, OwnerTally] = {}
    leads: dict[str, int] = {}
    for each in tallies:
        owner = getattr(each, role)
        if owner is not None:
            first.setdefault(owner, each)
            leads[owner] = leads.get(owner, 0) + each.leads
    return [(each, leads[owner]) for owner, each in first.items()]


def _result_of(decision: Decision, previous: str | None) -> str:
    if decision.owner is not None:
        return "kept" if decision.owner.id == previous else "moved"
    if decision.outcome == "queued" and decision.held_until is None and any(_candidates(decision.trace)):
        return "no_eligible_member"
    return decision.outcome


def _details(decision: Decision, assignment_id: str | None, previous: str | None) -> dict[str, Any]:
    """Where the lead is now. Where nobody could take it, also every candidate with their code."""
    owner = decision.owner.id if decision.owner is not None else None
    details: dict[str, Any] = {
        "owner": owner,
        "previous_owner": previous,
        "team": decision.team,
        "queue": decision.queue,
        "path": decision.path,
        "new_assignment_id": assignment_id,
        "over_cap": decision.over_cap or None,
        "candidates": None if owner is not None else list(_candidates(decision.trace)) or None,
    }
    return {name: value for name, value in details.items() if value is not None}


def _candidates(trace: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    """Everybody who was considered, each once, with the code of what kept them."""
    seen: set[str] = set()
    for step in trace["steps"]:
        for attempt in step.get("targets", ()):
            for one in attempt.get("candidates", ()):
                if one["owner"] not in seen:
                    seen.add(one["owner"])
                    yield {"owner": one["owner"], "code": one["code"]}
