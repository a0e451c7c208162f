"""Findings about the order of rules, over generated plans."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from app.plan.findings import Finding
from app.plan_check.contradictions import contradictions
from app.plan_check.rule_order import order_findings
from tests.plan.plans import document
from tests.plan_check.test_shadows import CONDITIONS, holds, leads

TARGETS = st.sampled_from([{"team": "t"}, {"owner": "ana"}, {"queue": "q"}, {"block": "b"}])
WORDS = [f"w{n}" for n in range(12)]


def plan_of(rules: list[tuple[Any, dict[str, str]]]) -> Any:
    steps = [
        {"rule": {"name": f"r{at}", "when": condition, "then": target}}
        for at, (condition, target) in enumerate(rules)
    ]
    return document({"queues": {"q": {}}, "pipeline": [*steps, {"queue": {"name": "q"}}]})


def found(rules: list[tuple[Any, dict[str, str]]]) -> list[Finding]:
    plan = plan_of(rules)
    return [*order_findings(plan), *contradictions(plan)]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(CONDITIONS, TARGETS), min_size=2, max_size=4))
def test_no_finding_about_a_step_is_false(rules: list[tuple[Any, dict[str, str]]]) -> None:
    world = list(leads(*(condition for condition, _ in rules)))
    for finding in found(rules):
        position = int(finding.path.removeprefix("pipeline[").partition("]")[0])
        condition = rules[position][0]
        if finding.code == "contradiction":
            assert not any(holds(condition, lead) for lead in world)
        elif finding.code in ("unreachable", "shadowed"):
            settles = (
                {"queue", "block"} if finding.code == "unreachable" else {"queue", "block", "team", "owner"}
            )
            before = [each for each, target in rules[:position] if settles & set(target)]
            for lead in world:
                assert not holds(condition, lead) or any(holds(each, lead) for each in before)
        assert finding.severity == ("error" if finding.code == "contradiction" else "warning")


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.sampled_from(["tier", "industry", "source"]), min_size=2, max_size=8),
    st.randoms(use_true_random=False),
)
def test_rules_of_which_each_has_leads_of_its_own_have_no_findings(fields: list[str], choice: Any) -> None:
    words = {field: choice.sample(WORDS, len(WORDS)) for field in set(fields)}
    rules: list[tuple[Any, dict[str, str]]] = []
    for field in fields:
        values = [words[field].pop() for _ in range(choice.randint(1, 2)) if len(words[field]) > 1]
        if not values:
            continue
        more = choice.choice(
            [
                {},
                {"employees": {"gte": choice.randint(1, 9)}},
                {"not": {"country": choice.sample(["DE", "FR", "NL"], 2)}},
                {"any": [{"city": "York"}, {"city": {"prefix": "Los"}, "visits": {"gt": 1}}]},
            ]
        )
        rules.append(
            ({field: values, **more}, choice.choice([{"team": "t"}, {"owner": "ana"}, {"queue": "q"}]))
        )
    assert found(rules) == []


@settings(max_examples=60, deadline=None)
@given(st.permutations(["DE", "FR", "NL", "US"]), TARGETS)
def test_exceptions_before_the_general_rule_have_no_findings(countries: list[str], target: Any) -> None:
    rules: list[tuple[Any, dict[str, str]]] = [
        ({"country": countries[:2], "employees": {"gte": 1000}}, {"owner": "ana"}),
        ({"country": countries[:2], "lead_type": ["demo", "trial"]}, {"owner": "ben"}),
        ({"country": countries[0]}, {"team": "a"}),
        ({"country": countries[1:3], "not": {"lead_type": "support"}}, {"team": "b"}),
        ({"country": countries[1:3]}, target),
        ({"country": {"not_in": countries[:3]}}, {"team": "rest"}),
        ({"country": None}, {"team": "nowhere"}),
    ]
    assert found(rules) == []
