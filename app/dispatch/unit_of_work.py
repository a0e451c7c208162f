"""What the decisions of one commit group change: the rows to write, and the state after them."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from app.dispatch.decision_rows import (
    OPEN,
    change_of_lead,
    ledger_row,
    numbered_actions,
    offered_beside_answer,
    prior_of,
    with_ids,
)
from app.engine.compile.plan import NO_TERMS
from app.engine.followup.contact import Contacted
from app.engine.life.clocks import CLOCK_KINDS, Clock, ClockState
from app.engine.life.preferences import Preferences
from app.engine.life.queues import QueueTerms
from app.engine.life.sales import Deal
from app.engine.life.signals import Signals
from app.engine.lookup.tables import NO_TABLES, Tables
from app.engine.model.decision import Decision, LedgerEntry, PriorAssignment
from app.engine.model.lead_keys import LeadKey, SuppressionKey
from app.engine.model.state import Facts
from app.metrics.counters import CLOCKS_MET, EVENTS, REJECTS, Tally
from app.metrics.label_names import OTHER
from app.store.leads.bulk_jobs import BulkResultRow
from app.store.leads.current_leads import CurrentLead
from app.store.leads.histories import TrackedAssignment
from app.store.life.events import AmendedEvent, EarlierEvent, EventRow
from app.store.life.outbox import ActionRow
from app.store.life.preferences import ContactRow
from app.store.life.suppressions import RejectSuppression
from app.store.path.group_write import (
    EndRow,
    LeadRow,
    PendingRows,
    ProgressRow,
    RejectRow,
)
from app.store.path.idempotency import IdempotencyKey, KeyRow, Reply
from app.store.path.snapshot import Snapshot
from app.store.privacy.erase import EraseRow


@dataclass(slots=True)
class UnitOfWork:
    """Collects what the decisions so far change.

    queues:     the queues of the plan.
    rows:       what is still to be written; `take_rows` hands it over.
    stored:     the leads that have a row already.
    present:    the leads that were decided here, as they are now.
    before:     returning leads as they were stored, for those that were only looked up.
    identities: the leads that got a key here, by its kind and value, from any source.
    new_keys, lost_keys: the keys that leads got and lost here.
    replies, responses: what a later job may look up, written or not.
    histories:  the assignments of the leads that a job of this group asked for, kept up to date.
    events:     the events of this group by source and id.
    deals:      the deals that events of this group are about, by lead and `ref`, as they are now.
    suppressed: the entries that suppression lists got here, as the list by address or domain.
    lifted:     the assignments whose entries of suppression lists are gone.
    company_names: hashes of the names that companies got here, by domain.
    acted_on:   the leads with actions of this group.
    changes:    how many rows of the change log were made here.
    tally:      what metrics count, besides decisions.
    """

    snapshot: Snapshot
    plan_version: int
    now: datetime
    stored: set[str]
    tables: Tables = NO_TABLES
    queues: Mapping[str, QueueTerms] = field(default_factory=dict)
    rows: PendingRows = field(default_factory=PendingRows)
    decided: list[Decision] = field(default_factory=list)
    present: dict[str, CurrentLead] = field(default_factory=dict)
    before: dict[str, PriorAssignment] = field(default_factory=dict)
    identities: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    new_keys: dict[str, set[LeadKey]] = field(default_factory=dict)
    lost_keys: set[tuple[LeadKey, str]] = field(default_factory=set)
    replies: dict[str, KeyRow] = field(default_factory=dict)
    responses: dict[str, bytes] = field(default_factory=dict)
    histories: dict[str, list[TrackedAssignment]] = field(default_factory=dict)
    events: dict[tuple[str, str], EarlierEvent] = field(default_factory=dict)
    deals: dict[tuple[str, str], Deal] = field(default_factory=dict)
    suppressed: dict[SuppressionKey, str] = field(default_factory=dict)
    lifted: set[str] = field(default_factory=set)
    company_names: dict[str, set[str]] = field(default_factory=dict)
    acted_on: set[str] = field(default_factory=set)
    changes: int = 0
    tally: Tally = field(default_factory=Tally)
    preferences: dict[str, Preferences] = field(default_factory=dict)
    contacts: dict[str, list[Contacted]] = field(default_factory=dict)

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

    @property
    def directory_version(self) -> int:
        """The number of the newest change."""
        return self.snapshot.entry.directory_version + self.changes

    def log_move(self, before: PriorAssignment, actor: str) -> None:
        """Log that a caller moved a lead from where it was to where it is now.

        The reason is free text, so only the decision has it: it may name a person, who can be erased there.
        """
        self.changes += 1
        after = self.prior_now(before.lead_id)
        self.rows.changes.append(change_of_lead(before, after, self.directory_version, actor))

    def keep_reply(self, key: IdempotencyKey, reply: Reply) -> None:
        """From now on the key stands for this reply: a decision, or else a body of its own."""
        body = reply.body.decode() if reply.assignment_id is None else None
        self.rows.keys[key.text] = self.replies[key.text] = KeyRow(
            key.text, key.body_hash.hex(), reply.assignment_id, reply.status, self.now, body, reply.lead_id
        )

    def identify(self, keys: Collection[LeadKey], lead_id: str) -> None:
        """From now on these keys lead to this lead too."""
        self.new_keys.setdefault(lead_id, set()).update(keys)
        for key in keys:
            self.rows.identities[key, lead_id] = None
            self.identities.setdefault(key[:2], []).append(lead_id)
            if self.lost_keys:
                self.lost_keys.discard((key, lead_id))
                self.rows.lost_keys.discard((key, lead_id))

    def forget(self, key: LeadKey, lead_id: str) -> None:
        """From now on this key no longer leads to this lead."""
        self.rows.identities.pop((key, lead_id), None)
        self.rows.lost_keys.add((key, lead_id))
        self.lost_keys.add((key, lead_id))
        self.new_keys.get(lead_id, set()).discard(key)

    def take_rows(self) -> PendingRows:
        """Hand over the rows so far, to be written next. From now on they count as stored."""
        rows, self.rows = self.rows, PendingRows()
        self.stored |= rows.leads.keys()
        return rows

    def end(self, prior: PriorAssignment, cause: str) -> None:
        """The lead leaves where it was, for this cause; the owner's load falls by one, and clocks stop."""
        if prior.state in OPEN or prior.state == "automated":
            self._end(prior.assignment_id, prior.lead_id, cause)
        if prior.state == "assigned" and prior.owner is not None:
            self.snapshot.state.free(prior.owner, prior.team)

    def close(self, lead: CurrentLead, cause: str = "closed") -> None:
        """Close a lead: its assignment ends, and nobody follows."""
        self.end(lead.prior, cause)
        self.settle_as(lead, "closed")

    def erase(self, lead: CurrentLead, row: EraseRow) -> None:
        """End a lead wherever it is, and erase what is held about it."""
        prior = lead.prior
        self.end(prior, "erased")
        self.move(LeadRow(prior.lead_id, "erased", prior.assignment_id, self.now))
        self.present[prior.lead_id] = replace(
            lead, prior=replace(prior, state="erased"), values={}, normalized={}
        )
        self.rows.overtaken.discard(prior.lead_id)
        self.rows.erased[prior.lead_id] = row

    def fall_back(self, lead: CurrentLead, to: TrackedAssignment, cause: str) -> None:
        """End the current assignment of a lead, and leave the lead with another open one."""
        prior = lead.prior
        self.end(prior, cause)
        fields_from = lead.fields_from or prior.assignment_id
        self.move(LeadRow(prior.lead_id, to.outcome, to.id, self.now, fields_from))
        self.present[prior.lead_id] = replace(lead, prior=prior_of(to, prior.barred), fields_from=fields_from)

    def end_tracked(self, tracked: TrackedAssignment, cause: str) -> None:
        """End an open assignment that is not the newest of its lead; the lead stays where it is."""
        self._end(tracked.id, tracked.lead_id, cause)
        if tracked.owner_id is not None:
            self.snapshot.state.free(tracked.owner_id, tracked.team_id)

    def merge(self, lead: CurrentLead) -> None:
        """Another lead takes the place of this one."""
        self.end(lead.prior, "merged")
        self.settle_as(lead, "merged")

    def settle_as(self, lead: CurrentLead, state: str) -> None:
        """A lead has this state from now on, and its assignment stays its newest one."""
        prior = lead.prior
        self.move(LeadRow(prior.lead_id, state, prior.assignment_id, self.now, lead.fields_from))
        self.present[prior.lead_id] = replace(lead, prior=replace(prior, state=state))

    def progress(self, tracked: TrackedAssignment) -> None:
        """An open assignment was worked on; `tracked` says how far."""
        row = self.rows.assignments.get(tracked.id)
        idle_from = tracked.idle_from or tracked.decided_at
        if row is not None:
            row.idle_from = idle_from
        self.rows.progress[tracked.id] = ProgressRow(
            tracked.accepted_at, tracked.touched_at, tracked.active_at, idle_from
        )
        present = self.present.get(tracked.lead_id)
        if present is not None and present.prior.assignment_id == tracked.id:
            prior = replace(present.prior, touched_at=tracked.touched_at, active_at=tracked.active_at)
            self.present[tracked.lead_id] = replace(present, prior=prior)

    def keep_clock(self, clock: Clock) -> None:
        """Write a clock, new or changed."""
        self.rows.clocks[clock.assignment_id, clock.kind] = clock

    def stop_clocks(
        self, tracked: TrackedAssignment, kinds: Iterable[str], state: ClockState, at: datetime
    ) -> None:
        """Stop the pending ones of these clocks of an assignment."""
        for kind in kinds:
            clock = tracked.clocks.get(kind)
            if clock is not None and clock.state == "pending":
                clock.stop(state, at)
                self.keep_clock(clock)
                if state == "met":
                    self.tally[CLOCKS_MET, kind] += 1

    def bar(self, lead: CurrentLead, owner_id: str) -> CurrentLead:
        """This owner never gets the lead again. Returns the lead as it is now."""
        barred = lead.prior.barred | {owner_id}
        self.rows.barred[lead.prior.lead_id] = sorted(barred)
        changed = replace(lead, prior=replace(lead.prior, barred=barred))
        self.present[lead.prior.lead_id] = changed
        return changed

    def keep_result(self, job_id: str, position: int, result: str, details: Mapping[str, Any]) -> None:
        """Record what became of one lead of a bulk job."""
        self.rows.bulk_results[job_id, position] = BulkResultRow(result, details)

    def finish_job(self, job_id: str) -> None:
        """A bulk job has nothing left to do."""
        self.rows.finished_jobs[job_id] = self.now

    def enter(self, entries: Iterable[LedgerEntry], assignment_id: str) -> None:
        """Add rows to the ledger that no decision made."""
        for entry in entries:
            number = self.snapshot.state.enter(entry)
            self.rows.turns.append(ledger_row(entry, number, assignment_id, self.now))

    def keep_reject(self, tracked: TrackedAssignment) -> None:
        """Write whether an assignment is refunded, and what became of a dispute about its reject."""
        self.rows.rejects[tracked.id] = RejectRow(tracked.refunded, tracked.dispute)

    def suppress(self, row: RejectSuppression) -> None:
        """From now on leads with this address or domain are blocked."""
        self.rows.suppressions.append(row)
        self.suppressed[SuppressionKey(row.kind, row.value)] = row.list

    def lift(self, assignment_id: str) -> None:
        """The entries that the reject of this assignment made are gone."""
        gone = [each for each in self.rows.suppressions if each.assignment_id == assignment_id]
        for row in gone:
            self.rows.suppressions.remove(row)
            self.suppressed.pop(SuppressionKey(row.kind, row.value), None)
        self.rows.lifted.add(assignment_id)
        self.lifted.add(assignment_id)

    def count_contacts(self, source_id: str, lead_id: str, actions: Sequence[Mapping[str, Any]]) -> None:
        """Note the actions that contact the person, where a cap counts them."""
        for action in with_ids(source_id, actions):
            if "channel" in action:
                self.count_contact(lead_id, self.now, action["id"], action["channel"])

    def count_contact(self, lead_id: str, at: datetime, action_id: str, channel: str) -> None:
        """An action contacts the person behind a lead."""
        self.rows.contacts.append(ContactRow(lead_id, at, action_id, channel))
        self.contacts.setdefault(lead_id, []).append(Contacted(channel, at))

    def keep_signals(self, lead: CurrentLead, values: Mapping[str, Any], signals: Signals) -> None:
        """The lead has had signals; `values` are its fields with them."""
        self.rows.signals[lead.prior.lead_id] = signals
        self.present[lead.prior.lead_id] = replace(lead, values=values, signals=signals)

    def add_event(self, row: EventRow) -> None:
        """Record an event."""
        self.rows.events.append(row)
        self.tally[EVENTS, row.type] += 1
        if row.effect == "rejected":
            self.tally[REJECTS, row.reason or OTHER] += 1
        if row.event_id is not None:
            self.events[row.source, row.event_id] = EarlierEvent(
                row.body_hash or "",
                row.status or 200,
                (row.response or "").encode(),
                row.id,
                row.lead_id,
                row.assignment_id,
                row.at,
            )

    def amend_event(self, source: str, event_id: str, earlier: EarlierEvent, now: AmendedEvent) -> None:
        """Let an event say something else from now on."""
        self.events[source, event_id] = replace(earlier, body_hash=now.body_hash, said_at=now.said_at)
        self.rows.amended_events[now.id] = now

    def add_actions(self, rows: Sequence[ActionRow]) -> None:
        """Add actions to the outbox. Earlier ones of the same lead do not wait any longer."""
        leads = {row.lead_id for row in rows}
        if not leads.isdisjoint(self.acted_on):
            for earlier in self.rows.actions:
                if earlier.lead_id in leads:
                    earlier.available_at = earlier.created_at
        self.acted_on |= leads
        self.rows.actions.extend(rows)
        self.rows.overtaken.update(lead_id for lead_id in leads if lead_id in self.stored)

    def offer_actions(
        self, event: EventRow, actions: Sequence[Mapping[str, Any]], *, answered: bool = True
    ) -> None:
        """Offer the actions of an event to the readers of the outbox.

        Those that are in an answer too are offered only where somebody executes them: see there.
        """
        rows = numbered_actions(event.id, event.lead_id, event.assignment_id, actions, self.now)
        self.count_contacts(event.id, event.lead_id, actions)
        self.add_actions(offered_beside_answer(rows, self.facts.directory) if answered else rows)

    def _end(self, assignment_id: str, lead_id: str, cause: str) -> None:
        row = self.rows.assignments.get(assignment_id)
        if row is not None:
            row.open, row.end_cause, row.ended_at = False, cause, self.now
        else:
            self.rows.ended[assignment_id] = EndRow(cause, self.now)
        for kind in CLOCK_KINDS:
            clock = self.rows.clocks.get((assignment_id, kind))
            if clock is not None:
                clock.end_with(cause, self.now)
        for tracked in self.histories.get(lead_id, ()):
            if tracked.id == assignment_id:
                tracked.open, tracked.end_cause, tracked.ended_at = False, cause, self.now
                for clock in tracked.clocks.values():
                    clock.end_with(cause, self.now)

    def aging_of(self, queue: str | None) -> int:
        return self.queues.get(queue or "", NO_TERMS).aging

    def move(self, row: LeadRow) -> None:
        """Set the lead's state: in a new row, or in the one that is stored."""
        if row.id in self.rows.leads:
            row.received_at = self.rows.leads[row.id].received_at
            self.rows.leads[row.id] = row
        elif row.id in self.stored:
            self.rows.moved[row.id] = row
        else:
            self.rows.leads[row.id] = row
