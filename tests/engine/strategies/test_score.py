"""Derived fields, points and bands: their values, and their effect in the pipeline."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.audit.explain import explain_decision
from app.audit.replay import inputs_of
from app.engine.model import stored
from app.engine.model.decision import Verdict
from app.engine.pipeline.decide import decide
from app.engine.pipeline.walk import walk
from app.engine.strategies.score import CompiledScore, decayed
from app.plan.document.steps import ScoreConfig
from app.store.leads.decisions import StoredDecision
from tests.plan.plans import document, scored
from tests.support.decisions import NOW, facts, plan, question

OFFICE = facts({"ana": {}})
WEEK = timedelta(days=7)
HOT: dict[str, Any] = {"country": "FR", "employees": 500, "title": "Head of IT", "pages": ["Pricing"]}


def engaged(*ages: int, name: str = "pricing", **more: Any) -> list[dict[str, Any]]:
    """Engagements this many days ago."""
    return [{"name": name, "at": NOW - timedelta(days=age), **more} for age in ages]


def points(values: Mapping[str, Any], rows: list[dict[str, Any]], model: tuple[str, ...] = ("fit",)) -> int:
    """What a lead scores by these rows."""
    source = scored() | {"scores": {"fit": rows, "intent": rows}}
    step = {"score": {"model": list(model), "bands": {"all": {}}}}
    read = document({"queues": source["queues"], "scores": source["scores"], "pipeline": [step]})
    config = read.pipeline[0].config
    assert isinstance(config, ScoreConfig)
    return CompiledScore(config, read.scores).score(values, NOW).points["total"]


@pytest.mark.parametrize(
    ("values", "region", "segment"),
    [
        ({"country": "DE", "employees": 5}, "EMEA", "smb"),
        ({"country": "ca", "employees": 200}, "NA", "mid"),
        ({"country": "JP"}, None, "mid"),
        ({}, None, "mid"),
    ],
)
def test_derived_fields_take_the_first_matching_case(
    values: dict[str, Any], region: str | None, segment: str
) -> None:
    derived = plan(scored()).derived
    assert derived is not None
    found = derived.added(values, NOW)
    assert (found.get("region"), found["segment"]) == (region, segment)
    assert "region" not in values


def test_derived_fields_can_use_numbers_and_one_another() -> None:
    source = scored()
    source["fields"] |= {
        "size": {"from": "employees", "one": 1, "few": [2, 3]},
        "kind": [{"when": {"size": "few", "region": "EMEA"}, "value": "near"}],
    }
    derived = plan(source).derived
    assert derived is not None
    assert derived.added({"employees": 2, "country": "AT"}, NOW)["kind"] == "near"
    assert derived.added({"employees": True}, NOW).get("size") is None
    assert derived.added({"employees": 1}, NOW)["size"] == "one"


@pytest.mark.parametrize(
    ("age", "left"),
    [(0, 20), (1, 18), (3.5, 14), (7, 10), (14, 5), (21, 2), (28, 1), (35, 0), (36_500, 0), (-1, 20)],
)
def test_points_halve_with_each_half_life(age: float, left: int) -> None:
    assert decayed(20, timedelta(days=age), WEEK) == left
    assert decayed(-20, timedelta(days=age), WEEK) == -left


@given(st.integers(0, 1000), st.integers(0, 10**9), st.integers(1, 10**7))
def test_points_never_grow_with_age(amount: int, age: int, half_life: int) -> None:
    at = [
        decayed(amount, timedelta(seconds=age + more), timedelta(seconds=half_life)) for more in (0, 1, 1000)
    ]
    assert amount >= at[0] >= at[1] >= at[2] >= 0


FADING = {"points": 20, "half_life": "7d"}
ASKS = {"when": {"engagement": {"name": "Pricing"}}, **FADING}


@pytest.mark.parametrize(
    ("values", "row", "total"),
    [
        ({"engagement": engaged(7)}, ASKS, 10),
        ({"engagement": engaged(14, 7)}, ASKS, 10),
        ({"engagement": [*engaged(7), *engaged(0, name="other")], "last_seen_at": NOW}, ASKS, 10),
        ({"engagement": engaged(14)}, {"when": {"engagement": {"contains": "pricing"}}, **FADING}, 5),
        ({"engagement": [{"name": "pricing"}], "last_seen_at": NOW - WEEK}, ASKS, 10),
        ({"engagement": [{"name": "pricing"}]}, ASKS, 20),
        ({"country": "DE", "last_seen_at": NOW - WEEK}, {"when": {"country": "DE"}, **FADING}, 10),
        ({"country": "DE", "last_seen_at": NOW - WEEK}, {"when": {"country": "DE"}, "points": 20}, 20),
        ({"country": "FR"}, {"when": {"country": "DE"}, "points": 20}, 0),
    ],
)
def test_points_fade_from_the_time_of_the_engagement(
    values: dict[str, Any], row: dict[str, Any], total: int
) -> None:
    assert points(values, [row]) == total


@pytest.mark.parametrize(
    ("model", "own", "total"),
    [
        (("fit",), 40, 3),
        (("fit", "intent"), 40, 6),
        (("score",), 40.9, 40),
        (("score",), -0.5, -1),
        (("score",), None, 0),
        (("fit", "score"), 40, 43),
    ],
)
def test_a_score_uses_the_model_the_own_score_or_both(
    model: tuple[str, ...], own: float | None, total: int
) -> None:
    values = {"country": "DE"} | ({"score": own} if own is not None else {})
    rows = [{"when": {"country": "DE"}, "points": 5}, {"when": {"country": {"ne": "FR"}}, "points": -2}]
    assert points(values, rows, model) == total


def test_a_band_labels_the_lead_and_the_walk_goes_on() -> None:
    decision = decide(question(**HOT), plan(scored()), OFFICE)
    assert (decision.queue, decision.step, decision.priority) == ("europe", "hot", 80)
    assert decision.text == "Sent to queue europe by rule hot (band hot, region EMEA)."
    first, second = decision.trace["steps"]
    labels = {"band": "hot", "scores": {"fit": 50, "intent": 25, "total": 75}}
    assert first == {"step": "score", "strategy": "score", "code": "scored", "labels": labels}
    assert second["code"] == "rule"
    assert [action["params"] for action in decision.actions] == [{"via": "hot EMEA 75"}]


def test_a_step_that_uses_labels_is_not_ruled_out_early() -> None:
    asked = question(employees=500, title="Head", attributes={"seats": 11})
    decision = decide(asked, plan(scored()), OFFICE)
    assert decision.queue == "sales"
    assert [entry["step"] for entry in decision.trace["steps"]] == ["score", "big"]
    assert decision.trace["not_evaluated"] == 1


def test_ten_thousand_rules_of_one_band_leave_as_few_candidates_as_ten() -> None:
    rules = [
        {
            "rule": {
                "name": f"r{n}",
                "when": {"band": "hot", "attributes.t": f"t{n}"},
                "then": {"queue": "sales"},
            }
        }
        for n in range(10_000)
    ]
    source = scored()
    source["pipeline"][1:1] = rules
    decision = decide(question(**HOT, attributes={"t": "T7000"}), plan(source), OFFICE)
    assert decision.step == "r7000"
    assert len(decision.trace["steps"]) == 2


def bands(**named: Any) -> dict[str, Any]:
    """The plan with these bands, and nothing between them and the last queue."""
    source = scored()
    source["pipeline"] = [
        {"score": {"model": ["fit", "intent"], "bands": named}},
        {"queue": {"name": "unrouted"}},
    ]
    return source


def test_a_band_with_a_target_settles() -> None:
    decision = decide(question(**HOT), plan(bands(hot={"gte": 60, "then": {"queue": "sales"}})), OFFICE)
    assert (decision.code, decision.step, decision.queue) == ("score", "score", "sales")
    assert decision.text == "Sent to queue sales by lead score (band hot)."
    assert decision.trace["steps"][0]["labels"]["band"] == "hot"
    assert decision.actions != ()


def test_a_band_whose_target_cannot_take_the_lead_still_labels_it() -> None:
    source = bands(hot={"gte": 60, "then": {"team": "gone"}})
    decision = decide(question(**HOT), plan(source), OFFICE)
    assert (decision.queue, decision.labels["band"]) == ("unrouted", "hot")
    assert decision.trace["steps"][0]["code"] == "not_found"
    assert decision.actions != ()


@pytest.mark.parametrize(
    ("limits", "inside"),
    [
        ({"gt": 74}, True),
        ({"gt": 75}, False),
        ({"gte": 75, "lt": 76}, True),
        ({"lte": 74}, False),
        ({}, True),
    ],
)
def test_a_band_includes_its_limits_as_written(limits: dict[str, int], inside: bool) -> None:
    decision = decide(question(**HOT), plan(bands(hot=limits)), OFFICE)
    assert (decision.labels["band"] == "hot") is inside
    assert decision.labels["scores"]["total"] == 75


def test_a_later_score_step_replaces_the_labels() -> None:
    source = scored()
    source["pipeline"][1:1] = [
        {"score": {"name": "again", "model": ["intent"], "bands": {"cold": {"lt": 9}}}}
    ]
    decision = decide(question(**HOT), plan(source), OFFICE)
    assert decision.labels == {"band": None, "scores": {"intent": 25, "total": 25}}
    assert decision.queue == "unrouted"


def test_a_strategy_cannot_set_other_labels() -> None:
    ready = plan(scored())
    steps = [
        replace(ready.steps[0], decide=lambda *_: Verdict("x", (), {"email": "a@b.c"})),
        *ready.steps[1:],
    ]
    decision = decide(question(**HOT), replace(ready, steps=steps), OFFICE)
    assert decision.trace["steps"][0] == {
        "step": "score",
        "strategy": "score",
        "error": "invalid_verdict",
        "code": "error",
    }
    assert decision.labels == {}


def test_a_scored_decision_is_replayed_and_explained() -> None:
    asked, ready = question(**HOT, engagement=engaged(1, 3)), plan(scored())
    decision = decide(asked, ready, OFFICE)
    raw = orjson.dumps(stored.to_json(asked, 1, OFFICE, decision))
    assert b"EMEA" not in raw
    basis = inputs_of(orjson.loads(raw), OFFICE.directory)
    again = decide(basis.request, ready, basis.facts)
    assert orjson.dumps(again.trace) == orjson.dumps(decision.trace)
    assert again.actions == decision.actions
    decided = StoredDecision("a", 1, "queued", "rule", None, None, "europe", None, None, 1, b"{}", b"{}")
    returned = explain_decision(decided, basis, ready)
    assert returned["reproduced"] is True
    assert returned["steps"][1]["when"]["held"] is True
    assert [step["code"] for step in returned["steps"]] == ["scored", "rule", *["not_reached"] * 3]


_LEADS = st.fixed_dictionaries(
    {},
    optional={
        "country": st.sampled_from(["DE", "US", "JP"]),
        "employees": st.sampled_from([5, 200, 500]),
        "title": st.sampled_from(["Chief", "Clerk"]),
        "pages": st.just(["pricing"]),
        "attributes": st.fixed_dictionaries({"seats": st.sampled_from([5, 11, "11"])}),
        "engagement": st.lists(st.integers(0, 20).map(lambda age: engaged(age)[0]), max_size=3),
    },
)


@settings(max_examples=300, deadline=None)
@given(_LEADS)
def test_evaluating_every_step_gives_the_same_labels(values: dict[str, Any]) -> None:
    ready = plan(scored())
    assert ready.derived is not None
    asked = replace(question(), values=ready.derived.added(values, NOW))
    narrowed, whole = walk(asked, ready, OFFICE), walk(asked, ready, OFFICE, narrowed=False)
    assert replace(narrowed, trace={}) == replace(whole, trace={})
