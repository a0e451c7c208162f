"""The walk through the plan: picks, steps that pass, and the reasons of decisions."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.engine.compile.plan import Plan, empty_plan
from app.engine.lookup.tables import PreparedTables, TableContent, compile_table
from app.engine.model.decision import Decision, Target, Verdict
from app.engine.model.effort import DecisionTooCostly
from app.engine.model.state import Facts, Load, State, apply_decision
from app.engine.pipeline.decide import decide
from app.engine.pipeline.walk import FALLBACK_QUEUE, walk
from tests.support.decisions import NOW, PLAN, TEAM, facts, plan, question

CODES = {
    *("chosen", "not_next", "more_open_leads", "assigned_more_recently", "not_found"),
    *("excluded", "inactive", "absent", "paused", "missing_skill", "missing_language", "zero_weight"),
    *("cap_open", "cap_day", "cap_week", "cap_rolling"),
}


def candidates(decision: Decision) -> dict[str, Mapping[str, Any]]:
    """Everyone the trace names, by owner."""
    tried = [one for step in decision.trace["steps"] for one in step.get("targets", ())]
    return {each["owner"]: each for one in tried for each in one.get("candidates", ())}


def with_load(**loads: tuple[int, int]) -> State:
    """Owners with this many open leads, the newest at this time."""
    return State(
        loads={owner: Load(open=still_open, last=last) for owner, (still_open, last) in loads.items()}
    )


LEAST = {
    **PLAN,
    "pipeline": [{"round_robin": {"team": TEAM, "pick": "least_loaded"}}, {"queue": {"name": "desk"}}],
}
LOADS = {
    "fewest open": (
        with_load(ana=(2, 1), ben=(1, 9), cem=(3, 0)),
        "ben",
        {"ana": "more_open_leads", "cem": "more_open_leads"},
    ),
    "waited longest": (
        with_load(ana=(1, 5), ben=(1, 3), cem=(1, 4)),
        "ben",
        {"ana": "assigned_more_recently", "cem": "assigned_more_recently"},
    ),
    "order of the team": (
        with_load(),
        "ana",
        {"ben": "assigned_more_recently", "cem": "assigned_more_recently"},
    ),
    "who never had one": (
        with_load(ana=(0, 7), ben=(0, 6)),
        "cem",
        {"ana": "assigned_more_recently", "ben": "assigned_more_recently"},
    ),
}


@pytest.mark.parametrize(("state", "chosen", "others"), LOADS.values(), ids=LOADS)
def test_the_least_loaded_is_picked_and_takes_no_turn(
    state: State, chosen: str, others: dict[str, str]
) -> None:
    decision = decide(question(), plan(LEAST), facts({"ana": {}, "ben": {}, "cem": {}}, state=state))
    assert decision.owner is not None
    assert decision.owner.id == chosen
    assert decision.turn is None
    assert decision.counts_toward_load
    assert {owner: one["code"] for owner, one in candidates(decision).items()} == {chosen: "chosen", **others}


LONGEST = {**PLAN, "pipeline": [{"round_robin": {"team": TEAM, "pick": "longest_idle"}}]}


@pytest.mark.parametrize(
    ("state", "chosen"),
    [
        (with_load(ana=(0, 5), ben=(9, 3), cem=(1, 4)), "ben"),
        (with_load(ana=(0, 5), ben=(0, 3)), "cem"),
        (with_load(), "ana"),
    ],
    ids=["whatever is open", "who never had one", "order of the team"],
)
def test_the_longest_idle_is_picked_and_takes_no_turn(state: State, chosen: str) -> None:
    decision = decide(question(), plan(LONGEST), facts({"ana": {}, "ben": {}, "cem": {}}, state=state))
    assert decision.owner is not None
    assert (decision.owner.id, decision.turn, decision.counts_toward_load) == (chosen, None, True)
    assert (
        decision.text == f"Assigned by step inbound. {chosen} has waited longest for a lead in team inbound."
    )
    others = {"ana", "ben", "cem"} - {chosen}
    codes = {owner: one["code"] for owner, one in candidates(decision).items()}
    assert codes == {chosen: "chosen", **dict.fromkeys(others, "assigned_more_recently")}


def test_longest_idle_is_exact_when_many_leads_come_at_once() -> None:
    people: dict[str, dict[str, Any]] = {"ana": {}, "ben": {}, "cem": {}}
    ready, state = plan(LONGEST), State()
    order = []
    for _ in range(7):
        at = facts(people, state=state)
        decision = decide(question(), ready, at)
        assert decision.owner is not None
        order.append(decision.owner.id)
        apply_decision(state, at.directory, decision, NOW)
    assert order == ["ana", "ben", "cem", "ana", "ben", "cem", "ana"]


def test_a_team_without_free_members_passes_and_the_trace_says_why() -> None:
    owners: dict[str, dict[str, Any]] = {
        "ana": {"active": False},
        "ben": {"caps": {"open": 0}},
        "cem": {"paused_until": "2026-11-21T00:00:00Z"},
    }
    members: list[dict[str, Any]] = [
        {"owner": "ana"},
        {"owner": "ben"},
        {"owner": "cem"},
        {"owner": "dan"},
        {"owner": "eve", "weight": 0},
    ]
    decision = decide(question(), plan(), facts({**owners, "eve": {}}, members=members))
    assert (decision.outcome, decision.queue, decision.priority) == ("queued", "desk", 7)
    codes = {owner: one["code"] for owner, one in candidates(decision).items()}
    assert codes == {
        "ana": "inactive",
        "ben": "cap_open",
        "cem": "paused",
        "dan": "not_found",
        "eve": "zero_weight",
    }
    assert candidates(decision)["cem"]["available_at"] == "2026-11-21T00:00:00Z"
    assert not decision.counts_toward_load


def test_else_targets_are_tried_in_order_before_the_next_step() -> None:
    ladder = {"team": "nobody", "else": [{"owner": "gone"}, {"owner": "ana"}, {"queue": "desk"}]}
    document = {
        **PLAN,
        "pipeline": [{"rule": {"name": "all", "then": ladder, "when": {"country": "DE"}}}, *PLAN["pipeline"]],
    }
    about = facts({"ana": {}, "ben": {}})
    decision = decide(question(country="DE"), plan(document), about)
    assert decision.owner is not None
    assert (decision.owner.id, decision.step, decision.team, decision.turn) == ("ana", "all", None, None)
    tried = decision.trace["steps"][0]["targets"]
    assert [one["code"] for one in tried] == ["not_found", "not_found", "chosen"]
    without = decide(question(exclude=["ana"], country="DE"), plan(document), about)
    assert (without.outcome, without.queue) == ("queued", "desk")


def test_the_built_in_queue_takes_a_lead_that_no_step_settles() -> None:
    nothing = decide(question(), empty_plan(), facts({}))
    assert (nothing.outcome, nothing.queue, nothing.code) == ("queued", FALLBACK_QUEUE, "no_plan")
    cut = plan()
    cut = replace(
        cut,
        steps=cut.steps[:-1],
        condition_index=type(cut.condition_index)([step.when for step in cut.steps[:-1]]),
    )
    nobody = decide(question(), cut, facts({}, members=[]))
    assert (nobody.outcome, nobody.queue, nobody.code) == ("queued", FALLBACK_QUEUE, "fallback_queue")


def test_a_strategy_that_raises_or_returns_nonsense_passes() -> None:
    def raises(_values: Mapping[str, Any], _facts: Facts) -> Verdict:
        raise ZeroDivisionError("jane@people.example")

    def nonsense(_values: Mapping[str, Any], _facts: Facts) -> Any:
        return None

    def unknown(_values: Mapping[str, Any], _facts: Facts) -> Verdict:
        kind: Any = "user"
        return Verdict("unknown", (Target(kind, "ana"),))

    for broken, shown in (
        (raises, "ZeroDivisionError"),
        (nonsense, "invalid_verdict"),
        (unknown, "invalid_verdict"),
    ):
        decision = decide(question(), _with_first_step(plan(), broken), facts({"ana": {}}))
        assert decision.owner is not None
        assert decision.owner.id == "ana"
        first = decision.trace["steps"][0]
        assert first["code"] == "error"
        assert first["error"] == shown


def _with_first_step(whole: Plan, decide_: Any) -> Plan:
    steps = [replace(whole.steps[-1], name="broken", strategy="broken", decide=decide_), *whole.steps]
    return replace(
        whole, steps=steps, condition_index=type(whole.condition_index)([step.when for step in steps])
    )


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_every_lead_has_one_outcome_and_every_candidate_a_code(data: st.DataObject) -> None:
    """A random day on which owners are absent, at a cap, paused or deleted."""
    bodies: list[dict[str, Any]] = [
        {},
        {"active": False},
        {"caps": {"open": 2}},
        {"caps": {"per_day": 3}},
        {"paused_until": "2026-11-20T13:00:00Z"},
    ]
    owners = {f"rep{n}": data.draw(st.sampled_from(bodies)) for n in range(data.draw(st.integers(0, 5)))}
    compiled, state = plan(), State()
    for number in range(data.draw(st.integers(1, 25))):
        now = NOW.replace(minute=number)
        about = facts(owners, state=state, now=now)
        fields: dict[str, Any] = data.draw(
            st.sampled_from([{}, {"tier": "gold"}, {"employees": 1}, {"lead_type": "student"}])
        )
        decision = decide(
            question(exclude=data.draw(st.lists(st.sampled_from(["rep0", "rep1"]))), **fields),
            compiled,
            about,
        )
        _check(decision, about, now)
        apply_decision(state, about.directory, decision, now)
        assert sum(one.balance for one in state.balances.get(TEAM, {}).values()) == 0


def _check(decision: Decision, about: Facts, now: datetime) -> None:
    places = [decision.owner, decision.queue, decision.path, decision.block]
    assert sum(place is not None for place in places) == 1
    assert decision.text.endswith(".")
    named = candidates(decision)
    assert {one["code"] for one in named.values()} <= CODES
    if decision.owner is not None:
        assert about.directory.owners[decision.owner.id].active
        assert named[decision.owner.id]["code"] == "chosen"
    if decision.turn is not None:
        assert sum(decision.turn.changes.values()) == 0


@given(st.sampled_from([{}, {"tier": "gold"}, {"employees": 1}, {"lead_type": "student"}, {"employees": 9}]))
def test_evaluating_every_step_decides_the_same(fields: dict[str, Any]) -> None:
    about = facts({"ana": {}, "ben": {}})
    quick, whole = (walk(question(**fields), plan(), about, narrowed=narrowed) for narrowed in (True, False))
    assert replace(quick, trace={}) == replace(whole, trace={})
    assert whole.trace["not_evaluated"] == 0


def test_looking_through_rows_that_overlap_counts_toward_the_budget() -> None:
    match_on = {"employees": "range", "visits": "range"}
    rules = [{"rule": {"name": f"r{at}", "table": "sizes", "match_on": match_on}} for at in range(600)]
    ready = plan({**PLAN, "pipeline": [*rules, {"queue": {"name": "desk"}}]})
    rows = [[f"0..{1_000 + at}", f"5..{1_000 + at}", 0] for at in range(1_000)]
    table = compile_table(
        TableContent(["employees", "visits"], [{"queue": "nowhere"}], rows),
        1,
        [ready.table_refs["r0"].match_on],
    )
    known = replace(facts({}), tables=PreparedTables(ready.table_refs, {"sizes": table}))
    assert decide(question(visits=5), ready, known).queue == "desk"
    with pytest.raises(DecisionTooCostly):
        decide(question(employees=7, visits=5), ready, known)
