"""The books of one pass, as they pile up: rows to be written, and how everything stands after them."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import orjson

from app.dispatch.response import decision_to_json
from app.dispatch.rows import OPEN, assignment_row, prior_after, turn_row
from app.engine.lookup.tables import NO_TABLES, Tables
from app.engine.model import stored
from app.engine.model.decision import Decision, DecisionRequest, PriorAssignment
from app.engine.model.state import Facts, apply_decision
from app.ids import uuid7
from app.store.leads.current_leads import CurrentLead
from app.store.path.group_write import EventRow, KeyRow, LeadRow, PendingRows
from app.store.path.idempotency import Answer, IdempotencyKey
from app.store.path.snapshot import Snapshot


@dataclass(slots=True)
class UnitOfWork:
    """What the decisions so far leave behind. `stored` names the leads that had a row before this pass.

    `present` holds the leads this pass decided, `before` known persons whom it only looked at.
    """

    snapshot: Snapshot
    plan_version: int
    now: datetime
    stored: set[str]
    tables: Tables = NO_TABLES
    rows: PendingRows = field(default_factory=PendingRows)
    decided: list[Decision] = field(default_factory=list)
    present: dict[str, CurrentLead] = field(default_factory=dict)
    before: dict[str, PriorAssignment] = field(default_factory=dict)

    @property
    def facts(self) -> Facts:
        """What the engine decides from, as it stands after the decisions so far."""
        return Facts(self.now, self.snapshot.directory, self.snapshot.state, tables=self.tables)

    @property
    def decision_number(self) -> int:
        """The number of the newest decision."""
        return self.snapshot.entry.decision_number + len(self.decided)

    def stands(self, lead_id: str) -> PriorAssignment:
        """A known person as the decisions so far left him."""
        present = self.present.get(lead_id)
        return present.prior if present else self.before[lead_id]

    def book(self, question: DecisionRequest, decision: Decision, normalized: Mapping[str, Any]) -> bytes:
        """Everything a decision leaves behind. Gives the answer, which is told after the commit."""
        lead_id = decision.existing_lead.lead_id if decision.existing_lead else question.lead_id
        basis = stored.to_json(question, self.plan_version, self.facts, decision)
        self._settle_with_prior(question, decision)
        state, directory, owned = self.snapshot.state, self.snapshot.directory, question.owned
        number = apply_decision(state, directory, decision, self._at(question), past=owned is not None)
        self.decided.append(decision)
        row = assignment_row(
            question, decision, lead_id, self.decision_number, self._at(question), self.plan_version
        )
        self.rows.assignments[row.id] = row
        self.rows.inputs[row.id] = orjson.dumps(basis, option=orjson.OPT_SORT_KEYS)
        told = self.rows.answers[row.id] = orjson.dumps(self._answer(question, decision, lead_id, normalized))
        if decision.turn is not None and number is not None:
            self.rows.turns.append(turn_row(decision.turn, number, row.id, self.now))
        if not decision.keeps_assignment:
            self._move(LeadRow(lead_id, decision.outcome, row.id, self.now))
            self.present[lead_id] = CurrentLead(
                prior_after(row), question.values, normalized, question.exclude
            )
        return told

    def key(self, text: str, body_hash: bytes, assignment_id: str) -> None:
        """From now on the key stands for this decision."""
        self.rows.keys[text] = KeyRow(text, body_hash.hex(), assignment_id, 201, self.now)

    def key_of_answer(self, key: IdempotencyKey, answer: Answer) -> None:
        """From now on the key stands for this answer, which is no decision."""
        told = answer.body.decode()
        self.rows.keys[key.text] = KeyRow(key.text, key.body_hash.hex(), None, answer.status, self.now, told)

    def close(self, lead: CurrentLead, type_: str, actor: str) -> None:
        """The lead is done with: it leaves where it was, and that is noted."""
        prior = lead.prior
        self.end(prior)
        self.rows.events.append(EventRow(uuid7(), prior.assignment_id, type_, self.now, actor))
        self._move(LeadRow(prior.lead_id, "closed", prior.assignment_id, self.now))
        self.present[prior.lead_id] = replace(lead, prior=replace(prior, state="closed"))

    def _at(self, question: DecisionRequest) -> datetime:
        """When the owner got the lead: now, or when he did before we knew of it."""
        return question.owned.since if question.owned is not None else self.now

    def _answer(
        self, question: DecisionRequest, decision: Decision, lead_id: str, normalized: Mapping[str, Any]
    ) -> dict[str, Any]:
        return decision_to_json(
            decision,
            assignment_id=question.assignment_id,
            lead_id=lead_id,
            decision_number=self.decision_number,
            decided_at=self._at(question),
            plan_version=self.plan_version,
            normalized=normalized,
        )

    def _settle_with_prior(self, question: DecisionRequest, decision: Decision) -> None:
        """What the decision does to a known person's former assignment."""
        prior = question.prior
        if decision.existing_lead is None or prior is None:
            return
        if not decision.keeps_assignment:
            self.end(prior)
        elif decision.outcome == "queued" and decision.priority > prior.priority:
            self._raise(prior, decision.priority)

    def _raise(self, prior: PriorAssignment, priority: int) -> None:
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

    def end(self, prior: PriorAssignment) -> None:
        """The lead leaves where it was; an owner's open place is free again."""
        if prior.state in OPEN:
            booked = self.rows.assignments.get(prior.assignment_id)
            if booked is not None:
                booked.open = False
            else:
                self.rows.ended.add(prior.assignment_id)
        if prior.state == "assigned" and prior.owner is not None:
            self.snapshot.state.free(prior.owner, prior.team)
