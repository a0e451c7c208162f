"""Each criterion, filter and formula of Salesforce, and the condition it becomes."""

from typing import Any

import pytest
import yaml

from tests.salesforce.imports import imported
from tests.salesforce.rule_files import criterion, entry, formula, rule, rule_file


def written(*parts: str, logic: str | None = None, types: dict[str, str] | None = None) -> Any:
    """The condition of a rule with one entry."""
    plan = imported(rule_file(rule(entry(*parts, logic=logic))), types)
    first: dict[str, Any] = yaml.safe_load(plan.files["plan.yaml"])["pipeline"][0]["rule"]
    return first.get("when") if first["name"] == "entry-1" else "left out"


CRITERIA: list[tuple[str, str, str | None, Any]] = [
    ("Lead.Country", "equals", "US,USA,United States", {"country": "US"}),
    ("Lead.CountryCode", "equals", "US,AT", {"country": ["US", "AT"]}),
    ("Lead.Country", "equals", "Atlantis", {"attributes.Country": "Atlantis"}),
    (
        "Lead.Country",
        "notEqual",
        "US,Atlantis",
        {"not": {"any": [{"country": "US"}, {"attributes.Country": "Atlantis"}]}},
    ),
    ("Lead.Country", "notEqual", "US", {"not": {"country": "US"}}),
    ("Lead.Country", "startsWith", "Germ", {"country": "DE"}),
    ("Lead.State", "equals", "CA,California,NV", {"state": ["CA", "NV"]}),
    ("Lead.LeadSource", "equals", None, {"source": None}),
    ("Lead.LeadSource", "notEqual", None, {"source": {"exists": True}}),
    ("Lead.LeadSource", "equals", '"",Web', {"any": [{"source": None}, {"source": "Web"}]}),
    ("Lead.Company", "equals", '"Acme, Inc.", Foo', {"company": ["Acme, Inc.", "Foo"]}),
    ("Lead.Company", "contains", "a,b", {"company": {"contains": ["a", "b"]}}),
    ("Lead.Company", "notContain", "a", {"not": {"company": {"contains": "a"}}}),
    ("Lead.PostalCode", "startsWith", "021", {"postal_code": {"prefix": "021"}}),
    ("Lead.NumberOfEmployees", "greaterOrEqual", "1,000", {"employees": {"gte": 1000}}),
    ("Lead.AnnualRevenue", "lessThan", "USD 1000000.50", {"annual_revenue": {"lt": 1000000.5}}),
    ("Lead.NumberOfEmployees", "equals", "5,6", {"employees": [5, 6]}),
    ("Lead.NumberOfEmployees", "equals", None, {"employees": None}),
    ("Lead.Hot__c", "equals", "True", {"attributes.Hot__c": True}),
    ("Lead.Hot__c", "equals", "False", {"not": {"attributes.Hot__c": True}}),
    ("Lead.Hot__c", "notEqual", "True", {"not": {"attributes.Hot__c": True}}),
    ("Lead.Hot__c", "equals", "True,False", None),
    ("Lead.BU__c", "equals", "Labs", {"attributes.BU__c": "Labs"}),
    ("Lead.Size__c", "equals", "50,51+", {"attributes.Size__c": ["50", "51+"]}),
    ("Lead.Tags__c", "includes", "a,b", {"attributes.Tags__c": {"contains": ["a", "b"]}}),
    ("Lead.Tags__c", "excludes", "a", {"not": {"attributes.Tags__c": {"contains": "a"}}}),
    ("Lead.Status", "equals", "Open - Not Contacted", {"attributes.Status": "Open - Not Contacted"}),
    ("Lead.CreatedById", "equals", "Ada Love", {"attributes.CreatedById": "Ada Love"}),
    ("Lead.Phone", "equals", None, {"phone": None}),
    ("Lead.Phone", "startsWith", "(415)", {"attributes.Phone": {"prefix": "(415)"}}),
    ("Lead.Renewal__c", "greaterThan", "2026-06-30", {"attributes.Renewal__c": {"gt": "2026-06-30"}}),
    ("Lead.Score__c", "greaterThan", "5%", {"attributes.Score__c": {"gt": 5}}),
    ("Lead.Renewal__c", "equals", "6/30/2026", {"attributes.Renewal__c": {"eq": "2026-06-30"}}),
]


@pytest.mark.parametrize(("field", "operation", "value", "when"), CRITERIA)
def test_criterion_becomes_a_condition(field: str, operation: str, value: str | None, when: Any) -> None:
    assert written(criterion(field, operation, value)) == when


UNCARRIED: list[tuple[str, str, str | None, dict[str, str]]] = [
    ("User.ProfileId", "equals", "Partner", {}),
    ("$User.Department", "equals", "Web", {}),
    ("Lead.CreatedDate", "greaterThan", "LAST_N_DAYS:30", {}),
    ("Lead.CreatedDate", "equals", "TODAY", {}),
    ("Lead.Renewal__c", "lessThan", "1/2/2026", {"Renewal__c": "Date"}),
    ("Lead.Tags__c", "equals", "a;b", {"Tags__c": "MultiselectPicklist"}),
    ("Lead.Company", "lessThan", "M", {}),
    ("Lead.NumberOfEmployees", "equals", "many", {}),
    ("Lead.NumberOfEmployees", "lessThan", "1000000000000000000", {}),
    ("Lead.Country", "contains", "Atlantis", {}),
    ("Lead.Company", "contains", None, {}),
    ("Lead.Company", "resembles", "a", {}),
]


@pytest.mark.parametrize(("field", "operation", "value", "types"), UNCARRIED)
def test_criterion_that_a_plan_cannot_say_is_left_to_the_caller(
    field: str, operation: str, value: str | None, types: dict[str, str]
) -> None:
    plan = imported(rule_file(rule(entry(criterion(field, operation, value)))), types)
    assert "when: {attributes.salesforce_entry_1_criterion_1: true}" in plan.files["plan.yaml"]
    place = plan.report.index("Not carried over. Each part holds when the caller says so:")
    shown = value if value is not None else "(blank)"
    assert plan.report[place + 1] == f"  entry 1: {field} {operation} {shown}"


A, B, C = ({"attributes.A__c": "x"}, {"attributes.B__c": "x"}, {"attributes.C__c": "x"})
LOGIC: list[tuple[str, Any]] = [
    ("1 AND 2 AND 3", {**A, **B, **C}),
    ("1 and (2 Or 3)", {**A, "any": [B, C]}),
    ("1 OR 2 AND 3", {"any": [A, {**B, **C}]}),
    ("((1) OR (2 OR 3))", {"any": [A, B, C]}),
    ("not(1 OR 2) AND 3", {"all": [{"not": A}, {"not": B}, C]}),
    ("1 AND NOT 2", {**A, "not": B}),
    ("1&&!2||3", {"any": [{**A, "not": B}, C]}),
    ("1AND2", {**A, **B}),
    ("1 AND 1 AND (2 OR 3 OR 2)", {**A, "any": [B, C]}),
]


@pytest.mark.parametrize(("text", "when"), LOGIC)
def test_filter_logic_is_read_in_any_case(text: str, when: Any) -> None:
    items = [criterion(f"Lead.{name}__c", "equals", "x") for name in "ABC"]
    assert written(*items, logic=text.replace("&", "&amp;")) == when


@pytest.mark.parametrize("text", ["1 AND", "1 2", "(1", "4", "0", "1 XOR 2", ")", "NOT", "1 AND )", "(" * 99])
def test_malformed_filter_logic_is_left_to_the_caller(text: str) -> None:
    items = [criterion(f"Lead.{name}__c", "equals", "x") for name in "ABC"]
    assert written(*items, logic=text) == {"attributes.salesforce_entry_1_logic": True}


HOT = {"attributes.Rating": "Hot"}
CHIEF = {"contains": "Chief"}
FIRST = "attributes.salesforce_entry_1_formula_1"
FORMULAS: list[tuple[str, Any]] = [
    ('ISPICKVAL(Rating, "Hot")', HOT),
    ('ISPICKVAL( Rating , "") /* nothing */', {"attributes.Rating": None}),
    ('AND(ISPICKVAL(Rating,"Hot"), AnnualRevenue >= 5)', {**HOT, "annual_revenue": {"gte": 5}}),
    ('ispickval(Rating,"Hot") || Lead.Company = "A"', {"any": [HOT, {"company": "A"}]}),
    ('NOT(ISBLANK(Company)) && TEXT(Rating) <> "Hot"', {"company": {"exists": True}, "not": HOT}),
    ('5 < NumberOfEmployees && CONTAINS(Title, "Chief")', {"employees": {"gt": 5}, "title": CHIEF}),
    ('BEGINS(PostalCode, "02")', {"postal_code": {"prefix": "02"}}),
    ('INCLUDES(Tags__c, "a")', {"attributes.Tags__c": {"contains": "a"}}),
    ("Hot__c && NOT(Cold__c)", {"attributes.Hot__c": True, "not": {"attributes.Cold__c": True}}),
    ("Hot__c = FALSE", {"not": {"attributes.Hot__c": True}}),
    ('Company = "say \\"hi\\""', {"company": 'say "hi"'}),
    ("TRUE", None),
    ("FALSE", "left out"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "when"), FORMULAS)
def test_simple_formula_becomes_a_condition(text: str, when: Any) -> None:
    assert written(formula(text)) == when


PARTS: list[tuple[str, Any]] = [
    ('ISPICKVAL(Rating,"Hot") && $User.City = "Bonn"', {**HOT, FIRST: True}),
    ('NOT($Profile.Name = "Admin")', {FIRST: False}),
    ("CreatedDate > TODAY() - 5", {FIRST: True}),
    ('CONTAINS("a:b", Company)', {FIRST: True}),
    ("AnnualRevenue > Budget__c", {FIRST: True}),
    ('CASE(Rating, "Hot", 1, 0) = 1', {FIRST: True}),
    ('ISPICKVAL(Rating, "Hot"', {"attributes.salesforce_entry_1_formula": True}),
    ("(" * 200 + "TRUE" + ")" * 200, {"attributes.salesforce_entry_1_formula": True}),
]  # fmt: skip


@pytest.mark.parametrize(("text", "when"), PARTS)
def test_part_of_a_formula_that_is_not_simple_is_left_to_the_caller(text: str, when: Any) -> None:
    assert written(formula(text)) == when


def test_part_that_nobody_decides_matches_neither_as_it_is_nor_negated() -> None:
    unknown = criterion("User.City", "equals", "Bonn")
    known = criterion("Lead.Company", "equals", "A")
    assert written(known, unknown, logic="NOT (1 OR 2)") == {
        "not": {"company": "A"},
        "attributes.salesforce_entry_1_criterion_2": False,
    }


def test_types_of_the_object_decide_how_values_are_compared() -> None:
    number = criterion("Lead.Size__c", "equals", "50")
    assert written(number, types={"Size__c": "Number"}) == {"attributes.Size__c": 50}
    assert written(number, types={"Size__c": "Picklist"}) == {"attributes.Size__c": "50"}
    switch = criterion("Lead.Hot__c", "equals", "True")
    assert written(switch, types={"Hot__c": "Text"}) == {"attributes.Hot__c": "True"}
