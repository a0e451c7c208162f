"""Recording everything that follows from a decision."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

import orjson

from app.dispatch.decision_rows import (
    action_rows,
    assignment_row,
    decision_to_json,
    ledger_row,
    prior_after,
    tracked_from,
)
from app.dispatch.unit_of_work import UnitOfWork
from app.engine.compile.plan import NO_TERMS
from app.engine.life.hidden_fields import without_hidden
from app.engine.life.queues import queue_rank
from app.engine.model import stored
from app.engine.model.decision import Decision, DecisionRequest, PriorAssignment
from app.engine.model.filled import with_origins
from app.engine.model.state import apply_decision
from app.engine.pipeline.junk import STEP as JUNK
from app.metrics.counters import MOVES, REASSIGNMENTS
from app.store.leads.current_leads import CurrentLead
from app.store.path.group_write import AssignmentRow, LeadRow


def record_decision(
    work: UnitOfWork,
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
    inputs = stored.to_json(request, work.plan_version, work.facts, decision)
    _settle_with_prior(work, request, decision)
    state, directory = work.snapshot.state, work.snapshot.directory
    at, imported = _assigned_at(work, request), request.owned is not None
    number = apply_decision(state, directory, decision, at, past=imported)
    work.decided.append(decision)
    if request.kind in MOVES:
        work.tally[REASSIGNMENTS, request.kind] += 1
    aging = work.aging_of(decision.queue)
    row = assignment_row(request, decision, lead_id, work.decision_number, at, work.plan_version, aging)
    if row.idle_from is not None:
        row.idle_from = work.now  # an imported lead is not idle before its import
    work.rows.assignments[row.id] = row
    work.rows.inputs[row.id] = orjson.dumps(inputs, option=orjson.OPT_SORT_KEYS)
    shown = without_hidden(normalized, work.queues.get(decision.queue or "", NO_TERMS).hide)
    body = orjson.dumps(decision_to_json(request, decision, row, shown), option=orjson.OPT_UTC_Z)
    work.rows.responses[row.id] = work.responses[row.id] = body
    if decision.actions:
        work.add_actions(action_rows(request, decision, row, directory))
        work.count_contacts(row.id, lead_id, decision.actions)
    if decision.turn is not None and number is not None:
        work.rows.turns.append(ledger_row(decision.turn, number, row.id, work.now))
    if not decision.keeps_assignment:
        work.move(LeadRow(lead_id, decision.outcome, row.id, work.now))
        barred = request.prior.barred if request.prior is not None else request.barred
        prior = prior_after(row, barred, decision.clocks)
        work.present[lead_id] = _lead(request, prior, normalized, request.exclude)
        _start(work, row, decision, number)
    elif new_fields and decision.code != JUNK:
        prior = work.prior_now(lead_id)
        _keep_fields(work, _lead(request, prior, normalized, excluded, row.id))
    return body


def _start(work: UnitOfWork, row: AssignmentRow, decision: Decision, number: int | None) -> None:
    """Start the clocks of a new assignment, and track it if its lead is tracked.

    `number` is that of its turn.
    """
    for clock in decision.clocks:
        clock.assignment_id, clock.lead_id = row.id, row.lead_id
        work.keep_clock(clock)
    history = work.histories.get(row.lead_id)
    if history is not None:
        history.append(tracked_from(row, decision, number))


def _keep_fields(work: UnitOfWork, lead: CurrentLead) -> None:
    """The lead keeps its assignment, and another decision has its fields from now on."""
    prior = lead.prior
    work.move(LeadRow(prior.lead_id, prior.state, prior.assignment_id, work.now, lead.fields_from))
    work.present[prior.lead_id] = lead


def _assigned_at(work: UnitOfWork, request: DecisionRequest) -> datetime:
    """When the owner got the lead: now, or earlier for an imported one."""
    return request.owned.since if request.owned is not None else work.now


def _settle_with_prior(work: UnitOfWork, request: DecisionRequest, decision: Decision) -> None:
    """Apply the decision to a returning lead's earlier assignment."""
    prior = request.prior
    if decision.existing_lead is None or prior is None:
        return
    if not decision.keeps_assignment:
        work.end(prior, "superseded")
    elif decision.outcome == "queued" and decision.priority > prior.priority:
        _raise(work, prior, decision.priority)


def _raise(work: UnitOfWork, prior: PriorAssignment, priority: int) -> None:
    raised = replace(prior, priority=priority)
    if prior.lead_id in work.present:
        work.present[prior.lead_id] = replace(work.present[prior.lead_id], prior=raised)
    work.before[prior.lead_id] = raised
    row = work.rows.assignments.get(prior.assignment_id)
    rank = queue_rank(priority, work.aging_of(prior.queue), prior.queue_since or prior.decided_at)
    if row is not None:
        row.priority, row.queue_rank = priority, rank
    else:
        work.rows.raised[prior.assignment_id] = (priority, rank)


def _lead(
    request: DecisionRequest,
    prior: PriorAssignment,
    normalized: Mapping[str, Any],
    exclude: frozenset[str],
    fields_from: str | None = None,
) -> CurrentLead:
    """The lead as later jobs of the group find it."""
    by_name = request.account.found_by_name() if request.account is not None else ()
    values = with_origins(request.values, request.filled)
    return CurrentLead(prior, values, normalized, exclude, fields_from, account_ids=by_name)
