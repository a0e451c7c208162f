"""Reading of a whole plan: its shape, its defaults, and the path of every fault."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import jsonschema_rs
import pytest

from app.plan.document.plan import PlanDocument
from app.plan.document.steps import BUILT_IN, StepConfig
from app.plan.findings import CODES, Finding, settles, softened
from app.plan.json_schema import plan_schema
from app.plan.language.templates import Placeholder
from app.plan.reader.read import read_plan
from tests.plan.plans import WHOLE, document, whole


def test_plan_is_read_as_written() -> None:
    plan = document(WHOLE)
    assert [(step.strategy, step.name) for step in plan.pipeline] == [
        ("rule", "students"),
        ("rule", "partners"),
        ("rule", "small"),
        ("rule", "dach"),
        ("rule", "vip"),
        ("round_robin", "inbound"),
        ("queue", "unrouted"),
    ]
    assert plan.returning_leads.window == timedelta(days=90)
    assert plan.queues["partner-desk"].crm == {"salesforce": "00G1"}
    dach = plan.pipeline[3].config.targets()
    assert [(target.kind, target.name, target.pick, target.skills) for target in dach] == [
        ("team", "dach", "least_loaded", ("enterprise",)),
        ("team", "emea", None, ()),
    ]
    notify, task = plan.follow_up[0].do
    assert (notify.type, notify.params, notify.due) == ("notify", {"via": ("slack",)}, None)
    assert task.params["title"] == ("Call ", Placeholder("lead.first_name"), " now")
    assert task.due == timedelta(minutes=15)
    assert plan.tests[0].expect.expected() == {"queue": "partner-desk"}


def test_text_and_plain_data_give_the_same_plan() -> None:
    assert document(WHOLE) == document(whole()) == document(json.dumps(whole()))


def test_optional_keys_have_defaults() -> None:
    plan = document({"queues": {"q": {}}, "pipeline": [{"queue": {"name": "q"}}]})
    assert plan.returning_leads.window == timedelta(days=90)
    assert plan.returning_leads.duplicate_window == timedelta(minutes=10)
    assert plan.queues["q"].claimable_by is None
    assert plan.pipeline[0].condition is None
    assert plan.pipeline[0].config.targets()[0].priority == 0


def test_returning_leads_can_be_switched_off() -> None:
    data = whole() | {"returning_leads": {"window": 0, "duplicate_window": "0"}}
    assert document(data).returning_leads.window == timedelta()


def test_else_target_inherits_the_priority() -> None:
    data = whole()
    data["pipeline"][4]["rule"]["then"]["else"].append({"queue": "partner-desk", "priority": 3})
    vip = document(data).pipeline[4].config.targets()
    assert [(target.name, target.priority) for target in vip] == [
        ("ana", 9),
        ("unrouted", 9),
        ("partner-desk", 3),
    ]


def test_unnamed_step_gets_the_name_of_its_team_and_a_number() -> None:
    steps = [
        {"rule": {"name": "a", "then": {"team": "b"}}},
        {"round_robin": {"team": "a"}},
        {"round_robin": {"team": "b", "name": "evening"}},
        {"round_robin": {"team": "b", "when": {"tier": "x"}}},
        {"round_robin": {"team": "b"}},
        {"queue": {"name": "q"}},
    ]
    names = [step.name for step in document({"pipeline": steps}).pipeline]
    assert names == ["a", "a-2", "evening", "b", "b-2", "q"]


def test_plugin_strategy_can_be_used() -> None:
    class NearestConfig(StepConfig):
        radius: int = 5

    steps = {"pipeline": [{"nearest": {"radius": 7}}]}
    plan = read_plan(steps, {**BUILT_IN, "nearest": NearestConfig})
    assert isinstance(plan, PlanDocument)
    assert (plan.pipeline[0].strategy, plan.pipeline[0].name) == ("nearest", "nearest-1")
    assert plan.pipeline[0].config == NearestConfig(radius=7)
    assert not plan.pipeline[0].settles
    assert isinstance(read_plan(steps), list)


@pytest.mark.parametrize(
    ("then", "settled"),
    [
        ({"team": "a"}, False),
        ({"owner": "a"}, False),
        ({"team": "a", "else": [{"owner": "b"}]}, False),
        ({"team": "a", "else": [{"owner": "b"}, {"queue": "q"}]}, True),
        ({"queue": "q"}, True),
        ({"path": "p"}, True),
        ({"block": "b"}, True),
    ],
)
def test_target_takes_every_lead_or_not(then: dict[str, object], settled: bool) -> None:
    plan = document({"pipeline": [{"rule": {"name": "r", "then": then}}]})
    assert plan.pipeline[0].settles is settled


def test_given_of_a_plan_test_is_read() -> None:
    data = whole()
    given = {
        "now": "2026-11-20T08:30:00+01:00",
        "absent": ["ben"],
        "existing": {"owner": "ana", "at": "3d ago"},
    }
    data["tests"][0] |= {"name": "away", "trigger": "chat", "given": given}
    data["tests"][0]["lead"] |= {"consent": {"email": True, "sms": None}, "attributes": {"x": {"y": [1]}}}
    case = document(data).tests[0]
    now = datetime(2026, 11, 20, 7, 30, tzinfo=UTC)
    assert (case.given.now, case.given.absent, case.trigger) == (now, ("ben",), "chat")
    assert case.given.existing_at(now) == now - timedelta(days=3)
    assert case.lead["attributes"] == {"x": {"y": [1]}}


Change = Callable[[dict[str, Any]], object]


def step(config: object) -> Change:
    return lambda plan: plan["pipeline"].insert(0, config)


def keep(*owners: str) -> Change:
    return lambda plan: plan["returning_leads"].update(keep_owner=list(owners))


def account(**config: Any) -> Change:
    return lambda plan: plan["pipeline"].insert(0, {"account": config})


def then(target: object) -> Change:
    return step({"rule": {"name": "new", "then": target}})


def action(written: object) -> Change:
    return lambda plan: plan["follow_up"].append({"do": [written]})


def case(**parts: object) -> Change:
    return lambda plan: plan["tests"][0].update(parts)


@pytest.mark.parametrize(
    ("change", "path", "code"),
    [
        (lambda plan: plan.update(pipline=[]), "pipline", "unknown_field"),
        (lambda plan: plan.pop("pipeline"), "pipeline", "required"),
        (lambda plan: plan.update(pipeline=[]), "pipeline", "wrong_type"),
        (lambda plan: plan.update(pipeline={}), "pipeline", "wrong_type"),
        (step(5), "pipeline[0]", "wrong_type"),
        (step({}), "pipeline[0]", "wrong_type"),
        (step({"queue": {"name": "q"}, "rule": {}}), "pipeline[0]", "wrong_type"),
        (step({"roulette": {}}), "pipeline[0].roulette", "unknown_strategy"),
        (step({"queue": "unrouted"}), "pipeline[0].queue", "wrong_type"),
        (step({"queue": {}}), "pipeline[0].queue.name", "required"),
        (step({"queue": {"name": "a\nb"}}), "pipeline[0].queue.name", "invalid_format"),
        (step({"queue": {"name": " "}}), "pipeline[0].queue.name", "too_short"),
        (step({"queue": {"name": "a", "priority": True}}), "pipeline[0].queue.priority", "wrong_type"),
        (step({"queue": {"name": "a", "priority": "5"}}), "pipeline[0].queue.priority", "wrong_type"),
        (step({"queue": {"name": "a", "priority": 101}}), "pipeline[0].queue.priority", "out_of_range"),
        (step({"queue": {"name": "a", "priority": -1}}), "pipeline[0].queue.priority", "out_of_range"),
        (
            lambda plan: plan.update(junk={"block_at": 40, "review_at": 60, "queue": "a"}),
            "junk.block_at",
            "out_of_range",
        ),
        (
            step({"round_robin": {"team": "a", "pick": "random"}}),
            "pipeline[0].round_robin.pick",
            "not_allowed",
        ),
        (step({"round_robin": {"team": 5}}), "pipeline[0].round_robin.team", "wrong_type"),
        (step({"round_robin": {"team": "a", "skills": "x"}}), "pipeline[0].round_robin.skills", "wrong_type"),
        (
            step({"round_robin": {"team": "a", "else": [{"team": "b", "else": [{"team": "c"}]}]}}),
            "pipeline[0].round_robin.else[0].else",
            "misplaced_field",
        ),
        (step({"rule": {"name": "dach", "then": {"team": "a"}}}), "pipeline[4].rule.name", "duplicate_name"),
        (step({"rule": {"then": {"team": "a"}}}), "pipeline[0].rule.name", "required"),
        (step({"rule": {"name": "new"}}), "pipeline[0].rule.then", "required"),
        (then({}), "pipeline[0].rule.then", "exactly_one"),
        (account(roles=["sdr", "sdr"]), "pipeline[0].account.roles[1]", "duplicate_value"),
        (account(roles=[]), "pipeline[0].account.roles", "too_few_items"),
        (account(if_unavailable="delegate"), "pipeline[0].account.if_unavailable", "wrong_type"),
        (account(if_unavailable=["team"]), "pipeline[0].account.if_unavailable[0]", "wrong_type"),
        (
            account(if_unavailable=[{"hold": "long"}]),
            "pipeline[0].account.if_unavailable[0].hold",
            "invalid_duration",
        ),
        (
            account(if_unavailable=[{"hold": "4h", "x": 1}]),
            "pipeline[0].account.if_unavailable[0].x",
            "unknown_field",
        ),
        (
            account(if_unavailable=[{"team": "a", "owner": "b"}]),
            "pipeline[0].account.if_unavailable[0]",
            "exactly_one",
        ),
        (
            account(if_unavailable=[{"team": "a", "else": [{"team": "b"}]}]),
            "pipeline[0].account.if_unavailable[0].else",
            "misplaced_field",
        ),
        (account(customers={}), "pipeline[0].account.customers.team", "required"),
        (
            account(customers={"team": "a", "prefer": "me"}),
            "pipeline[0].account.customers.prefer",
            "not_allowed",
        ),
        (
            account(customers={"team": "a", "statuses": ["happy"]}),
            "pipeline[0].account.customers.statuses[0]",
            "not_allowed",
        ),
        (keep("account_owner", "account_owner"), "returning_leads.keep_owner[1]", "duplicate_value"),
        (keep("somebody"), "returning_leads.keep_owner[0]", "not_allowed"),
        (account(inherit_from_parent="parent"), "pipeline[0].account.inherit_from_parent", "wrong_type"),
        (account(ignore_caps="yes"), "pipeline[0].account.ignore_caps", "wrong_type"),
        (
            case(given={"account": {"customer_status": "x"}}),
            "tests[0].given.account.customer_status",
            "not_allowed",
        ),
        (then({"team": "a", "queue": "b"}), "pipeline[0].rule.then", "exactly_one"),
        (then({"queue": "a", "pick": "least_loaded"}), "pipeline[0].rule.then", "misplaced_field"),
        (
            then({"team": "a", "else": [{"owner": "b", "skills": ["x"]}]}),
            "pipeline[0].rule.then.else[0]",
            "misplaced_field",
        ),
        (then({"team": "a", "else": [{"pth": "b"}]}), "pipeline[0].rule.then.else[0].pth", "unknown_field"),
        (then({"team": "a", "else": {"team": "b"}}), "pipeline[0].rule.then.else", "wrong_type"),
        (
            step({"rule": {"name": "n", "then": {"team": "a"}, "when": {"all": [{"country": {"foo": 1}}]}}}),
            "pipeline[0].rule.when.all[0].country.foo",
            "unknown_operator",
        ),
        (lambda plan: plan["queues"].update(a={"aging": 10}), "queues.a.aging", "invalid_format"),
        (lambda plan: plan["queues"].update(a={"aging": -1}), "queues.a.aging", "invalid_format"),
        (lambda plan: plan.update(accounts={"threshold": True}), "accounts.threshold", "wrong_type"),
        (lambda plan: plan.update(accounts={"threshold": "0.9"}), "accounts.threshold", "wrong_type"),
        (
            lambda plan: plan.update(returning_leads={"probable": {"known": True}}),
            "returning_leads.probable.known",
            "wrong_type",
        ),
        (lambda plan: plan["queues"].update(a={"claimable": "x"}), "queues.a.claimable", "unknown_field"),
        (lambda plan: plan["paths"].update(a={"accountable": {}}), "paths.a.accountable", "exactly_one"),
        (
            lambda plan: plan.update(returning_leads={"window": "3"}),
            "returning_leads.window",
            "invalid_duration",
        ),
        (
            lambda plan: plan.update(returning_leads={"window": True}),
            "returning_leads.window",
            "invalid_duration",
        ),
        (action({}), "follow_up[1].do[0].type", "required"),
        (action("notify"), "follow_up[1].do[0]", "wrong_type"),
        (action({"type": "shout"}), "follow_up[1].do[0].type", "not_allowed"),
        (action({"type": "task", "due": 15}), "follow_up[1].do[0].due", "invalid_duration"),
        (action({"type": "task", "due": "soon"}), "follow_up[1].do[0].due", "invalid_duration"),
        (
            action({"type": "task", "title": "Call {lead.first_name"}),
            "follow_up[1].do[0].title",
            "invalid_template",
        ),
        (
            action({"type": "task", "title": "Call {lead.nickname}"}),
            "follow_up[1].do[0].title",
            "unknown_placeholder",
        ),
        (
            action({"type": "task", "title": "{lead.__class__}"}),
            "follow_up[1].do[0].title",
            "unknown_placeholder",
        ),
        (
            action({"type": "task", "title": "{lead.engagement}"}),
            "follow_up[1].do[0].title",
            "unknown_placeholder",
        ),
        (
            lambda plan: plan["pipeline"][0]["rule"]["then"].update(off_hours="hold"),
            "pipeline[0].rule.then",
            "misplaced_field",
        ),
        (
            lambda plan: plan["pipeline"][5]["round_robin"].update(off_hours="sleep"),
            "pipeline[5].round_robin.off_hours",
            "not_allowed",
        ),
        (action({"type": "chat", "consent": "fax"}), "follow_up[1].do[0].consent", "not_allowed"),
        (
            action({"type": "chat", "without_consent": {"type": "chat"}}),
            "follow_up[1].do[0].without_consent",
            "misplaced_field",
        ),
        (
            action({"type": "chat", "consent": "email", "without_consent": {"type": "shout"}}),
            "follow_up[1].do[0].without_consent.type",
            "not_allowed",
        ),
        (action({"type": "task", "title": ["x"]}), "follow_up[1].do[0].title", "wrong_type"),
        (lambda plan: plan["follow_up"].append({"do": []}), "follow_up[1].do", "too_few_items"),
        (
            lambda plan: plan["follow_up"].append({"when": {"teem": "a"}, "do": []}),
            "follow_up[1].when.teem",
            "unknown_field",
        ),
        (case(expect={}), "tests[0].expect", "required"),
        (case(expect={"outcome": "lost"}), "tests[0].expect.outcome", "not_allowed"),
        (case(trigger="telepathy"), "tests[0].trigger", "not_allowed"),
        (case(lead={"sauce": "x"}), "tests[0].lead.sauce", "unknown_field"),
        (case(lead={"consent": {"fax": True}}), "tests[0].lead.consent.fax", "unknown_field"),
        (case(lead={"consent": True}), "tests[0].lead.consent", "unknown_field"),
        (case(lead={"employees": True}), "tests[0].lead.employees", "wrong_type"),
        (case(lead={"pages": ["a", 5]}), "tests[0].lead.pages", "wrong_type"),
        (case(lead={"attributes": []}), "tests[0].lead.attributes", "wrong_type"),
        (case(lead=[]), "tests[0].lead", "wrong_type"),
        (case(given={"now": "now"}), "tests[0].given.now", "invalid_timestamp"),
        (case(given={"existing": {}}), "tests[0].given.existing", "exactly_one"),
        (
            case(given={"existing": {"owner": "a", "at": "x"}}),
            "tests[0].given.existing.at",
            "invalid_timestamp",
        ),
    ],
)
def test_fault_is_reported_at_its_path(change: Change, path: str, code: str) -> None:
    plan = whole()
    change(plan)
    findings = read_plan(plan)
    assert isinstance(findings, list)
    assert (path, code) in [(finding.path, finding.code) for finding in findings]
    assert {finding.code for finding in findings} <= CODES.keys()
    assert all(finding.severity == "error" and finding.text.endswith(".") for finding in findings)


def test_a_stored_plan_is_read_as_it_was_when_it_was_stored() -> None:
    plan = {**whole(), "accounts": {"threshold": True}}
    plan["queues"]["partner-desk"]["aging"] = 10
    found = read_plan(plan, stored=True)
    assert isinstance(found, PlanDocument)
    assert found.accounts is not None
    assert (found.accounts.threshold, found.queues["partner-desk"].aging) == (1.0, 10)


def test_every_fault_of_a_plan_is_reported_at_once() -> None:
    plan = whole()
    plan["pipeline"][0]["rule"]["then"] = {"blok": "x"}
    plan["pipeline"][2]["rule"]["when"]["employees"] = {"lt": "x"}
    plan["extra"] = 1
    findings = read_plan(plan)
    assert isinstance(findings, list)
    assert [finding.path for finding in findings] == [
        "pipeline[0].rule.then.blok",
        "pipeline[2].rule.when.employees.lt",
        "extra",
    ]


def test_number_of_findings_is_limited() -> None:
    findings = read_plan(whole() | {f"k{n}": 1 for n in range(5_000)})
    assert isinstance(findings, list)
    assert len(findings) == 100


def test_unusual_keys_are_not_repeated() -> None:
    findings = read_plan(whole() | {"<script>" * 20: 1})
    assert isinstance(findings, list)
    assert findings[0].path == "…"


def test_findings_of_an_older_version_become_warnings_unless_it_cannot_settle() -> None:
    findings = [Finding("a", "unknown_team", "x."), Finding("b", "no_catch_all", "y.")]
    assert [finding.severity for finding in softened(findings)] == ["warning", "error"]
    assert not settles(findings)
    assert settles(softened(findings[:1]))


def test_json_schema_accepts_a_valid_plan_and_rejects_an_invalid_one() -> None:
    schema = plan_schema()
    validator = jsonschema_rs.validator_for(schema)
    assert validator.is_valid(whole())
    wrong = whole()
    wrong["pipeline"][0]["rule"]["when"] = {"country": {"like": "DE"}}
    assert not validator.is_valid(wrong)
    wrong = whole()
    wrong["pipeline"].append({"roulette": {}})
    assert not validator.is_valid(wrong)


def test_json_schema_describes_every_property() -> None:
    definitions: dict[str, Any] = plan_schema()["$defs"]
    bare = [
        f"{name}.{key}"
        for name, definition in definitions.items()
        for key, shape in definition.get("properties", {}).items()
        if "description" not in shape and "$ref" not in shape and name != "Condition"
    ]
    assert bare == []


@pytest.mark.parametrize(
    ("actions", "place", "code"),
    [
        ([{"type": "shout"}], "follow_up[0].do[0].type", "not_allowed"),
        ([], "follow_up[0].do", "too_few_items"),
    ],
)
def test_list_is_too_short_only_when_items_are_missing(actions: list[Any], place: str, code: str) -> None:
    found = read_plan(whole() | {"follow_up": [{"do": actions}]})
    assert isinstance(found, list)
    assert [(finding.path, finding.code) for finding in found] == [(place, code)]
