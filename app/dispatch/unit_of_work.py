"""What the decisions of one commit group change: the rows to write, and the state after them."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import orjson

from app.dispatch.record import OPEN, assignment_row, decision_to_json, ledger_row, prior_after
from app.engine.lookup.tables import NO_TABLES, Tables
from app.engine.model import stored
from app.engine.model.decision import Decision, DecisionRequest, PriorAssignment
from app.engine.model.lead_keys import LeadKey
from app.engine.model.state import Facts, apply_decision
from app.ids import uuid7
from app.store.leads.current_leads import CurrentLead
from app.store.path.group_write import EventRow, LeadRow, PendingRows
from app.store.path.idempotency import IdempotencyKey, KeyRow, Reply
from app.store.path.snapshot import Snapshot


@dataclass(slots=True)
class UnitOfWork:
    """Collects what the decisions so far change.

    rows:       what is still to be written; `take_rows` hands it over.
    stored:     the leads that have a row already.
    present:    the leads that were decided here, as they are now.
    before:     returning leads as they were stored, for those that were only looked up.
    identities: the leads that got a key here, by its kind and value, from any source.
    new_keys, lost_keys: the keys that leads got and lost here.
    replies, responses: what a later job may look up, written or not.
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
    identities: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    new_keys: dict[str, set[LeadKey]] = field(default_factory=dict)
    lost_keys: set[tuple[LeadKey, str]] = field(default_factory=set)
    replies: dict[str, KeyRow] = field(default_factory=dict)
    responses: dict[str, bytes] = field(default_factory=dict)

    @property
    def facts(self) -> Facts:
        """What the engine decides from, after the decisions so far."""
        return Facts(self.now, self.snapshot.directory, self.snapshot.state, tables=self.tables)

    @property
    def decision_number(self) -> int:
        """The number of the newest decision."""
        return self.snapshot.entry.decision_number + len(self.decided)

    def prior_now(self, lead_id: str) -> PriorAssignment:
        """A returning lead's assignment after the decisions so far."""
        present = self.present.get(lead_id)
        return present.prior if present else self.before[lead_id]

    def record(
        self,
        request: DecisionRequest,
        decision: Decision,
        normalized: Mapping[str, Any],
        *,
        excluded: frozenset[str] = frozenset(),
        new_fields: bool = False,
    ) -> bytes:
        """Record everything that follows from a decision. Returns the body of the response.

        `new_fields` says that the request changed the fields of a returning lead. `excluded` are the owners
        that its assignment excludes.
        """
        lead_id = decision.existing_lead.lead_id if decision.existing_lead else request.lead_id
        inputs = stored.to_json(request, self.plan_version, self.facts, decision)
        self._settle_with_prior(request, decision)
        state, directory = self.snapshot.state, self.snapshot.directory
        at, imported = self._assigned_at(request), request.owned is not None
        number = apply_decision(state, directory, decision, at, past=imported)
        self.decided.append(decision)
        row = assignment_row(request, decision, lead_id, self.decision_number, at, self.plan_version)
        self.rows.assignments[row.id] = row
        self.rows.inputs[row.id] = orjson.dumps(inputs, option=orjson.OPT_SORT_KEYS)
        body = orjson.dumps(decision_to_json(request, decision, row, normalized), option=orjson.OPT_UTC_Z)
        self.rows.responses[row.id] = self.responses[row.id] = body
        if decision.turn is not None and number is not None:
            self.rows.turns.append(ledger_row(decision.turn, number, row.id, self.now))
        if not decision.keeps_assignment:
            self._move(LeadRow(lead_id, decision.outcome, row.id, self.now))
            self.present[lead_id] = CurrentLead(prior_after(row), request.values, normalized, request.exclude)
        elif new_fields:
            prior = self.prior_now(lead_id)
            self._keep_fields(CurrentLead(prior, request.values, normalized, excluded, row.id))
        return body

    def keep_reply(self, key: IdempotencyKey, reply: Reply) -> None:
        """From now on the key stands for this reply: a decision, or else a body of its own."""
        body = reply.body.decode() if reply.assignment_id is None else None
        self.rows.keys[key.text] = self.replies[key.text] = KeyRow(
            key.text, key.body_hash.hex(), reply.assignment_id, reply.status, self.now, body
        )

    def identify(self, key: LeadKey, lead_id: str) -> None:
        """From now on this key leads to this lead too."""
        self.rows.identities.add((key, lead_id))
        self.identities.setdefault((key.kind, key.value), []).append(lead_id)
        self.new_keys.setdefault(lead_id, set()).add(key)
        for lost in (self.lost_keys, self.rows.lost_keys):
            lost.discard((key, lead_id))

    def forget(self, key: LeadKey, lead_id: str) -> None:
        """From now on this key no longer leads to this lead."""
        self.rows.identities.discard((key, lead_id))
        self.rows.lost_keys.add((key, lead_id))
        self.lost_keys.add((key, lead_id))
        self.new_keys.get(lead_id, set()).discard(key)

    def take_rows(self) -> PendingRows:
        """Hand over the rows so far, to be written next. From now on they count as stored."""
        rows, self.rows = self.rows, PendingRows()
        self.stored |= rows.leads.keys()
        return rows

    def end(self, prior: PriorAssignment) -> None:
        """The lead leaves where it was; the owner's load falls by one."""
        if prior.state in OPEN:
            row = self.rows.assignments.get(prior.assignment_id)
            if row is not None:
                row.open = False
            else:
                self.rows.ended.add(prior.assignment_id)
        if prior.state == "assigned" and prior.owner is not None:
            self.snapshot.state.free(prior.owner, prior.team)

    def close(self, lead: CurrentLead, type_: str, actor: str) -> None:
        """Close a lead, and record the event that closed it."""
        prior = lead.prior
        self.end(prior)
        self.rows.events.append(EventRow(uuid7(), prior.assignment_id, type_, self.now, actor))
        self._move(LeadRow(prior.lead_id, "closed", prior.assignment_id, self.now, lead.fields_from))
        self.present[prior.lead_id] = replace(lead, prior=replace(prior, state="closed"))

    def _keep_fields(self, lead: CurrentLead) -> None:
        """The lead keeps its assignment, and another decision has its fields from now on."""
        prior = lead.prior
        self._move(LeadRow(prior.lead_id, prior.state, prior.assignment_id, self.now, lead.fields_from))
        self.present[prior.lead_id] = lead

    def _assigned_at(self, request: DecisionRequest) -> datetime:
        """When the owner got the lead: now, or earlier for an imported one."""
        return request.owned.since if request.owned is not None else self.now

    def _settle_with_prior(self, request: DecisionRequest, decision: Decision) -> None:
        """Apply the decision to a returning lead's earlier assignment."""
        prior = request.prior
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
        row = self.rows.assignments.get(prior.assignment_id)
        if row is not None:
            row.priority = priority
        else:
            self.rows.raised[prior.assignment_id] = priority

    def _move(self, row: LeadRow) -> None:
        """Set the lead's state: in a new row, or in the one that is stored."""
        if row.id in self.rows.leads:
            row.received_at = self.rows.leads[row.id].received_at
            self.rows.leads[row.id] = row
        elif row.id in self.stored:
            self.rows.moved[row.id] = row
        else:
            self.rows.leads[row.id] = row
