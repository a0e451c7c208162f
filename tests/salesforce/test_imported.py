"""What an import writes and says."""

from typing import Any

import pytest
import yaml

from app.contract.table_formats import read_table
from app.engine.compile.plan import compile_plan
from app.engine.lookup.tables import PreparedTables, compile_table
from app.plan_check.check import KnownNames, check
from app.registry import strategies
from app.salesforce.errors import UnreadableFile
from app.salesforce.fields import FieldMap, read_field_map, read_object_types
from app.salesforce.imported import Options, import_rules
from app.salesforce.metadata_xml import MAX_BYTES
from tests.salesforce.imports import FILE, Decider, document_of, imported, parsed
from tests.salesforce.rule_files import NAMESPACE, criterion, entry, formula, rule, rule_file

FAIR = criterion("Lead.LeadSource", "equals", "Fair")
WEB = criterion("Lead.LeadSource", "equals", "Web")


def plan_of(text: str, **options: Any) -> dict[str, Any]:
    plan: dict[str, Any] = yaml.safe_load(imported(text, **options).files["plan.yaml"])
    return plan


def test_owners_and_queues_keep_the_names_of_salesforce() -> None:
    plan = imported(
        rule_file(
            rule(
                entry(FAIR, to="ana@x.example"),
                entry(WEB, to="ana@y.example"),
                entry(criterion("Lead.City", "equals", "Bonn"), to="R%26D Desk"),
                entry(criterion("Lead.City", "equals", "Ulm"), to="held"),
            )
        ),
        default_owner=None,
    )
    assert plan.files["owners.csv"].splitlines() == [
        "id,name,email,crm.salesforce",
        "ana,ana@x.example,ana@x.example,ana@x.example",
        "ana-2,ana@y.example,ana@y.example,ana@y.example",
    ]
    assert {name: queue.crm for name, queue in document_of(plan).queues.items()} == {
        "R&D Desk": {"salesforce": "R&D Desk"},
        "held-queue": {"salesforce": "held"},
        "default-owner": {},
    }


@pytest.mark.parametrize(
    ("default", "last"),
    [
        (None, [{"queue": {"name": "default-owner"}}]),
        ("Desk", [{"queue": {"name": "Desk"}}]),
        (
            "sam@x.example",
            [
                {"rule": {"name": "default-owner", "then": {"owner": "sam"}}},
                {"queue": {"name": "default-owner"}},
            ],
        ),
    ],
)
def test_default_owner_is_the_last_step(default: str | None, last: list[Any]) -> None:
    plan = plan_of(rule_file(rule(entry(FAIR))), default_owner=default)
    assert plan["pipeline"][1:] == last


def test_entry_without_an_assignee_keeps_the_owner() -> None:
    plan = plan_of(rule_file(rule(entry(FAIR, to=None), entry(WEB))))
    assert plan["pipeline"][0]["rule"]["then"] == {
        "current_owner": True,
        "else": [{"owner": "default.owner"}],
    }
    assert [case["expect"] for case in plan["tests"][:2]] == [
        {"rule": "entry-1", "owner": "default.owner"},
        {"rule": "entry-1", "owner": "ana"},
    ]


@pytest.mark.parametrize("last", ["Desk", "ana@x.example", None])
@pytest.mark.parametrize("default", ["Desk", "sam@x.example", None])
def test_entry_for_every_lead_may_be_the_last(last: str | None, default: str | None) -> None:
    plan = imported(rule_file(rule(entry(FAIR), entry(to=last))), default_owner=default)
    owners = {row.partition(",")[0]: True for row in plan.files["owners.csv"].splitlines()[1:]}
    assert check(document_of(plan), KnownNames(owners)) == []


def test_each_entry_has_a_test_that_passes() -> None:
    entries = [
        entry(FAIR),
        entry(WEB, to=None),
        entry(criterion("Lead.LeadSource", "notEqual", "Web"), to="Desk"),
    ]
    plan = plan_of(rule_file(rule(*entries)))
    assert [case["name"] for case in plan["tests"]] == [
        "entry 1", "entry 2, without an owner", "entry 2, with an owner", "entry 3",
    ]  # fmt: skip


def test_templates_become_notices() -> None:
    template = "<template>Folder/New_%26_hot{1}</template>"
    text = rule_file(rule(entry(FAIR, template), entry(WEB, template)))
    assert plan_of(text)["follow_up"] == [
        {
            "when": {"rule": ["entry-1", "entry-2"]},
            "do": [
                {
                    "type": "notify",
                    "via": "email",
                    "to": "{owner.email}",
                    "template": "Folder/New_&_hot{{1}}",
                }
            ],
        }
    ]


@pytest.mark.parametrize(
    ("entries", "left_out"),
    [
        ([entry(FAIR), entry(FAIR)], "entry 2: it repeats entry 1."),
        ([entry(FAIR), entry(FAIR, to="Desk")], "entry 2: entry 1 has the same criteria."),
        ([entry(FAIR, to="Desk"), entry(FAIR, WEB)], "entry 2: its criteria exclude each other."),
        (
            [entry(FAIR, to="Desk"), entry(FAIR, criterion("Lead.City", "equals", "Bonn"))],
            "entry 2: earlier entries take every lead that matches it.",
        ),
        ([entry(FAIR, WEB)], "entry 1: its criteria exclude each other."),
        ([entry(to="Desk"), entry(FAIR)], "entry 2: entry 1 takes every lead."),
        ([entry(to="a@x.example"), entry(FAIR)], "entry 2: entry 1 takes every lead."),
        (
            [entry(FAIR), entry(FAIR, criterion("Lead.City", "equals", "Bonn"))],
            "entry 2: earlier entries take every lead that matches it.",
        ),
    ],
)
def test_entries_that_never_apply_are_comments(entries: list[str], left_out: str) -> None:
    plan = imported(rule_file(rule(*entries)))
    place = plan.report.index("Left out of the plan:")
    assert plan.report[place + 1] == f"  {left_out}"
    number = left_out.partition(":")[0].removeprefix("entry ")
    assert f"# Entry {number}, line 2, is left out: {left_out.partition(': ')[2]}" in plan.files["plan.yaml"]
    document_of(plan)


def test_leads_that_may_match_can_be_held() -> None:
    text = rule_file(
        rule(entry(FAIR, criterion("User.City", "equals", "Bonn")), entry(FAIR, to="Desk")),
    )
    attribute = "salesforce_entry_1_criterion_2"
    guessing, holding = (Decider(imported(text, hold_uncertain=hold)) for hold in (False, True))
    fair = {"LeadSource": "Fair"}
    for decider, unknown in ((guessing, "Desk"), (holding, "salesforce-uncertain")):
        assert decider.assignee(fair, {attribute: True}) == ("user", "ana@x.example")
        assert decider.assignee(fair, {attribute: False}) == ("queue", "Desk")
        assert decider.assignee(fair) == ("queue", unknown)
        assert decider.assignee({"LeadSource": "Web"}) == ("user", "default.owner@tern.example")


def test_long_lists_are_offered_as_a_table() -> None:
    def places(*codes: int) -> str:
        return criterion("Lead.PostalCode", "startsWith", ",".join(map(str, codes)))

    austria = criterion("Lead.Country", "equals", "AT")
    plan = imported(
        rule_file(
            rule(
                entry(austria, places(*range(10, 40))),
                entry(austria, places(*range(40, 50)), to="Desk"),
                entry(austria, places(100, *range(600, 640)), to="b@x.example"),  # 100 is within 10
            )
        )
    )
    tables = {path: text.splitlines() for path, text in plan.files.items() if path.startswith("tables/")}
    assert list(tables) == ["tables/entry-1-to-2.csv", "tables/entry-3.csv"]
    first = tables["tables/entry-1-to-2.csv"]
    assert (first[0], first[1], first[-1], len(first)) == (
        "country,postal_code,owner,queue",
        "AT,10,ana,",
        "AT,49,,Desk",
        41,
    )
    match_on = "match_on: {country: eq, postal_code: longest_prefix}"
    assert f"    - rule: {{name: entry-1-to-2, table: entry-1-to-2, {match_on}}}" in plan.report


def test_offered_table_finds_the_same_owners_as_its_rules() -> None:
    plan = imported(FILE)
    document: dict[str, Any] = yaml.safe_load(plan.files["plan.yaml"])
    offered = next(yaml.safe_load(line)[0] for line in plan.report if line.strip().startswith("- rule:"))
    steps = document["pipeline"]
    names = ["entry-14", "entry-15"]
    first = next(at for at, step in enumerate(steps) if step.get("rule", {}).get("name") == names[0])
    steps[first : first + 2] = [offered]
    content = read_table(plan.files["tables/entry-14-to-15.csv"].encode(), "text/csv")
    ready = compile_plan(parsed({**document, "tests": []}), 1, strategies())
    table = compile_table(content, 1, [each.match_on for each in ready.table_refs.values()])
    tables = PreparedTables(ready.table_refs, {"entry-14-to-15": table})
    decider = Decider(plan)
    with_table = decider.with_plan(ready, tables)
    for code in range(1000, 10_000, 37):
        lead = {"Country": "AT", "PostalCode": str(code), "Description": "a"}
        assert with_table.assignee(lead) == decider.assignee(lead), code


def test_report_names_what_must_be_sent_and_checked() -> None:
    text = rule_file(
        rule(
            entry(
                criterion("Lead.Country", "equals", "Austria,Atlantis"),
                criterion("Lead.OwnerId", "equals", "Ada"),
            ),
            entry(criterion("Lead.Country", "equals", "AT"), criterion("Lead.City", "equals", "Graz")),
            entry(criterion("Lead.A__c", "equals", "x"), criterion("Lead.B__c", "equals", "x"), logic="1"),
            entry(
                formula("Size__c > 5"), "<team>Core</team><overrideExistingTeams>true</overrideExistingTeams>"
            ),
        ),
        rule(name="Old", active=False),
    )
    report = "\n".join(imported(text, default_owner=None).report)
    for line in (
        "Other rules of the file are not imported: 'Old'.",
        "  attributes.OwnerId: Lead.OwnerId, as text: the name of the user, as the rule writes it",
        "  attributes.Country: Lead.Country, as text",
        "  entry 1: 'Atlantis' is not a country. "
        "It is compared with attributes.Country, the country as typed.",
        "  AT, Austria are one country here (AT).",
        "  entry 3: criterion 2 is not named by the filter logic, so it has no effect.",
        "  entry 4: attributes.Size__c is taken for a number. --object says for sure.",
        "  entry 4: team Core has no meaning in a plan.",
        "  entry 4: overrideExistingTeams has no meaning in a plan.",
        "  Leads that no entry takes wait in queue default-owner.",
    ):
        assert line in report


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (rule_file(), "has no rule"),
        (rule_file(*(rule(name=each, active=False) for each in "AB")), r"has no active rule.*'A', 'B'"),
        (rule_file(rule(name="A"), rule(name="B")), r"has 2 active rules.*'A', 'B'"),
        (rule_file(rule("<ruleEntry><criteriaItems/></ruleEntry>")), "line 2: has a criterion without"),
        ("<AssignmentRules>\n<oops</AssignmentRules>", "line 2: is not well-formed XML"),
        ("", "is not well-formed XML"),
        ("<Profile/>", "line 1: has <Profile> where <AssignmentRules> was expected"),
        ('<!DOCTYPE a [<!ENTITY b "c">]><AssignmentRules/>', "line 1: has a document type, which is refused"),
        ("<AssignmentRules>" + "<a>" * 40 + "</a>" * 40 + "</AssignmentRules>", "is nested too deep"),
        ('<?xml version="1.0" encoding="klingon"?><AssignmentRules/>', "encoding"),
        (" " * (MAX_BYTES + 1), "is larger than 20 MiB"),
    ],
)  # fmt: skip
def test_file_that_cannot_be_imported_is_refused(text: str, message: str) -> None:
    with pytest.raises(UnreadableFile, match=message):
        import_rules(text.encode(), FieldMap(), Options())


def test_rule_that_is_not_active_is_imported_by_its_name() -> None:
    text = rule_file(rule(entry(FAIR), name="A", active=False), rule(name="B"))
    assert "This rule is not active in Salesforce." in imported(text, rule="A").report
    with pytest.raises(UnreadableFile, match=r"has no rule 'C'\. Its rules are 'A', 'B'"):
        imported(text, rule="C")


@pytest.mark.parametrize(
    "lines",
    [
        "Lead.BU__c,source\nUser.City,attributes.city\n",
        "\ufeffSalesforce field;our field\nbu__c;source\nUSER.CITY;attributes.city;string\n",
        "BU__c\tsource\n\nUser.City\tattributes.city",
    ],
)
def test_fields_are_mapped_by_the_caller(lines: str) -> None:
    text = rule_file(
        rule(entry(criterion("Lead.BU__c", "equals", "Web"), criterion("User.City", "equals", "Bonn")))
    )
    plan = import_rules(text.encode(), FieldMap(read_field_map(lines)), Options())
    assert "when: {source: Web, attributes.city: Bonn}" in plan.files["plan.yaml"]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("BU__c,buisness_unit", "line 1: 'buisness_unit' is not a field of a lead"),
        ("a,b\nBU__c", "line 2: write a field of Salesforce, a comma"),
        ("BU__c,attributes.bu,color", "line 1: the type must be one of"),
        ("BU__c,source,string", "line 1: the type must be one of"),
        ("BU__c,attributes.b u", "line 1: 'attributes.b u' is not a field"),
    ],
)
def test_mapping_that_cannot_be_read_is_refused(lines: str, message: str) -> None:
    with pytest.raises(UnreadableFile, match=message):
        read_field_map(lines)


def test_types_are_read_from_the_object_and_from_its_fields() -> None:
    hot = "<fields><fullName>Hot__c</fullName><type>Checkbox</type></fields>"
    fields = f"{hot}<fields><fullName>Name</fullName></fields>"
    whole = f'<CustomObject xmlns="{NAMESPACE}">{fields}</CustomObject>'
    assert read_object_types(whole.encode()) == {"hot__c": "checkbox"}
    one = f'<CustomField xmlns="{NAMESPACE}"><fullName>Size__c</fullName><type>Number</type></CustomField>'
    assert read_object_types(one.encode("utf-16")) == {"size__c": "number"}
