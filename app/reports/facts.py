"""From what is stored about a lead to its facts for reports. Pure: the same input gives the same facts."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from app.engine.pipeline.junk import REVIEW
from app.engine.pipeline.junk import STEP as BLOCKED
from app.reports.documents import name_of
from app.reports.events import events_of
from app.reports.moves import moves_of
from app.reports.promises import promises_of
from app.reports.rounds import Round, rounds_of
from app.reports.sales import sales_of
from app.reports.told import TOUCHES, Told, first_of, told_of
from app.reports.withdrawals import withdrawals_of
from app.store.reports.fact_rows import AssignmentFact, Fact, JunkVerdict, LeadFact
from app.store.reports.fact_sources import (
    AssignmentRecord,
    ClockRecord,
    Documents,
    EventRecord,
    LeadRecord,
    WithdrawalRecord,
)

FIRST_TIMES = (
    "qualified", "disqualified", "meeting", "opportunity", "purchase", "lost", "closed", "saved", "renewed",
    "expanded", "churned", "unsubscribed", "complained", "invalid_contact", "spam", "not_spam",
)  # fmt: skip
"""The events whose first time stands in the fact of the lead."""
SPAM = ("spam", "not_spam")
"""Events that contradict one another. The newest one counts."""
SEQUENCE = "sequence"
"""The action that starts messages to the lead."""

WorkSeconds = Callable[[str, datetime, datetime], int | None]
"""The working time of an owner between two moments, in seconds. None for an unknown owner."""


@dataclass(frozen=True, slots=True)
class Person:
    """A lead with all that were merged into it: what is stored, each in order."""

    leads: Sequence[LeadRecord]
    assignments: Sequence[AssignmentRecord]
    events: Sequence[EventRecord]
    clocks: Sequence[ClockRecord]
    withdrawals: Sequence[WithdrawalRecord] = ()


@dataclass(slots=True)
class _Person:
    """A person while facts are made. `told` are the events of all leads."""

    root: LeadRecord
    rounds: Mapping[str, Sequence[Round]]
    documents: Mapping[str, Documents]
    told: Sequence[Told]
    clocks: Mapping[str, Sequence[ClockRecord]]
    work_seconds: WorkSeconds
    facts: list[Fact] = field(default_factory=list)


def facts_of(person: Person, documents: Mapping[str, Documents], work_seconds: WorkSeconds) -> list[Fact]:
    """All facts of a lead and of those that were merged into it, with the documents of its assignments."""
    by_lead: dict[str, list[AssignmentRecord]] = {each.id: [] for each in person.leads}
    for each in person.assignments:
        by_lead[each.lead_id].append(each)
    leads = [lead for lead in person.leads if by_lead[lead.id]]
    if not leads:
        return []
    owners = {each.id: each.owner_id for each in person.assignments}
    clocks: dict[str, list[ClockRecord]] = {}
    for clock in person.clocks:
        clocks.setdefault(clock.assignment_id, []).append(clock)
    made = _Person(
        root=_root_of(leads),
        rounds={lead.id: rounds_of(lead, by_lead[lead.id]) for lead in leads},
        documents=documents,
        told=[
            *(told_of(each, owners.get(each.assignment_id)) for each in person.events),
            *withdrawals_of(person.withdrawals, by_lead),
        ],
        clocks=clocks,
        work_seconds=work_seconds,
    )
    for lead in leads:
        _add_lead(made, lead)
    _add_events(made)
    return made.facts


def _root_of(leads: Sequence[LeadRecord]) -> LeadRecord:
    """The lead that remains: of a chain of merges the last. A lead that is gone cannot remain."""
    ids = {lead.id for lead in leads}
    return next((lead for lead in leads if lead.merged_into not in ids), leads[0])


def _cuts(documents: Documents, record: AssignmentRecord, *, excluded: str | None) -> dict[str, Any]:
    return {
        "source": documents.source,
        "campaign": documents.campaign,
        "channel": documents.channel,
        "lead_type": documents.lead_type,
        "band": documents.band,
        "account_status": documents.account_status,
        "trigger": documents.trigger,
        "step": record.step,
        "strategy": documents.strategy,
        "team_id": record.team_id,
        "owner_id": record.owner_id,
        "form": documents.form,
        "plan_version": record.plan_version,
        "excluded": excluded,
    }


def _add_lead(made: _Person, lead: LeadRecord) -> None:
    """The facts of one lead, its decisions and promises."""
    merged = lead is not made.root
    rounds = made.rounds[lead.id]
    own = [each for each in made.told if each.event.lead_id == lead.id]
    told = own if merged else made.told
    assignments: list[AssignmentFact] = []
    placed: list[AssignmentFact] = []
    band = None
    for position, round_ in enumerate(rounds):
        excluded = "merged" if merged else ("blocked" if round_.blocked else None)
        first = made.documents[round_.records[0].id]
        band = first.band or band
        documents = replace(first, band=band)
        found = [_assignment(made, lead, each, documents, excluded, told) for each in round_.records]
        placed += found
        if round_.records[0].existing_kind != "duplicate":
            before = rounds[position - 1].arrived_at if position else None
            _answer(made, found, round_, told, before=before)
        promises = promises_of(made.clocks, found, round_, _next_arrival(rounds, position), told)
        found[0].promised = bool(promises)
        made.facts += promises
        assignments += found
        for each in round_.duplicates:
            own_documents = made.documents[each.id]
            repeated = _assignment(made, lead, each, own_documents, excluded, told)
            repeated.arrival, repeated.arrived_at = "duplicate", each.decided_at
            assignments.append(repeated)
    for fact, move in zip(placed, moves_of(placed), strict=True):
        if move is not None:
            fact.previous_owner_id, fact.ping_pong = move.previous, move.comes_back
            fact.move = move.kind
    made.facts += assignments
    made.facts.append(_lead(made, lead, assignments, told))


def _next_arrival(rounds: Sequence[Round], position: int) -> datetime | None:
    return rounds[position + 1].arrived_at if position + 1 < len(rounds) else None


def _assignment(
    made: _Person,
    lead: LeadRecord,
    record: AssignmentRecord,
    documents: Documents,
    excluded: str | None,
    told: Sequence[Told],
) -> AssignmentFact:
    own = made.documents[record.id]
    cuts = _cuts(replace(documents, strategy=own.strategy), record, excluded=excluded)
    events = [each for each in told if each.event.assignment_id == record.id]
    fact = AssignmentFact(
        **cuts,
        assignment_id=record.id,
        lead_id=lead.id,
        decision_number=record.decision_number,
        decided_at=record.decided_at,
        cause=record.cause,
        outcome=record.outcome,
        code=record.code,
        score=own.score,
        queue=record.queue,
        path=record.path,
        block=record.block,
        open=record.open,
        ended_at=record.ended_at,
        end_cause=record.end_cause,
        attempt=record.attempt,
        handoff=record.handoff,
        counts_toward_load=record.counts_toward_load,
        refunded=record.refunded,
        dispute=record.dispute,
        reject_reason=next(
            (name_of(each.event.reason) for each in events if each.event.effect == "rejected"), None
        ),
        action_types=list(own.action_types),
        junk_parts=list(own.junk_parts),
        tags_conflict=own.tags_conflict,
        accepted_at=record.accepted_at,
        changed_at=_changed_at([record], events),
    )
    touch = first_of([each for each in events if each.touches], record.decided_at)
    if touch is not None:
        fact.touched_at, fact.touched_by = max(touch.event.at, record.decided_at), touch.by
        fact.touch_day_only = touch.event.day_only
    _add_own_touch(made, fact, record, [each for each in events if each.by == record.owner_id])
    return fact


def _add_own_touch(
    made: _Person, fact: AssignmentFact, record: AssignmentRecord, events: Sequence[Told]
) -> None:
    own = first_of([each for each in events if each.touches and not each.event.day_only], record.decided_at)
    if own is None or record.owner_id is None:
        return
    at = fact.owner_touched_at = max(own.event.at, record.decided_at)
    fact.owner_work_seconds = _work(
        made, record, "owner_work_seconds", record.owner_id, record.decided_at, at
    )


def _work(
    made: _Person, record: AssignmentRecord, name: str, owner_id: str | None, start: datetime, at: datetime
) -> int | None:
    """The working time of an owner. What was counted before stays, also if their calendar is another now."""
    known = record.times.work_seconds(name, at) if record.times is not None else None
    if known is not None or owner_id is None:
        return known
    return made.work_seconds(owner_id, start, at)


def _answer(
    made: _Person,
    found: Sequence[AssignmentFact],
    round_: Round,
    told: Sequence[Told],
    *,
    before: datetime | None,
) -> None:
    """How soon the arrival was answered, in the fact of its decision. `before` is the arrival before."""
    fact, ids = found[0], {each.assignment_id for each in found}
    fact.arrival, fact.arrived_at = round_.arrival, round_.arrived_at
    sent = made.documents[fact.assignment_id].submitted_at
    # A field that was not sent again has the time of an earlier arrival.
    if sent is not None and sent < fact.arrived_at and (before is None or sent > before):
        fact.submitted_at = sent
    start = fact.submitted_at or fact.arrived_at
    fact.arrival_owner_id = next((each.owner_id for each in found if each.owner_id is not None), None)

    def belongs(each: Told) -> bool:
        return each.event.at >= start or each.event.assignment_id in ids or before is None

    def work(name: str, at: datetime) -> int | None:
        return _work(made, round_.records[0], name, fact.arrival_owner_id or fact.response_by, start, at)

    events = [each for each in told if belongs(each)]
    touch = first_of([each for each in events if each.touches], start)
    if touch is not None:
        at = fact.response_at = max(touch.event.at, start)
        fact.response_by, fact.response_day_only = touch.by, touch.event.day_only
        fact.response_early = touch.event.at < start and not touch.event.day_only
        if not fact.response_day_only:
            fact.response_work_seconds = work("response_work_seconds", at)
    reached = first_of([each for each in events if each.touches and each.event.type == "reached"], start)
    if reached is not None and not reached.event.day_only:
        fact.response_reached_at = max(reached.event.at, start)
        fact.reached_work_seconds = work("reached_work_seconds", fact.response_reached_at)
    accepted = [max(each.event.at, start) for each in events if each.accepts and not each.event.day_only]
    accepted += [each.decided_at for each in found if each.cause == "claim"]
    if accepted:
        fact.response_accepted_at = min(accepted)
        fact.accepted_work_seconds = work("accepted_work_seconds", fact.response_accepted_at)
    automated = first_of(
        [each for each in events if each.actor == "automated" and each.event.type in TOUCHES], start
    )
    fact.automated_at = max(automated.event.at, start) if automated is not None else None


def _lead(
    made: _Person, lead: LeadRecord, assignments: Sequence[AssignmentFact], told: Sequence[Told]
) -> LeadFact:
    rounds = made.rounds[lead.id]
    first, last = rounds[0].records[0], rounds[-1].records[-1]
    excluded = assignments[0].excluded
    if excluded == "blocked" and any(each.excluded is None for each in assignments):
        excluded = None
    owned = [each for each in assignments if each.owner_id is not None and each.arrival != "duplicate"]
    teams = [each for each in assignments if each.team_id is not None and each.arrival != "duplicate"]
    cuts = _cuts(made.documents[first.id], first, excluded=excluded)
    cuts["band"] = next((each.band for each in assignments if each.band is not None), None)
    cuts["owner_id"] = owned[0].owner_id if owned else None
    cuts["team_id"] = teams[0].team_id if teams else None
    fact = LeadFact(
        **cuts,
        lead_id=lead.id,
        received_at=rounds[0].arrived_at,
        state=lead.state,
        imported=first.cause == "import",
        merged_into=lead.merged_into,
        last_owner_id=owned[-1].owner_id if owned else None,
        last_team_id=teams[-1].team_id if teams else None,
        score=made.documents[first.id].score,
        first_number=first.decision_number,
        changed_at=_changed_at([*(each for one in rounds for each in one.all), last], told),
        tags_conflict=made.documents[first.id].tags_conflict,
        arrivals=len(rounds),
        duplicates=sum(len(each.duplicates) for each in rounds),
        follow_up_at=min(
            (each.decided_at for each in assignments if SEQUENCE in each.action_types), default=None
        ),
        moves=sum(each.move == "move" for each in assignments),
        cover_moves=sum(each.move in ("cover", "return") for each in assignments),
        handoffs=sum(each.move == "handoff" for each in assignments),
        claims=sum(each.move == "claim" for each in assignments),
        rejects=sum(each.end_cause == "rejected" for each in assignments),
        ping_pong=any(each.ping_pong for each in assignments),
        junk_parts=list(made.documents[first.id].junk_parts),
        junk=_junk(made.documents[first.id], first),
        unblocked_at=next((each.decided_at for each in assignments if each.cause == "unblocked"), None),
    )
    _add_contact(fact, told)
    for type_ in FIRST_TIMES:
        setattr(fact, f"{type_}_at", min((e.event.at for e in told if e.event.type == type_), default=None))
    fact.disqualified_reason = next(
        (name_of(each.event.reason) for each in told if each.event.type == "disqualified"), None
    )
    _settle_spam(fact, told)
    return fact


def _junk(documents: Documents, first: AssignmentRecord) -> JunkVerdict | None:
    """What followed from the parts of junk of a first request."""
    if not documents.junk_parts:
        return None
    return "blocked" if first.code == BLOCKED else "review" if first.code == REVIEW else "flagged"


def _settle_spam(fact: LeadFact, told: Sequence[Told]) -> None:
    """Of reports that it is spam and that it is none, the newest counts."""
    said = [each.event for each in told if each.event.type in SPAM]
    if said:
        newest = max(said, key=lambda each: (each.at, each.sequence))
        for type_ in SPAM:
            if newest.type != type_:
                setattr(fact, f"{type_}_at", None)


def _add_contact(fact: LeadFact, told: Sequence[Told]) -> None:
    """Tries and conversations of persons, and automatic answers."""
    touches = [each for each in told if each.touches]
    tries = [each for each in touches if each.event.type == "first_touch"]
    touch = first_of(touches, fact.received_at)
    reached = first_of([each for each in touches if each.event.type == "reached"], fact.received_at)
    automated = [each for each in told if each.actor == "automated" and each.event.type in TOUCHES]
    if touch is not None:
        fact.first_touch_at, fact.first_touch_by = max(touch.event.at, fact.received_at), touch.by
    fact.tries = len(tries)
    if reached is not None:
        fact.reached_at, fact.reached_by = max(reached.event.at, fact.received_at), reached.by
        before = [each for each in tries if each.event.at <= reached.event.at]
        fact.tries_until_reached = len(before) or None
    fact.automated_answers = len(automated)
    fact.automated_at = min((max(each.event.at, fact.received_at) for each in automated), default=None)


def _changed_at(records: Iterable[AssignmentRecord], told: Iterable[Told]) -> datetime:
    times = [at for each in records for at in (each.decided_at, each.ended_at) if at is not None]
    return max([*times, *(each.event.received_at for each in told)])


def _add_events(made: _Person) -> None:
    """The events and sales of all leads of the person, as those of the lead that remains."""
    lead = next(each for each in made.facts if isinstance(each, LeadFact) and each.lead_id == made.root.id)
    assignments = [each for each in made.facts if isinstance(each, AssignmentFact)]
    events = events_of(lead, assignments, made.told)
    made.facts += events
    made.facts += sales_of([each.event for each in made.told], {each.event_id: each for each in events})
