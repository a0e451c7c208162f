"""Imported plans give leads to the same people as Salesforce. The evaluator of Salesforce is of its own."""

import random
import re
from typing import Any
from xml.sax.saxutils import escape

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.salesforce.imports import DEFAULT_OWNER, FILE, Decider, imported
from tests.salesforce.semantics import Lead, Rules

TYPES = {
    "NumberOfEmployees": "Number", "AnnualRevenue": "Number", "Budget__c": "Number", "Score__c": "Number",
    "Interests__c": "MultiselectPicklist", "Do_Not_Route__c": "Checkbox", "Opted_In__c": "Checkbox",
    "Renewal__c": "Date",
}  # fmt: skip
DEFAULT = ("user", DEFAULT_OWNER)
SPELLINGS = (str, str.upper, str.lower, lambda text: f" {text} ")
LEADS = 3_000
VALUES: dict[str, list[Any]] = {
    "Country": ["US", "United States", "Canada", "Germany", "AT", "FR", None],
    "State": ["WA", "OR", "TX", None],
    "PostalCode": ["98052", "97201", "80331", "87999", "88000", "1010", "3500", "9999", None],
    "LeadSource": ["Web", "Migration", "Fair", None],
    "Company": ["Alder, Inc.", "Birch", "The Test Kitchen", None],
    "Industry": ["Education", "Health, Research & Care", "Steel", None],
    "NumberOfEmployees": [0, 499, 500, 501, None],
    "AnnualRevenue": [0, 1_000_000, 1_000_001.5, None],
    "Email": ["ada@test.example", "ada@tern.example", None],
    "LastName": ["[not provided]", "Lovelace", None],
    "Title": ["Chief of Staff", "Intern", None],
    "Rating": ["Hot", "Cold", None],
    "Partner__c": ["Alder", None],
    "Budget__c": [25_000.5, 25_000, 0, None],
    "Score__c": [1, 2.5, None],
    "Region__c": ["EMEA North", "APAC", None],
    "Segment__c": ["50-249", "250", "1,000+", "1-49", None],
    "Description": ["A letter", "xyz", None],
    "Interests__c": [["Labs"], ["Grants", "Travel"], ["Grants"], ["Labs", "Grants"], ["Labs", "Spam"], []],
    "Do_Not_Route__c": [True, False, None],
    "Opted_In__c": [True, False, None],
    "Renewal__c": ["2026-06-30", "2026-07-01", None],
}


def drawn(chance: random.Random) -> dict[str, Any]:
    """A lead with some of the values, in any spelling."""
    lead = {name: chance.choice(values) for name, values in VALUES.items()}
    lead = {name: value for name, value in lead.items() if chance.random() < 0.6}
    return {
        name: chance.choice(SPELLINGS)(value) if isinstance(value, str) and name != "Renewal__c" else value
        for name, value in lead.items()
    }


def spelled(lead: Lead) -> dict[str, Any]:
    """The lead as Salesforce stores it: without blanks around texts."""
    return {name: value.strip() if isinstance(value, str) else value for name, value in lead.items()}


def decided_by_caller(rules: Rules, lead: Lead, names: list[str]) -> dict[str, bool]:
    """The attributes for the parts that were not carried over."""
    found = {}
    for name in names:
        match = re.fullmatch(r"salesforce_entry_(\d+)_(criterion|formula)_(\d+)", name)
        assert match is not None, name
        entry, place = int(match[1]), int(match[3])
        held = rules.matches(entry, lead) if match[2] == "formula" else rules.criteria(entry, lead)[place - 1]
        found[name] = held
    return found


@pytest.mark.parametrize("types", [{}, TYPES], ids=["types from the rule", "types from the object"])
def test_leads_have_the_same_owners(types: dict[str, str]) -> None:
    plan = imported(FILE, types)
    decider = Decider(plan)
    formulas = {
        "8": lambda lead: (
            (lead.get("Rating") or "").casefold() == "hot"
            and ((lead.get("AnnualRevenue") or 0) > 1_000_000 or bool(lead.get("Partner__c")))
        ),
        "9": lambda lead: "chief" in (lead.get("Title") or "").casefold() and lead.get("Rating") == "Cold",
    }
    rules = Rules(FILE, TYPES | {"CreatedDate": "Number"}, formulas)
    names = sorted(set(re.findall(r"attributes\.(salesforce_\w+):", "\n".join(plan.report))))
    chance = random.Random(1)
    for _ in range(LEADS):
        lead = drawn(chance)
        known = spelled(lead)
        more = decided_by_caller(rules, known, names)
        assert decider.assignee(lead, more) == rules.assignee(known, DEFAULT), lead


# Generated rules

TEXTS = st.sampled_from(["A", "b", "Ab", "abc", "X, Y", "x", "10", "100"])
TEXT_OPERATIONS = ["equals", "notEqual", "contains", "notContain", "startsWith"]
FIELDS: dict[str, tuple[list[str], st.SearchStrategy[str], list[Any]]] = {
    "Country": (["equals", "notEqual"], st.sampled_from(["US", "DE", "FR"]), ["US", "DE", "FR", "JP", None]),
    "LeadSource": (TEXT_OPERATIONS, TEXTS, ["A", "abc", "X, Y", None]),
    "Kind__c": (TEXT_OPERATIONS, TEXTS, ["a", "100", "x", None]),
    "Code__c": (["equals", "notEqual"], TEXTS, ["10", "100", "AB", None]),
    "Zip__c": (
        ["lessThan", "lessOrEqual", "greaterThan", "greaterOrEqual", "startsWith"],
        st.sampled_from(["0999", "10", "100", "8999"]),
        ["0999", "09", "1", "10", "10A", "100", "9", "89990", None],
    ),
    "NumberOfEmployees": (
        ["equals", "notEqual", "lessThan", "lessOrEqual", "greaterThan", "greaterOrEqual"],
        st.sampled_from(["0", "5", "10"]),
        [0, 4, 5, 6, 10, None],
    ),
    "Score__c": (
        ["equals", "notEqual", "lessThan", "greaterOrEqual"],
        st.sampled_from(["0", "1.5"]),
        [0, 1.5, 2, None],
    ),
    "Interests__c": (
        ["includes", "excludes", "equals", "notEqual"],
        st.sampled_from(["A", "B", "A;B", "C"]),
        [["A"], ["A", "B"], ["C", "a"], []],
    ),
    "Opted_In__c": (["equals", "notEqual"], st.sampled_from(["True", "False"]), [True, False, None]),
    "Renewal__c": (
        ["equals", "notEqual", "lessThan", "greaterOrEqual"],
        st.sampled_from(["2026-01-31", "2026-02-01"]),
        ["2026-01-31", "2026-02-01", "2025-12-31", None],
    ),
}  # fmt: skip
TEXT_TYPES = dict.fromkeys(("Zip__c", "Kind__c", "Code__c"), "Text")
ONE_VALUE = frozenset(("lessThan", "lessOrEqual", "greaterThan", "greaterOrEqual"))
NEVER_BLANK = frozenset(("includes", "excludes", "contains", "notContain", "startsWith", *ONE_VALUE))


@st.composite
def criteria(draw: st.DrawFn) -> str:
    name = draw(st.sampled_from(sorted(FIELDS)))
    operations, values, _ = FIELDS[name]
    operation = draw(st.sampled_from(operations))
    if operation not in NEVER_BLANK and name != "Opted_In__c" and draw(st.integers(0, 4)) == 0:
        return f"<field>Lead.{name}</field><operation>{operation}</operation>"
    most = 1 if operation in ONE_VALUE else 3
    listed = draw(st.lists(values, min_size=1, max_size=most))
    text = ",".join(f'"{each}"' if "," in each else each for each in listed)
    return f"<field>Lead.{name}</field><operation>{operation}</operation><value>{escape(text)}</value>"


def logic(count: int) -> st.SearchStrategy[str]:
    """Filter logic over this many criteria."""
    number = st.integers(1, count).map(str)
    return st.recursive(
        number,
        lambda inside: st.one_of(
            st.tuples(inside, st.sampled_from(["AND", "or", "And"]), inside).map(" ".join).map("({})".format),
            inside.map("NOT {}".format),
        ),
        max_leaves=5,
    )


@st.composite
def entries(draw: st.DrawFn) -> str:
    items = draw(st.lists(criteria(), min_size=1, max_size=4))
    to = draw(st.sampled_from(["user a@x.example", "user b@x.example", "queue Desk", "queue R%26D", None]))
    kind, _, name = to.partition(" ") if to else ("", "", "")
    parts = [f"<assignedTo>{name}</assignedTo><assignedToType>{kind.title()}</assignedToType>"] if to else []
    if draw(st.booleans()):
        parts.append(f"<booleanFilter>{draw(logic(len(items)))}</booleanFilter>")
    parts += [f"<criteriaItems>{each}</criteriaItems>" for each in items]
    return f"<ruleEntry>{''.join(parts)}</ruleEntry>"


@st.composite
def leads(draw: st.DrawFn) -> Lead:
    return {
        name: draw(st.sampled_from(values)) for name, (_, _, values) in FIELDS.items() if draw(st.booleans())
    }


@given(
    st.lists(entries(), min_size=1, max_size=5), st.lists(leads(), min_size=10, max_size=20), st.booleans()
)
@settings(max_examples=60, deadline=None)
def test_generated_rules_have_the_same_owners(found: list[str], asked: list[Lead], typed: bool) -> None:
    xml = (
        '<AssignmentRules xmlns="http://soap.sforce.com/2006/04/metadata"><assignmentRule><fullName>R</fullName>'
        f"<active>true</active>{''.join(found)}</assignmentRule></AssignmentRules>"
    )
    plan = imported(xml, TYPES | TEXT_TYPES if typed else TYPES | {"Zip__c": "Text"})
    decider, rules = Decider(plan), Rules(xml, TYPES)
    names = sorted(set(re.findall(r"attributes\.(salesforce_\w+):", "\n".join(plan.report))))
    for lead in asked:
        more = decided_by_caller(rules, lead, names)
        assert decider.assignee(lead, more) == rules.assignee(lead, DEFAULT), (lead, plan.files["plan.yaml"])
