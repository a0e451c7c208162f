"""Parsing of conditions, and the findings about invalid ones."""

import pytest

from app.plan.findings import CODES, Faults
from app.plan.language.conditions import All, Any, Leaf, Node, Not, parse_condition
from app.plan.language.fields import FOLLOW_UP, PIPELINE, Catalog, Kind


def leaf(field: str, operator: str, operand: object) -> Leaf:
    known = FOLLOW_UP.find(field)
    assert known is not None
    return Leaf(field, operator, operand, known.kind, known.personal)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ({"source": "partner"}, leaf("source", "eq", "partner")),
        ({"country": "DE"}, leaf("country", "eq", "DE")),
        ({"country": "germany"}, leaf("country", "eq", "DE")),
        ({"country": ["UK", "at"]}, leaf("country", "in", ("GB", "AT"))),
        ({"country": {"in": ["DE", "AT"]}}, leaf("country", "in", ("DE", "AT"))),
        ({"language": ["de-DE", "EN_us", "fr"]}, leaf("language", "in", ("de", "en", "fr"))),
        ({"country": {"prefix": "D"}}, leaf("country", "prefix", "D")),
        ({"tier": None}, leaf("tier", "exists", False)),
        ({"tier": {"eq": None}}, leaf("tier", "exists", False)),
        ({"tier": {"ne": None}}, leaf("tier", "exists", True)),
        ({"exists": "tier"}, leaf("tier", "exists", True)),
        (
            {"not": {"exists": "account.open_opportunity"}},
            Not(leaf("account.open_opportunity", "exists", True)),
        ),
        (
            {"employees": {"gte": 5, "lt": 50}},
            All((leaf("employees", "gte", 5), leaf("employees", "lt", 50))),
        ),
        ({"source": "a", "tier": "b"}, All((leaf("source", "eq", "a"), leaf("tier", "eq", "b")))),
        ({"not": {"source": "a"}}, Not(leaf("source", "eq", "a"))),
        (
            {"any": [{"source": "a"}, {"tier": "b"}]},
            Any((leaf("source", "eq", "a"), leaf("tier", "eq", "b"))),
        ),
        ({"all": [{"source": "a"}]}, leaf("source", "eq", "a")),
        (
            {"all": [{"source": "a"}, {"all": [{"tier": "b"}, {"visits": 1}]}]},
            All((leaf("source", "eq", "a"), leaf("tier", "eq", "b"), leaf("visits", "eq", 1))),
        ),
        ({"consent.phone": True}, leaf("consent.phone", "eq", True)),
        ({"attributes.seats": {"gt": 1}}, leaf("attributes.seats", "gt", 1)),
        ({"attributes.a.b": [1, "x"]}, leaf("attributes.a.b", "in", (1, "x"))),
        ({"utm.source": "google"}, leaf("utm.source", "eq", "google")),
        ({"trigger": "chat"}, leaf("trigger", "eq", "chat")),
        ({"trigger": "x-own"}, leaf("trigger", "eq", "x-own")),
        ({"pages": {"contains": "pricing"}}, leaf("pages", "contains", "pricing")),
        ({"engagement": {"contains": "pricing"}}, leaf("engagement", "contains", "pricing")),
        ({"phone": {"prefix": ["+43", "+49"]}}, leaf("phone", "prefix", ("+43", "+49"))),
        ({"pages": {"contains": ["pricing", "demo"]}}, leaf("pages", "contains", ("pricing", "demo"))),
        ({"churn_risk": {"gt": 0.5}}, leaf("churn_risk", "gt", 0.5)),
        ({"churn_risk": "high"}, leaf("churn_risk", "eq", "high")),
        ({"title": {"matches": "(?i)vp"}}, leaf("title", "matches", "(?i)vp")),
    ],
)
def test_condition_is_parsed(written: object, expected: Node) -> None:
    assert parse_condition(written, PIPELINE) == expected


@pytest.mark.parametrize(
    ("written", "path", "code"),
    [
        ("DE", "", "wrong_type"),
        ({}, "", "empty_condition"),
        ({"all": []}, "all", "empty_condition"),
        ({"any": {}}, "any", "wrong_type"),
        ({"any": [{"source": "a"}, 5]}, "any[1]", "wrong_type"),
        ({"country": {}}, "country", "empty_condition"),
        ({"country": {"foo": 1}}, "country.foo", "unknown_operator"),
        ({"cuntry": "DE"}, "cuntry", "unknown_field"),
        ({"consent": True}, "consent", "unknown_field"),
        ({"exists": "cuntry"}, "exists", "unknown_field"),
        ({"exists": {"country": True}}, "exists", "wrong_type"),
        ({"attributes.": 1}, "attributes.", "unknown_field"),
        ({"attributes": 1}, "attributes", "unknown_field"),
        ({"outcome": "assigned"}, "outcome", "unknown_field"),
        ({"all": [{"not": {"country": {"eq": 3}}}]}, "all[0].not.country.eq", "invalid_operand"),
        ({"country": {"gt": "DE"}}, "country.gt", "wrong_operator"),
        ({"country": "Atlantis"}, "country", "unknown_country"),
        ({"country": ["DE", "Atlantis"]}, "country[1]", "unknown_country"),
        ({"country": {"in": []}}, "country.in", "invalid_operand"),
        ({"country": {"in": "DE"}}, "country.in", "invalid_operand"),
        ({"country": {"in": ["DE", None]}}, "country.in[1]", "invalid_operand"),
        ({"country": {"exists": "yes"}}, "country.exists", "invalid_operand"),
        ({"employees": {"lt": "x"}}, "employees.lt", "invalid_operand"),
        ({"employees": True}, "employees", "invalid_operand"),
        ({"employees": {"contains": 1}}, "employees.contains", "wrong_operator"),
        ({"employees": {"lt": 10**16}}, "employees.lt", "out_of_range"),
        ({"consent.email": "maybe"}, "consent.email", "invalid_operand"),
        ({"consent.email": {"in": [True]}}, "consent.email.in", "wrong_operator"),
        ({"source": ""}, "source", "invalid_operand"),
        ({"source": 5}, "source", "invalid_operand"),
        ({"pages": "pricing"}, "pages", "wrong_operator"),
        ({"pages": ["pricing"]}, "pages", "wrong_operator"),
        ({"pages": {"contains": 5}}, "pages.contains", "invalid_operand"),
        ({"trial_ends_at": {"lt": "soon"}}, "trial_ends_at.lt", "invalid_timestamp"),
        ({"trial_ends_at": {"lt": 5}}, "trial_ends_at.lt", "invalid_timestamp"),
        ({"trigger": "telepathy"}, "trigger", "not_allowed"),
        ({"trigger": "X_own"}, "trigger", "not_allowed"),
        ({"customer_status": ["active", "x-own"]}, "customer_status[1]", "not_allowed"),
        ({"pages": {"contains": []}}, "pages.contains", "invalid_operand"),
        ({"title": {"prefix": ["VP", ""]}}, "title.prefix[1]", "invalid_operand"),
        ({"title": {"prefix": ["VP", 5]}}, "title.prefix[1]", "invalid_operand"),
        ({"title": {"matches": ["VP"]}}, "title.matches", "invalid_operand"),
        ({"title": {"matches": "("}}, "title.matches", "invalid_pattern"),
        ({"title": {"matches": "(?=a)"}}, "title.matches", "invalid_pattern"),
        ({"title": {"matches": "a" * 1_001}}, "title.matches", "invalid_pattern"),
        ({"title": {"matches": "(((a{30}){30}){30})"}}, "title.matches", "invalid_pattern"),
        ({"attributes.x": {"gt": "many"}}, "attributes.x.gt", "invalid_timestamp"),
        ({"attributes.x": {"gt": True}}, "attributes.x.gt", "invalid_operand"),
        ({"attributes.x": {"eq": {"a": 1}}}, "attributes.x.eq", "invalid_operand"),
        ({"attributes.x": {"in": [True]}}, "attributes.x.in[0]", "invalid_operand"),
    ],
)
def test_invalid_condition_is_rejected(written: object, path: str, code: str) -> None:
    with pytest.raises(Faults) as refusal:
        parse_condition(written, PIPELINE)
    assert [(finding.path, finding.code) for finding in refusal.value.findings] == [(path, code)]
    assert code in CODES


@pytest.mark.parametrize(
    ("written", "remedy"),
    [
        ({"state": ""}, "For leads without it, write null."),
        ({"state": {"eq": " "}}, "For leads without it, write null."),
        ({"state": {"ne": ""}}, "For leads that have it, write {ne: null}."),
        ({"state": ["CA", ""]}, "write {state: null} as another condition under any."),
        ({"state": {"contains": ["CA", None]}}, "write {state: null} as another condition under any."),
        ({"state": 5}, "put 5 in quotes"),
    ],
)
def test_empty_text_is_rejected_with_the_way_to_write_it(written: object, remedy: str) -> None:
    with pytest.raises(Faults) as refusal:
        parse_condition(written, PIPELINE)
    assert remedy in refusal.value.findings[0].text


def test_every_fault_is_reported_at_once() -> None:
    with pytest.raises(Faults) as refusal:
        parse_condition({"country": {"lt": 1, "foo": 2}, "any": [{"nope": 1}, {"tier": "a"}]}, PIPELINE)
    assert [finding.path for finding in refusal.value.findings] == [
        "country.lt",
        "country.foo",
        "any[0].nope",
    ]


@pytest.mark.parametrize("name", ["outcome", "step", "rule", "team", "queue", "path"])
def test_follow_up_condition_may_test_the_decision(name: str) -> None:
    value = "queued" if name == "outcome" else "dach"
    assert parse_condition({name: value}, FOLLOW_UP) == leaf(name, "eq", value)


def test_list_field_is_rejected_with_a_hint_to_contains() -> None:
    with pytest.raises(Faults, match="contains"):
        parse_condition({"pages": "pricing"}, PIPELINE)


def test_catalog_takes_more_fields() -> None:
    band = FOLLOW_UP.fields["outcome"]
    assert PIPELINE.extended([band]).find("outcome") == band
    assert PIPELINE.find("outcome") is None


def test_free_and_unknown_fields_count_as_personal() -> None:
    assert PIPELINE.personal("attributes.nickname")
    assert PIPELINE.personal("no_such_field")
    assert PIPELINE.personal("email")
    assert not PIPELINE.personal("country")


def test_free_prefix_may_have_any_type() -> None:
    field = FOLLOW_UP.fields["visits"]
    assert Catalog({}, {"counts": field}).find("counts.a") is not None
    assert field.kind is Kind.INTEGER
