"""The desk behind the gate: jobs are decided one after another, and the rows of the pass pile up.

Nothing here waits. What a later job of the same pass must see of an earlier one, it finds here: keys,
persons, and what ended.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import orjson

from app.dispatch.answer import answer
from app.dispatch.jobs import Answer, Assign, Claim, Job, Reassign, Report
from app.engine import inputs
from app.engine.claims import claim_refusal
from app.engine.decide import decide
from app.engine.model import Decision, Prior, Question, Target, Turn
from app.engine.plan import Plan
from app.engine.state import Facts, apply
from app.ids import uuid7
from app.intake.arrival import Arrival
from app.problems import Conflict, Fault, Forbidden, IdempotencyMismatch, NotFound, Problem, Refused
from app.store.books import AssignmentRow, EventRow, KeyRow, LeadRow, Rows, TurnRow
from app.store.facts import Found, Replay
from app.store.leads import Present
from app.store.remembered import Remembered

KEY_HOLDS = timedelta(days=7)
_OPEN = {"assigned", "queued"}


@dataclass(slots=True)
class Extra:
    """Facts that only some jobs need: leads by id, queues by name, and which lead an assignment is of."""

    leads: dict[str, Present] = field(default_factory=dict)
    queues: dict[tuple[str, str | None], list[Present]] = field(default_factory=dict)
    assignments: dict[str, tuple[str, str]] = field(default_factory=dict)


@dataclass(slots=True)
class Desk:
    """One pass being decided. `answers` and `problems` are told only after the commit."""

    plan: Plan
    remembered: Remembered
    found: Found
    extra: Extra
    now: datetime
    rows: Rows = field(default_factory=Rows)
    answers: list[tuple[Job, Answer]] = field(default_factory=list)
    problems: list[tuple[Job, Problem]] = field(default_factory=list)
    replays: list[tuple[Job, str]] = field(default_factory=list)
    decided: list[Decision] = field(default_factory=list)
    present: dict[str, Present] = field(default_factory=dict)
    before: dict[str, Prior] = field(default_factory=dict)
    stored: set[str] = field(default_factory=set)
    received: int = 0
    recognised: int = 0

    @property
    def facts(self) -> Facts:
        """What the engine decides from, as it stands after the jobs so far."""
        return Facts(self.now, self.remembered.directory, self.remembered.state)

    @property
    def sequence(self) -> int:
        """The number of the newest decision."""
        return self.remembered.entry.sequence + len(self.decided)

    def take(self, job: Job) -> None:
        """Decide one job. What it may not have is its own problem and nobody else's."""
        try:
            if not self._replayed(job):
                self._answer(job)
        except Problem as problem:
            self.problems.append((job, problem))

    def _answer(self, job: Job) -> None:
        match job:
            case Assign():
                self._assign(job)
            case Reassign():
                self._reassign(job)
            case Claim():
                self._claim(job)
            case Report():
                self._report(job)

    def _replayed(self, job: Job) -> bool:
        """Whether the job's key has its decision already. Raises IdempotencyMismatch for another body."""
        key = job.key
        if key is None:
            return False
        for text in {key.text, key.first or key.text}:
            earlier = self._earlier(text)
            if earlier is not None and earlier.body_hash != key.body_hash:
                raise IdempotencyMismatch("this Idempotency-Key was used with another body")
        earlier = self._earlier(key.text)
        if earlier is None:
            return False
        self.replays.append((job, earlier.assignment_id))
        return True

    def _earlier(self, text: str) -> Replay | None:
        for row in self.rows.keys:
            if row.key == text:
                return Replay(bytes.fromhex(row.body_hash), row.assignment_id, row.at)
        earlier = self.found.replays.get(text)
        return earlier if earlier is not None and self.now - earlier.at <= KEY_HOLDS else None

    def _assign(self, job: Assign) -> None:
        arrival = job.arrival
        question = Question(
            kind="assign",
            assignment_id=uuid7(),
            lead_id=uuid7(),
            values={**arrival.values, "trigger": job.trigger},
            exclude=job.exclude,
            prior=self._prior(arrival),
        )
        decision = self._decide(question)
        self.received += 1
        self.recognised += decision.known is not None
        lead_id = decision.known.lead_id if decision.known else question.lead_id
        for identity in arrival.keys:
            self.rows.identities[identity] = lead_id
        self._book(job, question, decision, arrival.normalized)

    def _prior(self, arrival: Arrival) -> Prior | None:
        """The person as known by the first of his keys that is known within the window."""
        for identity in arrival.keys:
            prior = self._prior_by(identity)
            if prior is not None and self.plan.window and self.now - prior.decided_at <= self.plan.window:
                return prior
        return None

    def _prior_by(self, identity: tuple[str, str]) -> Prior | None:
        lead_id = self.rows.identities.get(identity)
        if lead_id is None:
            stored = self.found.priors.get(identity)
            if stored is None:
                return None
            lead_id = stored.lead_id
            self.before.setdefault(lead_id, stored)
        return replace(self._stands(lead_id), matched_by=identity[0])

    def _stands(self, lead_id: str) -> Prior:
        """A known person as the jobs so far left him."""
        present = self.present.get(lead_id)
        return present.prior if present else self.before[lead_id]

    def _reassign(self, job: Reassign) -> None:
        lead = self._lead(job.lead_id)
        if job.to is not None and job.to.kind == "owner":
            self._check_wanted(job.to.name, job.exclude)
        question = Question(
            kind="reassign",
            assignment_id=uuid7(),
            lead_id=job.lead_id,
            values={**lead.values, "trigger": "manual"},
            exclude=job.exclude,
            to=job.to,
        )
        self._end(lead.prior)
        self._book(job, question, self._decide(question), lead.normalized)

    def _lead(self, lead_id: str) -> Present:
        lead = self.present.get(lead_id) or self.extra.leads.get(lead_id)
        if lead is None or lead.prior.state in {"merged", "erased", "failed"}:
            raise NotFound("there is no such lead")
        return lead

    def _check_wanted(self, owner_id: str, exclude: frozenset[str]) -> None:
        owner = self.remembered.directory.owners.get(owner_id)
        if owner is None:
            raise _refused("to", "unknown_owner", "names an owner that does not exist")
        if not owner.active:
            raise Conflict("the wanted owner is not active", code="inactive")
        if owner_id in exclude:
            raise _refused("to", "excluded", "names an owner who is excluded as well")

    def _claim(self, job: Claim) -> None:
        refused = claim_refusal(job.owner_id, job.queue, self.plan, self.facts)
        if refused is not None and refused.code == "missing":
            raise _refused("owner_id", "unknown_owner", "names an owner that does not exist")
        if refused is not None:
            raise Forbidden("this owner may not claim from this queue now", code=refused.code)
        lead = self._first_waiting(job)
        question = Question(
            kind="claim",
            assignment_id=uuid7(),
            lead_id=lead.prior.lead_id,
            values=lead.values,
            to=Target("owner", job.owner_id),
            queue=job.queue,
        )
        self._end(lead.prior)
        self._book(job, question, self._decide(question), lead.normalized)

    def _first_waiting(self, job: Claim) -> Present:
        for lead in self.extra.queues.get((job.queue, job.lead_id), ()):
            if self._still_waits(lead.prior):
                return lead
        if job.lead_id is not None:
            raise Conflict("this lead does not wait in this queue", code="not_waiting")
        raise Conflict("nothing waits in this queue", code="queue_empty")

    def _still_waits(self, prior: Prior) -> bool:
        now = self.present.get(prior.lead_id)
        return now is None or now.prior.assignment_id == prior.assignment_id

    def _report(self, job: Report) -> None:
        found = self.extra.assignments.get(job.assignment_id)
        if found is None:
            raise NotFound("there is no such assignment")
        lead_id, assignment_id = found
        lead = self._lead(lead_id)
        if lead.prior.assignment_id != assignment_id:
            raise Conflict("the lead has moved on from this assignment", code="superseded")
        if lead.prior.state != "closed":
            self._close(job, lead)
        body = {"assignment_id": job.assignment_id, "lead_id": lead_id, "type": job.type, "state": "closed"}
        self.answers.append((job, Answer(200, orjson.dumps(body))))

    def _close(self, job: Report, lead: Present) -> None:
        prior = lead.prior
        self._end(prior)
        self.rows.events.append(EventRow(uuid7(), prior.assignment_id, job.type, self.now, job.actor))
        self._move(LeadRow(prior.lead_id, "closed", prior.assignment_id, self.now))
        self.present[prior.lead_id] = replace(lead, prior=replace(prior, state="closed"))

    def _decide(self, question: Question) -> Decision:
        return decide(question, self.plan, self.facts)

    def _book(self, job: Job, question: Question, decision: Decision, normalized: Mapping[str, Any]) -> None:
        """Everything a decision leaves behind: rows, state, and the answer to tell after the commit."""
        lead_id = decision.known.lead_id if decision.known else question.lead_id
        basis = inputs.written(question, self.plan.version, self.facts, decision)
        self._settle_with_prior(question, decision)
        number = apply(self.remembered.state, self.remembered.directory, decision, self.now)
        self.decided.append(decision)
        told = answer(
            decision,
            assignment_id=question.assignment_id,
            lead_id=lead_id,
            sequence=self.sequence,
            decided_at=self.now,
            plan_version=self.plan.version,
            normalized=normalized,
        )
        row = self._assignment(question, decision, lead_id)
        self.rows.answers[row.id] = self._tell(job, question, told)
        self.rows.inputs[row.id] = orjson.dumps(basis, option=orjson.OPT_SORT_KEYS)
        self.rows.assignments[row.id] = row
        if decision.turn is not None and number is not None:
            self.rows.turns.append(_turn_row(decision.turn, number, row.id, self.now))
        if not decision.keeps_prior:
            self._move(LeadRow(lead_id, decision.outcome, row.id, self.now))
            self.present[lead_id] = Present(_prior_after(row), question.values, normalized)
        if job.key is not None:
            self.rows.keys.append(KeyRow(job.key.text, job.key.body_hash.hex(), row.id, 201, self.now))

    def _tell(self, job: Job, question: Question, told: Mapping[str, Any]) -> bytes:
        """The answer's bytes, the same for the caller, for the books and for every replay."""
        body = orjson.dumps(told)
        self.answers.append((job, Answer(200 if question.kind == "claim" else 201, body)))
        return body

    def _settle_with_prior(self, question: Question, decision: Decision) -> None:
        """What the decision does to a known person's former assignment."""
        prior = question.prior
        if decision.known is None or prior is None:
            return
        if not decision.keeps_prior:
            self._end(prior)
        elif decision.outcome == "queued" and decision.priority > prior.priority:
            self._raise(prior, decision.priority)

    def _raise(self, prior: Prior, priority: int) -> None:
        raised = replace(prior, priority=priority)
        if prior.lead_id in self.present:
            self.present[prior.lead_id] = replace(self.present[prior.lead_id], prior=raised)
        self.before[prior.lead_id] = raised
        booked = self.rows.assignments.get(prior.assignment_id)
        if booked is not None:
            booked.priority = priority
        else:
            self.rows.raised[prior.assignment_id] = priority

    def _move(self, row: LeadRow) -> None:
        """The lead as it stands now: a new row, or what changed of one that is stored."""
        if row.id in self.rows.leads:
            row.received_at = self.rows.leads[row.id].received_at
            self.rows.leads[row.id] = row
        elif row.id in self.stored:
            self.rows.moved[row.id] = row
        else:
            self.rows.leads[row.id] = row

    def _assignment(self, question: Question, decision: Decision, lead_id: str) -> AssignmentRow:
        known = decision.known
        return AssignmentRow(
            id=question.assignment_id,
            sequence=self.sequence,
            lead_id=lead_id,
            cause=question.kind,
            outcome=decision.outcome,
            code=decision.code,
            step=decision.step,
            owner_id=decision.owner.id if decision.owner else None,
            team_id=decision.team,
            queue=decision.queue,
            path=decision.path,
            block=decision.block,
            priority=decision.priority,
            open=decision.outcome in _OPEN and not decision.keeps_prior,
            counted=decision.counts,
            known_kind=known.kind if known else None,
            of_assignment=known.assignment_id if known else None,
            decided_at=self.now,
            plan_version=self.plan.version,
        )

    def _end(self, prior: Prior) -> None:
        """The lead leaves where it was; an owner's open place is free again."""
        if prior.state in _OPEN:
            booked = self.rows.assignments.get(prior.assignment_id)
            if booked is not None:
                booked.open = False
            else:
                self.rows.ended.add(prior.assignment_id)
        if prior.state == "assigned" and prior.owner is not None:
            self.remembered.state.free(prior.owner, prior.team)


def _turn_row(turn: Turn, number: int, assignment_id: str, now: datetime) -> TurnRow:
    return TurnRow(
        team_id=turn.team,
        number=number,
        cause=turn.cause,
        chosen=turn.chosen,
        assignment_id=assignment_id,
        at=now,
        owners=list(turn.changes),
        amounts=list(turn.changes.values()),
    )


def _prior_after(row: AssignmentRow) -> Prior:
    """How the next one who asks finds the lead."""
    return Prior(
        lead_id=row.lead_id,
        assignment_id=row.id,
        matched_by="lead_id",
        state=row.outcome,
        owner=row.owner_id,
        team=row.team_id,
        queue=row.queue,
        path=row.path,
        block=row.block,
        priority=row.priority,
        decided_at=row.decided_at,
    )


def _refused(name: str, code: str, detail: str) -> Refused:
    return Refused(faults=[Fault((name,), code, detail)])
