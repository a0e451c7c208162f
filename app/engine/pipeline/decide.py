"""The decision: a pure function of the request, the plan, the directory, the state and the time.

The fields of the account and the derived fields are added first, so that everything after can use them. Then
come, in order of precedence, suppression lists, junk, a target named by the caller, the returning lead, the
pipeline, and last the follow-up.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from app.engine.compile.life import HandoffRule
from app.engine.compile.plan import CompiledStep, Plan
from app.engine.explain import sentences
from app.engine.followup.contact import ContactFacts, Gate
from app.engine.followup.notices import lease_notice
from app.engine.life.hidden_fields import without_hidden
from app.engine.life.preferences import fields_of
from app.engine.life.queue_clocks import queue_clocks
from app.engine.life.rechecks import RECHECK, recheck_clocks
from app.engine.model.decision import Decision, DecisionRequest, ExistingOwnership, Target, Verdict
from app.engine.model.directory import Owner
from app.engine.model.filled import origins_of, with_filled
from app.engine.model.junk import Junk
from app.engine.model.state import Facts
from app.engine.pipeline.account_team import account_summary, account_team_of
from app.engine.pipeline.claims import claiming_team
from app.engine.pipeline.followed import CRM, CRM_REASSIGN, FOLLOWED, follow, told
from app.engine.pipeline.handoff import HANDOFF, decide_handoff, fits
from app.engine.pipeline.junk import decide_junk, with_verdict
from app.engine.pipeline.moves import MOVES, along_covers, along_ladder, has_next
from app.engine.pipeline.returning_lead import decide_returning
from app.engine.pipeline.same_company import decide_new
from app.engine.pipeline.suppressed import decide_suppressed
from app.engine.pipeline.walk import score_labels, try_step, walk
from app.engine.selection.eligibility import keep_refusal, over_cap
from app.plan.language.fields import LEAD, Kind
from app.values.numbers import Range

_NUMBERS = tuple(field.name for field in LEAD.fields.values() if field.kind in (Kind.INTEGER, Kind.NUMBER))
_NAMED = frozenset(
    ("returning_lead", "same_company", "probable_person", "manual", "claimed", "rejected", "junk", CRM)
)
_BACK = {"give_back": "given_back", "lease_ended": "lease_ended"}
"""The code of a claimed lead that returns to its queue, by the kind of the request."""
_OF_QUEUES = frozenset((*_BACK.values(), "max_wait", "release"))
_OUTSIDE_THE_PIPELINE = _NAMED | frozenset(MOVES.values()) | {HANDOFF} | _OF_QUEUES
"""What settles a lead without the pipeline. The lead is still scored: SLAs and the follow-up use its band."""


MAX_PASSED_OVER = 20
"""After so many owners who never work, the next one gets the lead without a clock."""
PASSED_OVER_EFFORT = 1_000
"""What it takes to find out that an SLA never comes due."""


def decide(request: DecisionRequest, plan: Plan, facts: Facts) -> Decision:
    """Decide one request. Reads everything, changes nothing, always settles."""
    if request.owned is not None:
        return _with_possible_duplicates(_imported(request.owned, facts), request)
    request, facts = prepared(request, plan, facts)
    decision = _with_clocks(request, plan, facts) if plan.slas else _settled(request, plan, facts)
    decision.text += _who_had_it(decision, request, facts)
    decision.text += _why_again(request)
    decision.clocks += queue_clocks(decision, request, plan, facts)
    decision.clocks += recheck_clocks(decision, request, plan, facts)
    if ranges := _ranges(request.values):
        decision.trace = {**decision.trace, "ranges": ranges}
    if request.degraded_codes:
        codes = {name: request.degraded_codes[name] for name in sorted(request.degraded_codes)}
        decision.trace = {**decision.trace, "degraded": codes}
    if origins := origins_of(request.values, request.filled):
        decision.trace = {**decision.trace, "filled": origins}
    if request.account is not None:
        decision.trace = {**decision.trace, "account": request.account.to_trace()}
        decision.account = account_summary(request.account, decision.owner, plan.accounts.roles)
        decision.account_team = account_team_of(
            request.account, decision.owner, facts.directory, inherit=plan.accounts.inherits
        )
    return _with_possible_duplicates(_with_actions(decision, request, plan, facts), request)


def _settled(request: DecisionRequest, plan: Plan, facts: Facts) -> Decision:
    """Where the lead goes, with its labels."""
    junk = plan.junk.score(request.values, request.counts)
    blocked = _blocked(junk, request, plan, facts)
    if blocked is not None:
        decision = blocked
    elif request.handoff is not None:
        decision = decide_handoff(request, plan, facts) or walk(request, plan, facts)
    elif request.kind in ("cover", "return"):
        decision = along_covers(request, plan, facts)
    elif request.kind in MOVES:
        decision = along_ladder(request, facts)
    elif request.to is not None:
        decision = _to_target(request, request.to, plan, facts)
    elif request.kind == "release" and request.queue is not None:
        decision = _out_of_queue(request, request.queue, plan, facts)
    elif request.kind == "max_wait":
        decision = _after_max_wait(request, plan, facts)
    elif request.prior is not None:
        decision = decide_returning(request.prior, request, plan, facts)
    else:
        decision = decide_new(request, plan, facts)
    if plan.label_steps and decision.strategy in _OUTSIDE_THE_PIPELINE and not decision.keeps_assignment:
        decision.labels = score_labels(request, plan, facts)
        decision.trace = {**decision.trace, "labels": decision.labels}
    decision.junk = with_verdict(junk, decision)
    return decision


def _blocked(junk: Junk, request: DecisionRequest, plan: Plan, facts: Facts) -> Decision | None:
    """The decision about a lead that a suppression list or its junk keeps from everybody."""
    if request.suppression is not None:
        return decide_suppressed(request.suppression, request, plan, facts)
    return decide_junk(junk, request, plan, facts) if junk.parts else None


def _with_clocks(request: DecisionRequest, plan: Plan, facts: Facts) -> Decision:
    """The same with the clocks of its SLA.

    An owner in whose working time the SLA never comes due is passed over, unless they were chosen by a person
    or keep the lead.
    """
    never: list[str] = []
    decision = _settled(request, plan, facts)
    while plan.slas.start(decision, request, facts):
        if decision.owner is None or decision.strategy in _NAMED or len(never) == MAX_PASSED_OVER:
            break
        never.append(decision.owner.id)
        request.effort.spend(PASSED_OVER_EFFORT)
        request = replace(request, exclude=request.exclude | {decision.owner.id})
        decision = _settled(request, plan, facts)
    if never:
        decision.trace = {**decision.trace, "never_due": never}
    return decision


def _with_possible_duplicates(decision: Decision, request: DecisionRequest) -> Decision:
    """The trace also names the leads that may be the same person."""
    if request.possible_duplicates:
        shown = [each.to_json() for each in request.possible_duplicates]
        decision.trace = {**decision.trace, "possible_duplicate": shown}
    return decision


def _who_had_it(decision: Decision, request: DecisionRequest, facts: Facts) -> str:
    """The sentence that names the previous owner, if another owner or a queue has the lead now."""
    previous = request.prior.owner if request.prior is not None else None
    if request.kind in ("reassign", CRM_REASSIGN, RECHECK) or request.kind in MOVES:
        previous = request.present_owner
    if request.reject_reason is not None and request.present_owner is not None:
        rejected = facts.directory.owners.get(request.present_owner)
        name = rejected.name if rejected is not None else request.present_owner
        return " " + sentences.rejected_by(name, request.reject_reason)
    now = decision.owner.id if decision.owner is not None else None
    if previous is None or previous == now or decision.outcome not in ("assigned", "queued"):
        return ""
    owner = facts.directory.owners.get(previous)
    refused = keep_refusal(previous, request.exclude, facts) if request.kind not in MOVES else None
    return " " + sentences.had_it(owner.name if owner is not None else previous, refused)


def _why_again(request: DecisionRequest) -> str:
    """The sentence that names who told something that was not known when the lead was decided first."""
    if request.kind != RECHECK or not request.filled:
        return ""
    return " " + sentences.rechecked(sorted({each.origin for each in request.filled.values()}))


def can_hand_off(rule: HandoffRule, request: DecisionRequest, plan: Plan, facts: Facts) -> bool | None:
    """Whether a target of the request's handoff can take the lead. None if its condition does not hold."""
    request, facts = prepared(request, plan, facts)
    return decide_handoff(request, plan, facts) is not None if fits(rule, request, facts) else None


def can_take_away(request: DecisionRequest, plan: Plan, facts: Facts) -> bool:
    """Whether a member of the first team of the request's ladder can take the lead."""
    request, facts = prepared(request, plan, facts)
    return has_next(request.ladder[0], request, facts)


def prepared(request: DecisionRequest, plan: Plan, facts: Facts) -> tuple[DecisionRequest, Facts]:
    """The request with all fields of the lead, and the facts with what belongs to the lead."""
    return with_derived_fields(request, plan, facts.now), facts_of(request, plan, facts)


def facts_of(request: DecisionRequest, plan: Plan, facts: Facts) -> Facts:
    """The facts with the lead's account and, for product steps, its prior assignment."""
    if request.account is not None:
        facts = replace(facts, account=request.account)
    if plan.products is not None and request.prior is not None:
        facts = replace(facts, prior=request.prior)
    return facts


def with_account_fields(request: DecisionRequest) -> Mapping[str, Any]:
    """The fields of the lead, those that were filled, and those of its account."""
    values = with_filled(request.values, request.filled)
    if request.review or (request.account is not None and request.account.review):
        values = {**values, "review": True}
    if request.account is None or request.account.account is None:
        return values
    return {**values, "account": request.account.account.fields()}


def with_derived_fields(request: DecisionRequest, plan: Plan, now: datetime) -> DecisionRequest:
    """The request with the fields of the lead's account and the derived fields."""
    values = with_account_fields(request)
    if plan.reads_junk:
        junk = plan.junk.score(values, request.counts)
        values = {**values, "junk_score": junk.score, "junk_parts": list(junk.parts)}
    if request.contact is not None and (preferences := request.contact.preferences).version:
        given = preferences.given(values.get("consent") or {})
        values = {**values, "consent": given, "preferences": fields_of(preferences)}
    # Last, because a field of the plan's own may have the name of one that came later.
    if plan.derived is not None:
        values = plan.derived.added(values, now)
    return request if values is request.values else replace(request, values=values)


def _ranges(values: Mapping[str, Any]) -> dict[str, dict[str, int | float | None]]:
    """The bounds of the fields that hold a range instead of a number."""
    texts = [(name, values[name]) for name in _NUMBERS if type(values.get(name)) is str]
    spans = [(name, Range.parse(text)) for name, text in texts]
    return {name: {"low": span.low, "high": span.high} for name, span in spans if span is not None}


def _imported(owned: ExistingOwnership, facts: Facts) -> Decision:
    """An imported lead stays with its owner: no turn, no SLA, no action."""
    owner = facts.directory.owners[owned.owner]
    step = {"step": "imported", "strategy": "imported", "code": "imported"}
    return Decision(
        outcome="assigned",
        code="imported",
        text=sentences.imported(owner.name),
        step="imported",
        strategy="imported",
        owner=owner,
        team=owned.team,
        counts_toward_load=True,
        trace={"steps": [step], "not_evaluated": 0, "no_actions_reason": "imported"},
    )


def _to_target(request: DecisionRequest, target: Target, plan: Plan, facts: Facts) -> Decision:
    """A manual assignment, a claim or a reject. If nobody there can take it, the plan routes it."""
    if request.kind in FOLLOWED:
        return follow(request, target, facts)
    code = "rejected" if request.kind == "reject" else "manual"
    if target.kind == "owner" and request.kind != "reject":
        team = claiming_team(target.name, request.queue, plan, facts) if request.queue else None
        return _to_owner(request, facts.directory.owners[target.name], team, facts)
    if target.kind == "queue" and request.kind in _BACK:
        return _back_in_queue(request, target, facts)
    trail: list[dict[str, Any]] = []
    verdict = Verdict(code, (target,))
    step = CompiledStep(code, code, None, lambda _values, _facts: verdict)
    decision = try_step(step, request, facts, trail, [])
    if decision is not None:
        return replace(decision, trace={"steps": trail, "not_evaluated": 0})
    walked = walk(request, plan, facts)
    return replace(walked, trace={**walked.trace, "steps": [*trail, *walked.trace["steps"]]})


def _out_of_queue(request: DecisionRequest, queue: str, plan: Plan, facts: Facts) -> Decision:
    """A waiting lead is offered by the plan, and then to the team of its queue unless the plan tried that."""
    walked = walk(request, plan, facts)
    team = plan.terms_of(queue).claimable_by
    tried = [attempt["target"] for step in walked.trace["steps"] for attempt in step.get("targets", ())]
    if walked.outcome == "assigned" or team is None or {"team": team} in tried:
        return walked
    trail: list[dict[str, Any]] = []
    verdict = Verdict("released", (Target("team", team, off_hours="next"),))
    step = CompiledStep("release", "release", None, lambda _values, _facts: verdict)
    decision = try_step(step, request, facts, trail, [])
    if decision is None:
        return walked
    return replace(decision, trace={**walked.trace, "steps": [*walked.trace["steps"], *trail]})


def _after_max_wait(request: DecisionRequest, plan: Plan, facts: Facts) -> Decision:
    """The next place of a lead that has waited too long. While nobody there can take it, it stays."""
    queue, trail = request.queue or "", list[dict[str, Any]]()
    verdict = Verdict("max_wait", plan.terms_of(queue).then)
    step = CompiledStep("max_wait", "max_wait", None, lambda _values, _facts: verdict)
    decision = try_step(step, request, facts, trail, [])
    waited = sentences.waited_too_long(queue)
    if decision is None:
        decision = Decision("queued", "max_wait", waited, "max_wait", "max_wait", queue=queue)
    else:
        decision.text = f"{waited} {decision.text}"
    decision.trace = {"steps": trail, "not_evaluated": 0}
    return decision


def _back_in_queue(request: DecisionRequest, target: Target, facts: Facts) -> Decision:
    """A claimed lead returns to its place in the queue."""
    code = _BACK[request.kind]
    owner = facts.directory.owners.get(request.present_owner or "")
    name = owner.name if owner is not None else "The owner"
    return Decision(
        outcome="queued",
        code=code,
        text=sentences.back_in_queue(name, target.name, code),
        step=code,
        strategy=code,
        queue=target.name,
        priority=target.priority,
        trace={"steps": [{"step": code, "strategy": code, "code": code}], "not_evaluated": 0},
    )


def _to_owner(request: DecisionRequest, owner: Owner, team: str | None, facts: Facts) -> Decision:
    """The caller has checked that the owner is active and, for a claim, free to take the lead."""
    claim = request.kind == "claim"
    code = "claimed" if claim else "manual"
    # A lead that arrives with an owner has booked a meeting with them.
    named = sentences.hosts(owner.name) if request.kind == "assign" else sentences.manual(owner.name)
    return Decision(
        outcome="assigned",
        code=code,
        text=sentences.claimed(owner.name, request.queue or "") if claim else named,
        step=code,
        strategy=code,
        owner=owner,
        team=team,
        counts_toward_load=True,
        over_cap=over_cap(owner, facts),
        trace={"steps": [{"step": code, "strategy": code, "code": code}], "not_evaluated": 0},
    )


def _expecting(
    actions: Sequence[Mapping[str, Any]], request: DecisionRequest, facts: Facts
) -> tuple[Mapping[str, Any], ...]:
    """The actions, where those that set the owner in the CRM say which owner it should show until then.

    If it shows somebody else, a person was faster, and the executor does not undo that.
    """
    owner = request.present_owner or (request.prior.owner if request.prior is not None else None)
    before = facts.directory.owners.get(owner or "")
    if before is None or not before.crm:
        return tuple(actions)
    expected = {"expected_owner": dict(before.crm)}
    return tuple(
        {**each, "params": {**each["params"], **expected}}
        if each["type"] == "set_owner" and "crm" in each["params"]
        else each
        for each in actions
    )


def _with_actions(decision: Decision, request: DecisionRequest, plan: Plan, facts: Facts) -> Decision:
    """Add the follow-up actions, or the reason why there are none. A duplicate submission has had its own.

    The actions of a product switch come first.
    """
    if decision.existing_lead is not None and decision.existing_lead.kind == "duplicate":
        decision.trace = {**decision.trace, "no_actions_reason": "duplicate"}
        return decision
    values = {**request.values, **decision.labels} if decision.labels else request.values
    shown = without_hidden(values, plan.terms_of(decision.queue or "").hide)
    gate = Gate(plan.contact, request.contact or ContactFacts(), facts.now, decision.code)
    result = plan.follow_up.after(decision, values, facts.now, shown, gate)
    decision.actions = _expecting(result.actions, request, facts)
    if request.kind == "lease_ended":
        decision.actions = (*lease_notice(request, facts.directory), *decision.actions)
    if request.kind == CRM:
        # The CRM has the owner already. Writing it again would fight the person who set it.
        kept = tuple(each for each in decision.actions if each["type"] != "set_owner")
        decision.actions = (*told(request, facts), *kept)
    if decision.previous_products and plan.products is not None and request.prior is not None:
        farewell = plan.products.farewell(decision, request.prior, facts.directory)
        decision.actions = (*farewell, *decision.actions)
    if request.action_types is not None:
        kept = tuple(each for each in decision.actions if each["type"] in request.action_types)
        if decision.actions and not kept:
            decision.trace = {**decision.trace, "no_actions_reason": "bulk_move"}
        decision.actions = kept
    decision.withheld_actions = result.withheld_actions
    if result.withheld_actions:
        decision.trace = {**decision.trace, "withheld_actions": list(result.withheld_actions)}
    if result.no_actions_reason is not None and not decision.actions:
        decision.trace = {**decision.trace, "no_actions_reason": result.no_actions_reason}
    return decision
