"""Findings that are facts: rules that never fire, plans that overlap, queues that nobody attends to."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from app.diagnosis.complexity import Overlap, complexity_facts, complexity_figures
from app.diagnosis.judging import judge
from app.diagnosis.junk import signal_tests
from app.diagnosis.plan_structure import read_structures
from app.diagnosis.queues import QueueState, unattended, weekday_time
from app.diagnosis.rules import PlanInUse, silent_rules
from app.registry import strategies
from app.store.diagnosis.junk_signals import SignalCount

STEPS = ("first", "second", "turns", "rest")
STRATEGIES = {"first": "rule", "second": "rule", "turns": "round_robin", "rest": "queue"}
BERLIN = ZoneInfo("Europe/Berlin")
MONDAY = datetime(2026, 11, 2, 9, tzinfo=UTC)


def plan(version: int, decided: Mapping[str, int], **unreachable: str) -> PlanInUse:
    return PlanInUse(version, STEPS, STRATEGIES, decided, unreachable)


@pytest.mark.parametrize(
    ("plans", "silent"),
    [
        ([plan(1, {"first": 40, "turns": 100})], {"second": 100}),
        ([plan(1, {"first": 40, "turns": 99})], {}),
        ([plan(1, {"second": 40, "turns": 60})], {"first": 100}),
        ([plan(1, {"second": 40, "turns": 59})], {}),
        # The second rule fired in an earlier version.
        ([plan(1, {"second": 1}), plan(2, {"first": 5, "turns": 300})], {}),
        # Two versions together are enough.
        ([plan(1, {"first": 1, "turns": 60}), plan(2, {"first": 1, "rest": 60})], {"second": 120}),
        # All leads are taken before it, and the check of the plan knows why.
        ([plan(1, {"first": 200}, second="No lead reaches it.")], {"second": 0}),
        ([plan(1, {"first": 200})], {}),
        ([plan(1, {"first": 99}, second="No lead reaches it.")], {}),
        ([], {}),
    ],
)
def test_rules_that_never_fire(plans: list[PlanInUse], silent: dict[str, int]) -> None:
    found = {each.subject.id: each.evidence["reached"] for each in silent_rules(plans, 30)}
    assert found == silent


def test_bound_of_a_silent_rule_is_that_of_wilson() -> None:
    (found,) = silent_rules([plan(1, {"first": 1, "turns": 100})], 30)
    assert found.effect.high == pytest.approx(0.0370, abs=1e-4), "0 of 100 is 0 to 3.7 %"


def test_share_of_the_top_ten_rules() -> None:
    rules = [f"rule {number}" for number in range(40)]
    decided = {name: 100 if number < 10 else 1 for number, name in enumerate(rules)} | {"turns": 500}
    figures = complexity_figures(3, rules, (), decided)
    assert (figures["decided_by_rules"], figures["decided_by_top_ten"]) == (1030, 1000)
    assert figures["share_of_top_ten"] == pytest.approx(1000 / 1030, abs=1e-6)
    assert [each.code for each in complexity_facts(figures, ())] == ["plan_long_tail"]
    few = complexity_figures(3, rules[:20], (), decided)
    assert list(complexity_facts(few, ())) == []


def test_overlaps_are_told_by_step() -> None:
    overlaps = [
        Overlap("b", "value_taken", "one"),
        Overlap("b", "value_taken", "two"),
        Overlap("c", "shadowed", "x"),
    ]
    (found,) = complexity_facts(complexity_figures(1, ["a", "b", "c"], overlaps, {}), overlaps)
    assert (found.effect.value, found.effect.unit) == (2, "steps")
    assert "`b` and `c`" in found.text


PLAN: dict[str, Any] = {
    "scores": {"fit": [{"when": {"employees": {"gte": 10}}, "points": 50}]},
    "queues": {"desk": {}},
    "pipeline": [
        {"rule": {"name": "dach", "when": {"country": {"in": ["DE", "AT"]}}, "then": {"queue": "desk"}}},
        {"rule": {"name": "german", "when": {"country": "DE"}, "then": {"queue": "desk"}}},
        {"queue": {"name": "rest"}},
    ],
}


def test_structure_of_a_plan_names_steps_and_overlaps() -> None:
    (found,) = read_structures([(7, PLAN)], strategies())
    assert found.steps == [("dach", "rule"), ("german", "rule"), ("rest", "queue")]
    assert [(each.step, each.code) for each in found.overlaps] == [("german", "unreachable")]
    assert not found.routes_by_score


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        ({"rule": {"name": "hot", "when": {"band": "hot"}, "then": {"queue": "desk"}}}, True),
        ({"rule": {"name": "high", "when": {"scores.total": {"gte": 20}}, "then": {"queue": "desk"}}}, True),
        ({"rule": {"name": "sent", "when": {"score": {"gte": 20}}, "then": {"queue": "desk"}}}, True),
        ({"rule": {"name": "other", "when": {"country": "FR"}, "then": {"queue": "desk"}}}, False),
    ],
)
def test_plan_that_routes_by_the_score_is_recognized(step: dict[str, Any], expected: bool) -> None:
    score = {"score": {"name": "grade", "model": ["fit"], "bands": {"hot": {"gte": 40}, "cold": {"lt": 40}}}}
    document = {**PLAN, "pipeline": [score, step, *PLAN["pipeline"]]}
    (found,) = read_structures([(1, document)], strategies())
    assert found.routes_by_score is expected


def test_plan_that_cannot_be_read_any_more_is_left_out() -> None:
    assert read_structures([(1, {"pipeline": [{"gone": {}}]}), (2, PLAN)], strategies())[0].version == 2


@pytest.mark.parametrize(
    ("since", "until", "hours"),
    [
        (MONDAY, MONDAY + timedelta(hours=30), 30),
        # From Friday 18:00 UTC until Monday 6:00 UTC; a weekend in Berlin ends at 23:00 UTC on Sunday.
        (datetime(2026, 11, 6, 18, tzinfo=UTC), datetime(2026, 11, 9, 6, tzinfo=UTC), 12),
        (datetime(2026, 11, 7, 9, tzinfo=UTC), datetime(2026, 11, 8, 9, tzinfo=UTC), 0),
        # The night in which the clocks go back, on a Sunday, does not count either.
        (datetime(2026, 10, 24, 9, tzinfo=UTC), datetime(2026, 10, 26, 9, tzinfo=UTC), 10),
    ],
)
def test_time_without_weekends(since: datetime, until: datetime, hours: float) -> None:
    assert weekday_time(since, until, BERLIN) == timedelta(hours=hours)


@pytest.mark.parametrize(
    ("oldest", "left", "found"),
    [
        (MONDAY, None, True),
        (MONDAY + timedelta(hours=7), None, False),
        (MONDAY, MONDAY + timedelta(hours=10), False),
        (MONDAY, MONDAY - timedelta(days=5), True),
    ],
    ids=["nobody ever", "not a day yet", "somebody today", "nobody since"],
)
def test_queue_is_unattended_when_leads_wait_and_none_leaves(
    oldest: datetime, left: datetime | None, found: bool
) -> None:
    state = QueueState("desk", 4, oldest, left)
    facts = list(unattended([state], MONDAY + timedelta(hours=30), BERLIN))
    assert bool(facts) is found


@pytest.mark.parametrize(
    ("spam", "good", "tested", "found"),
    [
        (30, 30, True, True),
        (10, 10, True, True),
        (9, 10, False, False),
        (80, 20, True, False),
        (14, 6, True, False),  # 30 %, of so few it may be chance
        (300, 3, True, False),
        (0, 0, False, False),
    ],
)
def test_part_of_junk_that_stops_good_leads(spam: int, good: int, tested: bool, found: bool) -> None:
    counts = [SignalCount("honeypot", 1000, spam, good), SignalCount("unreachable", 500, 100, 1)]
    judged = {each.hypothesis.subject.id: each.is_finding for each in judge(list(signal_tests(counts)))}
    assert judged.get("honeypot") is (found if tested else None)
    assert judged["unreachable"] is False
