"""The desk behind the gate: jobs are decided one after another, and the rows of the pass pile up.

Nothing here waits. What a later job of the same pass must see of an earlier one, it finds here: keys,
persons, and what ended.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from app.dispatch.deduplication import find_prior, stored_reply
from app.dispatch.jobs import import_lead
from app.dispatch.jobs.base import Answer, Assign, Claim, ImportLead, Job, Reassign, Release, ReportEvent
from app.dispatch.jobs.claim import first_waiting, is_due
from app.dispatch.plugin_results import PluginResultMissing, with_plugin_results
from app.dispatch.prefetch import ExtraFacts
from app.dispatch.target_validation import check_target
from app.dispatch.unit_of_work import UnitOfWork
from app.engine.compile.plan import Plan
from app.engine.model.accounts import AccountKey, AccountMatch
from app.engine.model.decision import Decision, DecisionRequest, Target
from app.engine.pipeline.claims import claim_refusal
from app.engine.pipeline.decide import decide
from app.errors import Conflict, NotFound, Problem, refused_at
from app.ids import uuid7
from app.intake.accounts import keys_of_lead
from app.intake.arrival import IncomingLead
from app.store.leads.current_leads import CurrentLead
from app.store.path.facts import Prefetched


@dataclass(slots=True)
class DecisionSession:
    """One pass being decided. `answers` and `problems` are told only after the commit."""

    plan: Plan
    found: Prefetched
    extra: ExtraFacts
    booking: UnitOfWork
    answers: list[tuple[Job, Answer]] = field(default_factory=list)
    problems: list[tuple[Job, Problem]] = field(default_factory=list)
    replays: list[tuple[Job, str]] = field(default_factory=list)
    received: int = 0
    matched: int = 0
    awaiting_plugins: list[tuple[Job, DecisionRequest]] = field(default_factory=list)

    def take(self, job: Job) -> None:
        """Decide one job. What it may not have is its own problem and nobody else's.

        One whose plugins have not spoken is left undecided among the `unasked`.
        """
        try:
            if not self._replayed(job):
                self._answer(job)
        except Problem as problem:
            self.problems.append((job, problem))
        except PluginResultMissing as missing:
            self.awaiting_plugins.append((job, missing.question))

    def _answer(self, job: Job) -> None:
        match job:
            case Assign():
                self._assign(job)
            case Reassign():
                self._reassign(job)
            case Claim():
                self._claim(job)
            case Release():
                self._release(job)
            case ReportEvent():
                self._report(job)
            case ImportLead():
                self._adopt(job)

    def _replayed(self, job: Job) -> bool:
        """Whether the job's key has its answer already. Raises IdempotencyMismatch for another body."""
        earlier = stored_reply(job.key, self.found, self.booking) if job.key is not None else None
        if earlier is None:
            return False
        if earlier.assignment_id is not None:
            self.replays.append((job, earlier.assignment_id))
        else:
            told = Answer(earlier.status, (earlier.answer or "").encode(), replayed=True)
            self.answers.append((job, told))
        return True

    def _assign(self, job: Assign) -> None:
        arrival = job.arrival
        question = DecisionRequest(
            kind="assign",
            assignment_id=uuid7(),
            lead_id=uuid7(),
            values={**arrival.values, "trigger": job.trigger},
            exclude=job.exclude,
            prior=find_prior(arrival, self.plan.window, self.found, self.booking),
            account=self._account(job.account_keys),
        )
        decision = self._decide(
            job, with_plugin_results(job, question, self.plan, self.booking.now), arrival.normalized
        )
        self.received += 1
        self.matched += decision.existing_lead is not None
        self._know(arrival, decision.existing_lead.lead_id if decision.existing_lead else question.lead_id)

    def _know(self, arrival: IncomingLead, lead_id: str) -> None:
        """From now on the person is known by all of these keys."""
        for identity in arrival.keys:
            self.booking.rows.identities[identity] = lead_id

    def _adopt(self, job: ImportLead) -> None:
        prior = find_prior(job.arrival, None, self.found, self.booking)
        facts = self.booking.facts
        question = import_lead.request_for(job, prior, facts.directory, facts.now)
        if question is None:
            self._tell(job, Answer(204, b""))
            return
        if prior is not None:
            self.booking.end(prior)
        self._decide(job, question, job.arrival.normalized, status=200 if prior else 201)
        self._know(job.arrival, question.lead_id)
        self.received += prior is None
        if job.closed:
            self.booking.close(self.booking.present[question.lead_id], "closed", import_lead.ACTOR)

    def _account(self, keys: Callable[[], Sequence[AccountKey]]) -> AccountMatch | None:
        """The account a lead with these keys belongs to; nobody looks where the plan does not ask."""
        if not self.plan.wants_accounts or self.found.accounts is None:
            return None
        return self.found.accounts.matched(keys())

    def _reassign(self, job: Reassign) -> None:
        lead = self._lead(job.lead_id)
        if job.to is not None:
            check_target(job.to, job.exclude, self.booking.facts.directory, self.plan.queues)
        question = DecisionRequest(
            kind="reassign",
            assignment_id=uuid7(),
            lead_id=job.lead_id,
            values={**lead.values, "trigger": "manual"},
            exclude=job.exclude,
            to=job.to,
            note=job.reason,
            account=self._account(lambda: keys_of_lead(lead.values)),
        )
        self._decide_again(job, question, lead)

    def _stored(self, lead_id: str) -> CurrentLead | None:
        """A lead that was there before this pass, as it stands after the jobs so far."""
        return self.booking.present.get(lead_id) or self.extra.leads.get(lead_id)

    def _lead(self, lead_id: str) -> CurrentLead:
        lead = self._stored(lead_id)
        if lead is None or lead.prior.state in {"merged", "erased", "failed"}:
            raise NotFound("there is no such lead")
        return lead

    def _claim(self, job: Claim) -> None:
        refused = claim_refusal(job.owner_id, job.queue, self.plan, self.booking.facts)
        if refused is not None and refused.code == "not_found":
            raise refused_at(("owner_id",), "unknown_owner", "names an owner that does not exist")
        waiting = filter(self._still_waits, self.extra.queues.get(job.looks_for(), ()))
        lead = first_waiting(job, waiting, refused, self.booking.facts, self.plan.queues)
        question = DecisionRequest(
            kind="claim",
            assignment_id=uuid7(),
            lead_id=lead.prior.lead_id,
            values=lead.values,
            to=Target("owner", job.owner_id),
            queue=job.queue,
            account=self._account(lambda: keys_of_lead(lead.values)),
        )
        self._decide_again(job, question, lead, status=200)

    def _still_waits(self, lead: CurrentLead) -> bool:
        now = self.booking.present.get(lead.prior.lead_id)
        if now is None:
            return True
        return now.prior.state == "queued" and now.prior.assignment_id == lead.prior.assignment_id

    def _release(self, job: Release) -> None:
        """Once only, whoever asks: what is claimed, decided or held anew by now is left alone."""
        lead = self._stored(job.lead_id)
        if lead is None or not is_due(lead.prior, job.assignment_id, self.booking.now):
            self._tell(job, Answer(204, b""))
            return
        question = DecisionRequest(
            kind="release",
            assignment_id=uuid7(),
            lead_id=job.lead_id,
            values=lead.values,
            exclude=lead.exclude,
            account=self._account(lambda: keys_of_lead(lead.values)),
        )
        self._decide_again(job, question, lead)

    def _report(self, job: ReportEvent) -> None:
        found = self.extra.assignments.get(job.assignment_id)
        if found is None:
            raise NotFound("there is no such assignment")
        lead_id, assignment_id = found
        lead = self._lead(lead_id)
        if lead.prior.assignment_id != assignment_id:
            raise Conflict("the lead has moved on from this assignment", code="superseded")
        if lead.prior.state != "closed":
            self.booking.close(lead, job.type, job.actor)
        body = {"assignment_id": job.assignment_id, "lead_id": lead_id, "type": job.type, "state": "closed"}
        self._tell(job, Answer(200, orjson.dumps(body)))

    def _decide_again(
        self, job: Job, question: DecisionRequest, lead: CurrentLead, *, status: int = 201
    ) -> None:
        """A lead leaves where it was, and is decided anew, once plugins have spoken about it."""
        question = with_plugin_results(job, question, self.plan, self.booking.now)
        self.booking.end(lead.prior)
        self._decide(job, question, lead.normalized, status=status)

    def _decide(
        self, job: Job, question: DecisionRequest, normalized: Mapping[str, Any], *, status: int = 201
    ) -> Decision:
        decision = decide(question, self.plan, self.booking.facts)
        told = self.booking.book(question, decision, normalized)
        if job.key is not None:
            self.booking.key(job.key.text, job.key.body_hash, question.assignment_id)
        self.answers.append((job, Answer(status, told)))
        return decision

    def _tell(self, job: Job, answer: Answer) -> None:
        """Answer what is no decision; the job's key stands for this answer from now on."""
        if job.key is not None:
            self.booking.key_of_answer(job.key, answer)
        self.answers.append((job, answer))
