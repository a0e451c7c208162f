"""The findings about valid plans."""

from collections.abc import Callable
from typing import Any

import pytest

from app.plan.document.plan_tests import PlanTest
from app.plan.findings import CODES, Finding
from app.plan_check.check import KnownNames, check
from app.plans.test_runner import DecisionFields, failed_tests
from tests.plan.plans import document, whole

NAMES = KnownNames(
    owners={"ana": True, "ben": True, "gone": False},
    teams={
        "inbound": {"ana": 2, "ben": 1},
        "partners": {"ben": 1},
        "dach": {"ana": 1, "gone": 1},
        "emea": {"ben": 0.5},
        "empty": {},
        "weightless": {"ana": 0, "ben": 0},
        "asleep": {"gone": 1, "ana": 0},
    },
)

Change = Callable[[dict[str, Any]], object]


def told(findings: list[Finding]) -> list[tuple[str, str, str]]:
    return [(finding.path, finding.code, finding.severity) for finding in findings]


def rule(when: object, then: object, at: int = 0, name: str = "new") -> Change:
    config = {"name": name, "then": then} | ({"when": when} if when else {})
    return lambda plan: plan["pipeline"].insert(at, {"rule": config})


def to(target: object) -> Change:
    return rule({"tier": "a"}, target)


def when(condition: object) -> Change:
    return rule(condition, {"team": "inbound"})


def account(**config: Any) -> Change:
    return lambda plan: plan["pipeline"].insert(0, {"account": config})


def follow(condition: object) -> Change:
    return lambda plan: plan["follow_up"].append({"when": condition, "do": [{"type": "chat"}]})


def handing(**handoff: Any) -> Change:
    return lambda plan: plan.update(handoffs=[{"name": "ae", "when_event": "qualified", **handoff}])


def on_purchase(*, when: object = None, **action: Any) -> Change:
    block = {"do": [action]} | ({"when": when} if when else {})
    return lambda plan: plan.update(on_event={"purchase": [block]})


def rejected(then: object) -> Change:
    return lambda plan: plan.update(reject_reasons={"r": {"then": then}})


def test_a_good_plan_has_no_findings() -> None:
    assert check(document(whole()), NAMES) == []


@pytest.mark.parametrize(
    ("change", "path", "code"),
    [
        (handing(to={"team": "nobody"}), "handoffs[0].to.team", "unknown_team"),
        (
            handing(to="account.ae", **{"else": [{"owner": "x"}]}),
            "handoffs[0].else[0].owner",
            "unknown_owner",
        ),
        (handing(to={"owner": "ana", "sla": "none"}), "handoffs[0].to.sla", "unknown_sla"),
        (on_purchase(type="tag"), "on_event.purchase[0].do[0].name", "required"),
        (on_purchase(type="chat", when={"team": "nobody"}), "on_event.purchase[0].when.team", "unknown_team"),
        (to({"team": "nope"}), "pipeline[0].rule.then.team", "unknown_team"),
        (to({"owner": "nope"}), "pipeline[0].rule.then.owner", "unknown_owner"),
        (to({"queue": "nope"}), "pipeline[0].rule.then.queue", "unknown_queue"),
        (to({"path": "nope"}), "pipeline[0].rule.then.path", "unknown_path"),
        (
            to({"team": "dach", "else": [{"team": "emea"}, {"queue": "x"}]}),
            "pipeline[0].rule.then.else[1].queue",
            "unknown_queue",
        ),
        (to({"team": "empty"}), "pipeline[0].rule.then.team", "empty_team"),
        (to({"team": "weightless"}), "pipeline[0].rule.then.team", "zero_weights"),
        (
            lambda plan: plan["pipeline"][5]["round_robin"].update(team="nope"),
            "pipeline[5].round_robin.team",
            "unknown_team",
        ),
        (
            lambda plan: plan["pipeline"][5]["round_robin"].update({"else": [{"owner": "nope"}]}),
            "pipeline[5].round_robin.else[0].owner",
            "unknown_owner",
        ),
        (
            lambda plan: plan["pipeline"][6]["queue"].update(name="nope"),
            "pipeline[6].queue.name",
            "unknown_queue",
        ),
        (lambda plan: plan["queues"].update(held={}), "queues.held", "reserved_name"),
        (
            lambda plan: plan["queues"]["unrouted"].update(claimable_by="x"),
            "queues.unrouted.claimable_by",
            "unknown_team",
        ),
        (
            lambda plan: plan["paths"].update(p={"accountable": {"team": "x"}}),
            "paths.p.accountable.team",
            "unknown_team",
        ),
        (
            lambda plan: plan["paths"].update(p={"accountable": {"owner": "x"}}),
            "paths.p.accountable.owner",
            "unknown_owner",
        ),
        (account(customers={"team": "x"}), "pipeline[0].account.customers.team", "unknown_team"),
        (
            account(if_unavailable=[{"team": "x"}]),
            "pipeline[0].account.if_unavailable[0].team",
            "unknown_team",
        ),
        (
            account(if_unavailable=[{"queue": "x"}]),
            "pipeline[0].account.if_unavailable[0].queue",
            "unknown_queue",
        ),
        (account(sla="x"), "pipeline[0].account.sla", "unknown_sla"),
        (
            account(if_unavailable=["delegate", {"team": "dach", "sla": "x"}]),
            "pipeline[0].account.if_unavailable[1].sla",
            "unknown_sla",
        ),
        (
            lambda plan: plan["tests"][0].update(given={"account": {"roles": {"sdr": "x"}}}),
            "tests[0].given.account.roles.sdr",
            "unknown_owner",
        ),
        (follow({"team": ["dach", "x"]}), "follow_up[1].when.team", "unknown_team"),
        (follow({"not": {"queue": "x"}}), "follow_up[1].when.queue", "unknown_queue"),
        (follow({"path": {"ne": "x"}}), "follow_up[1].when.path", "unknown_path"),
        (follow({"rule": "inbound"}), "follow_up[1].when.rule", "unknown_rule"),
        (follow({"step": "x"}), "follow_up[1].when.step", "unknown_step"),
        (
            lambda plan: plan["tests"][0].update(given={"absent": ["ana", "x"]}),
            "tests[0].given.absent[1]",
            "unknown_owner",
        ),
        (
            lambda plan: plan["tests"][0].update(given={"existing": {"owner": "x"}}),
            "tests[0].given.existing.owner",
            "unknown_owner",
        ),
        (
            lambda plan: plan["tests"][0].update(given={"existing": {"queue": "x"}}),
            "tests[0].given.existing.queue",
            "unknown_queue",
        ),
        (when({"all": [{"country": "DE"}, {"country": "FR"}]}), "pipeline[0].rule.when", "contradiction"),
        (follow({"all": [{"team": "dach"}, {"team": "emea"}]}), "follow_up[1].when", "contradiction"),
        (lambda plan: plan["pipeline"].pop(), "pipeline[5]", "no_catch_all"),
        (lambda plan: plan["pipeline"][6]["queue"].update(when={"tier": "a"}), "pipeline[6]", "no_catch_all"),
        (rejected({"path": "gone"}), "reject_reasons.r.then.path", "unknown_path"),
        (rejected({"queue": "gone"}), "reject_reasons.r.then.queue", "unknown_queue"),
        (rejected({"team": "gone"}), "reject_reasons.r.then.team", "unknown_team"),
        (rejected({"team": "empty"}), "reject_reasons.r.then.team", "empty_team"),
        (rejected({"owner": "zoe"}), "reject_reasons.r.then.owner", "unknown_owner"),
        (rejected({"team": "inbound", "sla": "gone"}), "reject_reasons.r.then.sla", "unknown_sla"),
    ],
)
def test_an_error_is_reported_at_its_path(change: Change, path: str, code: str) -> None:
    plan = whole()
    change(plan)
    findings = check(document(plan), NAMES)
    assert told(findings) == [(path, code, "error")]
    assert code in CODES
    assert findings[0].text.endswith(".")


@pytest.mark.parametrize(
    ("change", "path", "code"),
    [
        (to({"owner": "gone"}), "pipeline[0].rule.then.owner", "inactive_owner"),
        (to({"team": "asleep"}), "pipeline[0].rule.then.team", "inactive_team"),
        (lambda plan: plan["paths"].update(p={}), "paths.p", "unowned_path"),
        (
            lambda plan: plan["paths"].update(p={"accountable": {"owner": "gone"}}),
            "paths.p.accountable.owner",
            "inactive_owner",
        ),
    ],
)
def test_a_warning_is_reported_at_its_path(change: Change, path: str, code: str) -> None:
    plan = whole()
    change(plan)
    assert told(check(document(plan), NAMES)) == [(path, code, "warning")]


def asks(kind: str, name: str) -> Change:
    held = {
        "type": "notify",
        "via": "slack",
        "consent": "email",
        "without_consent": {"type": kind, "name": name},
    }
    return lambda plan: plan.update({"follow_up": [{"do": [held]}]})


@pytest.mark.parametrize(
    ("kind", "declared", "found"),
    [
        ("sequence", {"sequences": ["hot", "nope"]}, []),
        ("sequence", {"sequences": ["hot"]}, ["unknown_sequence"]),
        ("sequence", {"sequences": []}, ["unknown_sequence"]),
        ("sequence", {"campaigns": ["nope"]}, ["undeclared_target"]),
        ("suppress_campaign", {"campaigns": ["nope"]}, []),
        ("suppress_campaign", {"campaigns": ["hot"], "sequences": ["nope"]}, []),
        ("suppress_campaign", {"campaigns": ["hot"]}, ["unknown_campaign"]),
        ("suppress_campaign", {}, ["undeclared_target"]),
        ("tag", {"campaigns": [], "sequences": []}, []),
    ],
)
def test_undeclared_sequences_and_campaigns_are_reported(
    kind: str, declared: dict[str, list[str]], found: list[str]
) -> None:
    plan = {**whole(), **declared}
    asks(kind, "nope")(plan)
    findings = check(document(plan), NAMES)
    assert [finding.code for finding in findings] == found
    assert {finding.path for finding in findings} <= {"follow_up[0].do[0].without_consent.name"}


@pytest.mark.parametrize(
    ("action", "path"),
    [
        ({"type": "task"}, "title"),
        ({"type": "task", "title": ""}, "title"),
        ({"type": "notify"}, "via"),
        ({"type": "sequence", "title": "x"}, "name"),
        ({"type": "tag"}, "name"),
        ({"type": "segment"}, "name"),
        ({"type": "audience"}, "name"),
        ({"type": "audience", "name": "x", "change": "drop"}, "change"),
        ({"type": "audience", "name": "x", "change": True}, "change"),
        ({"type": "suppress_campaign"}, "name"),
        ({"type": "console_link", "link_at": "/x"}, "link_at"),
        ({"type": "console_link", "via": "sms"}, None),
        ({"type": "set_owner"}, None),
        ({"type": "cancel_task"}, None),
        ({"type": "chat"}, None),
        ({"type": "x-own"}, None),
        ({"type": "audience", "name": "x", "change": "remove"}, None),
    ],
)
def test_action_without_its_required_parameter_is_reported(
    action: dict[str, object], path: str | None
) -> None:
    plan = {**whole(), "follow_up": [{"do": [action]}]}
    assert [finding.path for finding in check(document(plan), NAMES)] == (
        [f"follow_up[0].do[0].{path}"] if path else []
    )


def test_a_templated_name_is_not_compared() -> None:
    plan = whole()
    asks("sequence", "{team}-welcome")(plan)
    assert check(document({**plan, "sequences": []}), NAMES) == []


def test_a_follow_up_can_name_built_in_steps() -> None:
    plan = whole()
    follow({"queue": "held"})(plan)
    follow({"step": ["returning_lead", "manual", "claimed", "Dach"]})(plan)
    assert check(document(plan), NAMES) == []


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        ({"source": "a"}, {"source": "A"}),
        ({"source": ["a", "b"]}, {"source": "b"}),
        ({"source": ["a", "b"]}, {"source": ["b", "a"], "tier": "x"}),
        ({"source": ["a", "b"], "tier": "x"}, {"tier": "X", "source": "a", "visits": {"gt": 3}}),
        ({"visits": {"gt": 3}}, {"visits": {"gt": 3}, "source": "a"}),
        (
            {"any": [{"source": "a"}, {"tier": "b"}]},
            {"any": [{"tier": "b"}, {"source": "a"}], "country": "DE"},
        ),
        ({"not": {"tier": "a"}, "city": "x"}, {"not": {"tier": "a"}, "city": "x", "country": "DE"}),
        ({"tier": {"not_in": ["a", "b"]}}, {"tier": {"not_in": ["b", "a"]}}),
        ({"attributes.x": 1}, {"attributes.x": 1.0}),
    ],
)
def test_a_step_behind_steps_that_settle_all_its_leads_is_unreachable(earlier: object, later: object) -> None:
    plan = whole()
    rule(later, {"team": "inbound"}, name="later")(plan)
    rule(earlier, {"block": "b"}, name="earlier")(plan)
    assert told(check(document(plan), NAMES)) == [("pipeline[1].rule", "unreachable", "warning")]


@pytest.mark.parametrize(
    ("earlier", "later", "then"),
    [
        ({"source": "a"}, {"source": "a"}, {"team": "inbound", "off_hours": "next"}),
        ({"source": "a"}, {"source": "a"}, {"team": "inbound", "languages": ["de"]}),
        ({"source": "a"}, {"source": "a"}, {"current_owner": True}),
        ({"source": "a"}, {"source": ["a", "b"]}, {"team": "inbound"}),
        ({"source": "a", "tier": "x"}, {"source": "a"}, {"block": "b"}),
        ({"attributes.x": 1}, {"attributes.x": True}, {"block": "b"}),
        ({"attributes.x": 1}, {"attributes.x": "1"}, {"block": "b"}),
        ({"visits": {"gt": 3}}, {"visits": {"gte": 3}}, {"block": "b"}),
        ({"title": {"matches": "vp"}}, {"title": {"matches": "VP"}}, {"block": "b"}),
        ({"trial_ends_at": "2026-11-20"}, {"trial_ends_at": "2026-11-21"}, {"block": "b"}),
    ],
)
def test_a_step_that_some_lead_can_reach_has_no_finding(earlier: object, later: object, then: object) -> None:
    plan = whole()
    rule(later, {"team": "inbound"}, name="later")(plan)
    rule(earlier, then, name="earlier")(plan)
    assert check(document(plan), NAMES) == []


TARGETS = [
    {"team": "inbound"},
    {"owner": "ana"},
    {"queue": "unrouted"},
    {"path": "newsletter"},
    {"block": "b"},
]


def findings_of(*rules: tuple[str, object, object]) -> list[Finding]:
    plan = whole()
    for name, condition, target in reversed(rules):
        rule(condition, target, name=name)(plan)
    return check(document(plan), NAMES)


@pytest.mark.parametrize("target", TARGETS)
def test_the_same_shadow_has_the_same_severity_for_every_target(target: dict[str, str]) -> None:
    (finding,) = findings_of(
        ("first", {"city": "york"}, target), ("second", {"city": "York", "tier": "x"}, {"team": "dach"})
    )
    assert (finding.path, finding.severity, finding.rule) == ("pipeline[1].rule", "warning", "second")
    assert "rule `first` (step 1)" in finding.text
    assert "rule `second`" in finding.text.replace("Rule", "rule")
    settles = not {"team", "owner"} & set(target)
    assert finding.code == ("unreachable" if settles else "shadowed")
    assert (
        settles
        or f"only when {'ana cannot' if 'owner' in target else 'nobody in inbound can'} take it"
        in finding.text
    )


@pytest.mark.parametrize(
    ("earlier", "later", "path", "code", "value"),
    [
        ({"country": ["NL", "FR"]}, {"country": ["BR", "NL"]}, ".when.country[1]", "value_taken", "NL"),
        ({"city": {"contains": "Alamo"}}, {"city": {"contains": "Los Alamos"}}, "", "shadowed", "Los Alamos"),
        ({"visits": {"gt": 5}}, {"visits": {"gt": 10}}, "", "shadowed", "10"),
        ({"city": "a"}, {"any": [{"city": "b"}, {"city": "a"}]}, ".when.any[1].city", "value_taken", "a"),
        (
            {"city": "a"},
            {"any": [{"city": "b", "tier": "x"}, {"city": "a", "tier": "x"}]},
            ".when.any[1]",
            "branch_taken",
            None,
        ),
        (
            {"tier": "x"},
            {"any": [{"city": "b"}, {"city": ["c", "b"]}, {"city": "b", "tier": "y"}]},
            ".when.any[2]",
            "branch_taken",
            None,
        ),
    ],
)
def test_what_an_earlier_rule_takes_is_a_warning_that_names_it(
    earlier: object, later: object, path: str, code: str, value: str | None
) -> None:
    findings = findings_of(("first", earlier, {"owner": "ana"}), ("second", later, {"owner": "ben"}))
    finding = findings[-1]
    assert (finding.path, finding.code, finding.value) == (f"pipeline[1].rule{path}", code, value)
    assert {each.severity for each in findings} == {"warning"}
    assert finding.rule == "second"
    assert "`second`" in finding.text
    assert "`first`" in finding.text or "branch 1" in finding.text


def test_value_in_two_rules_with_the_same_target_is_no_finding() -> None:
    first, second = {"country": ["NL", "FR"]}, {"country": ["BR", "NL"], "tier": "x"}
    assert findings_of(("first", first, {"owner": "ana"}), ("second", second, {"owner": "ana"})) == []


def test_rule_without_a_condition_before_others_is_reported() -> None:
    findings = findings_of(("all", None, {"owner": "ana"}), ("second", {"city": "x"}, {"owner": "ben"}))
    assert {(each.code, each.severity) for each in findings} == {("shadowed", "warning")}
    assert [each.rule for each in findings] == ["second", "students", "partners", "small", "dach", "vip"]
    assert all("rule `all` (step 1) has no condition" in each.text for each in findings)


def test_many_steps_behind_one_without_a_condition_are_counted() -> None:
    rules = [(f"r{n}", {"city": f"c{n}"}, {"owner": "ben"}) for n in range(300)]
    findings = findings_of(("all", None, {"owner": "ana"}), *rules)
    assert len(findings) == 11
    assert (findings[-1].path, findings[-1].rule) == ("pipeline[0].rule", "all")
    assert findings[-1].text.startswith("297 more steps after rule `all` (step 1) get a lead only when ana")


def test_errors_are_kept_before_warnings() -> None:
    rules = [(f"r{n}", {"city": ["same", f"c{n}"]}, {"team": f"t{n}"}) for n in range(150)]
    findings = findings_of(*rules, ("last", {"tier": "x"}, {"queue": "nope"}))
    assert len(findings) == 100
    assert all(each.severity == "error" for each in findings)


def test_a_derived_field_counts_as_its_values() -> None:
    plan = whole()
    plan["fields"] = {"region": {"from": "country", "EMEA": ["DE", "NL"], "LATAM": ["BR"]}}
    rule({"region": ["LATAM", "EMEA"]}, {"owner": "ben"}, name="second")(plan)
    rule({"country": ["NL", "DE", "FR"]}, {"owner": "ana"}, name="first")(plan)
    (finding,) = check(document(plan), NAMES)[:1]
    assert (finding.path, finding.value) == ("pipeline[1].rule.when.region[1]", "EMEA")


def test_a_queue_behind_a_team_is_no_finding() -> None:
    plan = whole()
    plan["pipeline"].insert(6, {"queue": {"name": "partner-desk", "when": {"tier": "x"}}})
    assert check(document(plan), NAMES) == []


@pytest.mark.parametrize(
    ("change", "path"),
    [
        (
            lambda plan: plan.update(
                slas={"a": {"touch": "1h"}},
                sla_rules=[
                    {"when": {"country": ["DE", "AT"]}, "sla": "a"},
                    {"when": {"country": "AT"}, "sla": "a"},
                ],
            ),
            "sla_rules[1]",
        ),
        (
            lambda plan: plan.update(
                fields={
                    "size": [
                        {"when": {"employees": {"gt": 5}}, "value": "mid"},
                        {"when": {"employees": {"gt": 9}}, "value": "big"},
                    ]
                }
            ),
            "fields.size[1]",
        ),
    ],
)
def test_a_line_behind_one_that_takes_its_leads_is_reported(change: Change, path: str) -> None:
    plan = whole()
    change(plan)
    assert told(check(document(plan), NAMES)) == [(path, "unreachable", "warning")]


def test_nothing_is_reached_after_a_step_that_takes_every_lead() -> None:
    plan = whole()
    rule(None, {"team": "inbound", "else": [{"queue": "unrouted"}]}, at=5)(plan)
    found = told(check(document(plan), NAMES))
    assert found == [
        (f"pipeline[{at}].{kind}", "unreachable", "warning")
        for at, kind in ((6, "round_robin"), (7, "queue"))
    ]


def test_a_step_behind_a_team_is_reachable() -> None:
    plan = whole()
    rule(None, {"team": "inbound"}, at=5)(plan)
    assert check(document(plan), NAMES) == []


def test_thousands_of_rules_are_checked_without_comparing_pairs() -> None:
    plan = whole()
    rules = [
        {
            "rule": {
                "name": f"r{n}",
                "when": {"source": f"s{n}", "country": "DE"},
                "then": {"queue": "unrouted"},
            }
        }
        for n in range(3_000)
    ]
    again = {
        "rule": {"name": "again", "when": {"country": "DE", "source": "S1500"}, "then": {"team": "dach"}}
    }
    plan["pipeline"][:0] = [*rules, again]
    assert told(check(document(plan), NAMES)) == [("pipeline[3000].rule", "unreachable", "warning")]


@pytest.mark.parametrize(
    "condition",
    [
        {"all": [{"country": "DE"}, {"country": ["FR", "AT"]}]},
        {"all": [{"country": "DE"}, {"country": {"ne": "DE"}}]},
        {"all": [{"country": ["DE", "AT"]}, {"country": {"not_in": ["at", "de"]}}]},
        {"all": [{"tier": None}, {"tier": "a"}]},
        {"all": [{"tier": None}, {"tier": {"ne": "a"}}]},
        {"tier": {"exists": False, "ne": None}},
        {"employees": {"gt": 10, "lt": 5}},
        {"employees": {"gte": 5, "lt": 5}},
        {"employees": {"eq": 5, "gt": 10}},
        {"employees": {"in": [1, 2], "gt": 2}},
        {"source": "a", "not": {"source": "A"}},
        {"any": [{"employees": {"gt": 10, "lt": 5}}, {"all": [{"tier": "a"}, {"tier": "b"}]}]},
    ],
)
def test_a_condition_that_no_lead_can_meet_is_reported(condition: object) -> None:
    plan = whole()
    when(condition)(plan)
    assert told(check(document(plan), NAMES)) == [("pipeline[0].rule.when", "contradiction", "error")]


@pytest.mark.parametrize(
    "condition",
    [
        {"all": [{"state": "US-CA"}, {"state": "IT-CA"}]},
        {"all": [{"country": ["DE", "FR"]}, {"country": ["FR", "AT"]}]},
        {"all": [{"country": ["DE", "AT"]}, {"country": {"ne": "DE"}}]},
        {"employees": {"gte": 5, "lte": 5}},
        {"employees": {"gt": 5, "lt": 6}},
        {"employees": {"in": [1, 3], "gt": 2}},
        {"any": [{"employees": {"gt": 10, "lt": 5}}, {"tier": "a"}]},
        {"not": {"all": [{"tier": "a"}, {"tier": "b"}]}},
        {"all": [{"pages": {"contains": "a"}}, {"pages": {"contains": "b"}}]},
        {"trial_ends_at": {"gt": "now", "lt": "in 14d"}},
    ],
)
def test_a_condition_that_some_lead_can_meet_is_not_reported(condition: object) -> None:
    plan = whole()
    when(condition)(plan)
    assert not [each for each in check(document(plan), NAMES) if each.severity == "error"]


def always(**decision: str | tuple[str, ...]) -> Callable[[PlanTest], DecisionFields]:
    return lambda case: decision


def test_a_passing_test_has_no_findings() -> None:
    run = always(outcome="queued", queue="partner-desk", rule="partners", step="partners")
    assert failed_tests(document(whole()), run) == []


def test_failing_test_shows_the_expected_and_the_actual_value() -> None:
    (finding,) = failed_tests(document(whole()), always(outcome="assigned", team="inbound", owner="ana"))
    assert (finding.path, finding.code) == ("tests[0].expect.queue", "test_failed")
    assert "expected queue partner-desk" in finding.text
    assert "outcome assigned, team inbound, owner ana" in finding.text


def test_actions_are_compared_in_order() -> None:
    plan = whole()
    plan["tests"] = [{"lead": {}, "expect": {"team": "inbound", "actions": ["task", "notify"]}}]
    assert failed_tests(document(plan), always(team="inbound", actions=("task", "notify"))) == []
    (finding,) = failed_tests(document(plan), always(team="inbound", sla="hot", actions=("notify", "task")))
    assert finding.path == "tests[0].expect.actions"
    assert "expected team inbound, actions [task, notify]" in finding.text
    assert "decided team inbound, actions [notify, task]." in finding.text
