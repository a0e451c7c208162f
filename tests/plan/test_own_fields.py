"""The fields and scores of a plan: reading, and the findings about invalid ones."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import jsonschema_rs
import pytest

from app.engine.conditions.derived import DerivedFields
from app.plan.document.steps import BUILT_IN, ScoreConfig
from app.plan.findings import CODES
from app.plan.json_schema import plan_schema
from app.plan.language.fields import Kind
from app.plan.reader.read import plan_context, read_plan
from app.plan_check.check import KnownNames, check
from tests.plan.plans import document, scored

Change = Callable[[dict[str, Any]], object]
NAMES = KnownNames(teams={"inbound": {"ana": 1}}, owners={"ana": True})


def fields(**declared: object) -> Change:
    return lambda plan: plan["fields"].update(declared)


def attribute(name: str, declared: object) -> Change:
    return lambda plan: plan["fields"].update({name: declared})


def row(**keys: object) -> Change:
    return lambda plan: plan["scores"]["fit"][0].update(keys)


def score(**keys: object) -> Change:
    return lambda plan: plan["pipeline"][0]["score"].update(keys)


def when(condition: object) -> Change:
    return lambda plan: plan["pipeline"][1]["rule"].update(when=condition)


def first(step: object) -> Change:
    return lambda plan: plan["pipeline"].insert(0, step)


def test_plan_with_fields_and_scores_is_read_as_written() -> None:
    plan = document(scored())
    assert [each.name for each in plan.fields.derived] == ["region", "segment"]
    config = plan.pipeline[0].config
    assert isinstance(config, ScoreConfig)
    assert list(config.bands) == ["hot", "warm", "cold"]
    assert plan.pipeline[0].name == "score"
    assert [entry.points for entry in plan.scores["fit"]] == [30, 20]
    assert check(plan, NAMES) == []


def test_json_schema_accepts_fields_and_scores() -> None:
    validator = jsonschema_rs.validator_for(plan_schema())
    assert validator.is_valid(scored())
    for change in (fields(region={"EMEA": ["DE"]}), row(points="30"), score(bands={"hot": {"above": 3}})):
        plan = scored()
        change(plan)
        assert not validator.is_valid(plan)


def test_labels_are_fields_after_a_score_step() -> None:
    there = plan_context(scored(), BUILT_IN)
    kinds = {name: field.kind for name in there.pipeline.fields if (field := there.pipeline.find(name))}
    assert kinds["attributes.seats"] == kinds["scores.total"] == kinds["scores.fit"] == Kind.INTEGER
    assert kinds["region"] == kinds["band"] == Kind.STRING
    assert there.lead.find("region") is None
    assert plan_context({}, BUILT_IN).pipeline.find("band") is None


@pytest.mark.parametrize(
    ("declared", "personal"),
    [
        ({"from": "country", "a": ["DE"]}, False),
        ({"from": "city", "a": ["Berlin"]}, True),
        ([{"when": {"attributes.plan": "gold"}, "value": "a"}, {"value": "b"}], True),
        ([{"when": {"hidden": "yes"}, "value": "a"}], True),
        ([{"when": {"region": "EMEA"}, "value": "a"}], False),
    ],
)
def test_field_derived_from_personal_fields_is_personal(declared: object, personal: bool) -> None:
    plan = scored()
    plan["fields"] |= {"made": declared, "hidden": {"from": "title", "yes": ["CEO"]}}
    assert plan_context(plan, BUILT_IN).pipeline.personal("made") is personal


def test_field_may_depend_on_one_declared_later() -> None:
    plan = scored()
    plan["fields"] = {
        "last": [{"when": {"middle": "x"}, "value": "z"}],
        "middle": [{"when": {"region": "EMEA"}, "value": "x"}],
        **plan["fields"],
    }
    names = [each.name for each in document(plan).fields.derived]
    assert names.index("region") < names.index("middle") < names.index("last")


@pytest.mark.parametrize(
    ("change", "path", "code"),
    [
        (lambda plan: plan.update(fields=[]), "fields", "wrong_type"),
        (fields(region=None), "fields.region", "wrong_type"),
        (fields(region=[]), "fields.region", "wrong_type"),
        (fields(region={"from": "cuntry", "a": ["x"]}), "fields.region.from", "unknown_field"),
        (fields(region={"EMEA": ["DE"]}), "fields.region.from", "unknown_field"),
        (fields(region={"from": "country"}), "fields.region", "required"),
        (fields(region={"from": "country", "a": ["Nowhere"]}), "fields.region.a[0]", "unknown_country"),
        (fields(region={"from": "country", "a": []}), "fields.region.a", "invalid_operand"),
        (
            fields(region={"from": "country", "a": ["DE"], "b": ["Germany"]}),
            "fields.region.b",
            "duplicate_value",
        ),
        (fields(region={"from": "employees", "a": ["many"]}), "fields.region.a[0]", "invalid_operand"),
        (fields(region={"from": "engagement", "a": ["many"]}), "fields.region.a", "wrong_operator"),
        (fields(region=["a"]), "fields.region[0]", "wrong_type"),
        (fields(region=[{"value": 3}]), "fields.region[0].value", "invalid_name"),
        (fields(region=[{"value": "a "}]), "fields.region[0].value", "invalid_name"),
        (fields(region=[{"when": {}, "value": "a"}]), "fields.region[0].when", "empty_condition"),
        (fields(a=[{"when": {"band": "hot"}, "value": "a"}]), "fields.a[0].when.band", "unknown_field"),
        (fields(region=[{"value": "a"}, {"value": "b"}]), "fields.region[1]", "unreachable"),
        (fields(team=[{"value": "a"}]), "fields.team", "reserved_name"),
        (fields(country=[{"value": "a"}]), "fields.country", "reserved_name"),
        (fields(scores=[{"value": "a"}]), "fields.scores", "reserved_name"),
        (attribute("a b", [{"value": "a"}]), "fields.a b", "invalid_name"),
        (attribute("attributes.", {"type": "string"}), "fields.attributes.", "invalid_name"),
        (attribute("attributes.seats", {"type": "int"}), "fields.attributes.seats.type", "not_allowed"),
        (attribute("attributes.seats", [{"value": "a"}]), "fields.attributes.seats", "wrong_type"),
        (fields(a=[{"when": {"a": "x"}, "value": "x"}]), "fields.a", "cyclic_field"),
        (when({"region": "APAC"}), "pipeline[1].rule.when.region", "not_allowed"),
        (when({"band": "lukewarm"}), "pipeline[1].rule.when.band", "not_allowed"),
        (when({"scores.fat": 3}), "pipeline[1].rule.when.scores.fat", "unknown_field"),
        (when({"attributes.seats": "ten"}), "pipeline[1].rule.when.attributes.seats", "invalid_operand"),
        (row(points=1.5), "scores.fit[0].points", "wrong_type"),
        (row(points=True), "scores.fit[0].points", "wrong_type"),
        (row(half_life="0"), "scores.fit[0].half_life", "invalid_duration"),
        (row(when={"nothing": 1}), "scores.fit[0].when.nothing", "unknown_field"),
        (lambda plan: plan["scores"].update(total=plan["scores"]["fit"]), "scores.total", "reserved_name"),
        (lambda plan: plan["scores"].update(fit=[]), "scores.fit", "too_few_items"),
        (score(model=["fat"]), "pipeline[0].score.model[0]", "unknown_score"),
        (score(model=["fit", "fit"]), "pipeline[0].score.model[1]", "duplicate_value"),
        (score(model=[]), "pipeline[0].score.model", "too_few_items"),
        (score(bands={}), "pipeline[0].score.bands", "too_few_items"),
        (score(bands={"all": {}, "hot": {"gte": 3}}), "pipeline[0].score.bands.hot", "unreachable"),
        (score(bands={"a": {"gte": 15}, "b": {"gte": 60}}), "pipeline[0].score.bands.b", "unreachable"),
        (score(bands={"a": {"gt": 3}, "b": {"gte": 4, "lt": 9}}), "pipeline[0].score.bands.b", "unreachable"),
        (score(bands={"a": {"gt": 3, "lt": 4}, "b": {}}), "pipeline[0].score.bands.a", "contradiction"),
        (score(bands={"hot": {"gte": "3"}}), "pipeline[0].score.bands.hot.gte", "wrong_type"),
    ],
)  # fmt: skip
def test_fault_is_reported_at_its_path(change: Change, path: str, code: str) -> None:
    plan = scored()
    change(plan)
    found = read_plan(plan)
    assert isinstance(found, list)
    assert (path, code) in [(finding.path, finding.code) for finding in found]
    assert all(finding.code in CODES for finding in found)


@pytest.mark.parametrize(
    ("change", "path", "code"),
    [
        (
            first({"rule": {"name": "early", "when": {"band": "hot"}, "then": {"queue": "sales"}}}),
            "pipeline[0].rule.when",
            "used_before_defined",
        ),
        (score(when={"scores.fit": 3}), "pipeline[0].score.when", "used_before_defined"),
        (
            score(bands={"hot": {"gte": 60, "then": {"team": "gone"}}, "cold": {}}),
            "pipeline[0].score.bands.hot.then.team",
            "unknown_team",
        ),
        (
            fields(segment=[{"when": {"country": "DE", "all": [{"country": "FR"}]}, "value": "mid"}]),
            "fields.segment[0].when",
            "contradiction",
        ),
        (
            row(when={"country": "DE", "all": [{"country": "FR"}]}),
            "scores.fit[0].when",
            "contradiction",
        ),
    ],
)
def test_check_reports_a_fault_of_a_parsed_plan(change: Change, path: str, code: str) -> None:
    plan = scored()
    change(plan)
    found = check(document(plan), NAMES)
    assert (path, code) in [(finding.path, finding.code) for finding in found]


def test_second_score_step_keeps_later_steps_reachable() -> None:
    plan = scored()
    cold = {"rule": {"name": "again", "when": {"band": "cold"}, "then": {"path": "newsletter"}}}
    plan["pipeline"][-1:-1] = [cold]
    assert [finding.code for finding in check(document(plan), NAMES)] == ["unreachable"]
    again = {"score": {"name": "again", "model": ["intent"], "bands": {"hot": {"gte": 1}, "cold": {}}}}
    plan["pipeline"][-2:-1] = [again, {"rule": {**cold["rule"], "name": "still"}}]
    assert check(document(plan), NAMES) == []


def test_score_step_settles_only_when_every_band_does() -> None:
    plan = scored()
    bands: dict[str, Any] = {
        "hot": {"gte": 60, "then": {"queue": "sales"}},
        "rest": {"then": {"queue": "unrouted"}},
    }
    plan["pipeline"] = [{"score": {"model": ["fit", "score"], "bands": bands}}]
    plan["tests"], plan["follow_up"] = [], []
    assert check(document(plan), NAMES) == []
    del bands["hot"]["then"]
    assert [finding.code for finding in check(document(plan), NAMES)] == ["no_catch_all"]


def test_json_gives_the_same_plan() -> None:
    assert document(json.dumps(scored())) == document(scored())


def test_only_an_attribute_that_is_declared_so_shows_its_value() -> None:
    plan = scored()
    plan["fields"] |= {
        "attributes.coupon": {"type": "string", "personal": False},
        "attributes.note": {"type": "string"},
        "made": [{"when": {"attributes.coupon": "A"}, "value": "yes"}],
    }
    catalog = plan_context(plan, BUILT_IN).pipeline
    assert [catalog.personal(name) for name in ("attributes.coupon", "attributes.note", "made")] == [
        False, True, False,
    ]  # fmt: skip


@pytest.mark.parametrize("declared", [{"personal": False}, {"type": "string", "personal": "no"}])
def test_a_faulty_declaration_of_personal_is_refused(declared: object) -> None:
    plan = scored()
    plan["fields"] |= {"attributes.coupon": declared}
    assert isinstance(read_plan(plan), list)


def test_own_field_replaces_a_newer_field_of_the_lead() -> None:
    declared = {
        "contact": {"from": "source", "warm": ["fair"]},
        "preferences": [{"when": {"contact": "warm"}, "value": "calls"}],
        "form": {"from": "country", "dach": ["DE", "AT"]},
    }
    plan = document({**scored(), "fields": {**scored()["fields"], **declared}})
    added = DerivedFields(plan.fields.derived).added
    given = {"source": "fair", "contact": {"email": "valid"}, "form": "demo"}
    found = added(given, datetime(2026, 11, 30, tzinfo=UTC))
    assert (found["contact"], found["preferences"], found.get("form")) == ("warm", "calls", None)


def test_words_of_one_industry_may_be_listed_twice() -> None:
    declared = {"sector": {"from": "industry", "a": ["Maschinenbau"], "b": ["Mechanical Engineering"]}}
    plan = document({**scored(), "fields": {**scored()["fields"], **declared}})
    found = DerivedFields(plan.fields.derived).added(
        {"industry": "machinery"}, datetime(2026, 11, 30, tzinfo=UTC)
    )
    assert found["sector"] == "a"
