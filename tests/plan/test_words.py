"""Plans in words: every operator with its opposite, nesting, steps, follow-ups, and what differs."""

from typing import Any

import pytest
import yaml

from app.plan.document.plan import PlanDocument
from app.plan.language.conditions import parse_condition
from app.plan.language.fields import PIPELINE
from app.plan.language.operands import OPERATORS
from app.plan.words.changes import changes_between
from app.plan.words.conditions import condition_in_words
from app.plan.words.plan import PlanWords, plan_in_words
from app.plan_check.parse import parse_plan
from app.registry import strategies

COMPARISONS: list[tuple[dict[str, Any], str, str]] = [
    ({"country": "germany"}, "country is DE", "country is not DE, or it is missing"),
    ({"source": "trade fair"}, "source is “trade fair”", "source is not “trade fair”, or it is missing"),
    ({"tier": ["a", "b", "c"]}, "tier is a, b or c", "tier is not a, b or c, or it is missing"),
    ({"tier": {"ne": "a"}}, "tier has a value other than a", "tier is a, or it is missing"),
    ({"tier": {"not_in": ["a"]}}, "tier has a value other than a", "tier is a, or it is missing"),
    ({"visits": {"gt": 1000}}, "visits is above 1,000", "visits is not above 1,000, or it is missing"),
    ({"employees": {"gte": 5}}, "employees is at least 5", "employees is not at least 5, or it is missing"),
    ({"employees": {"lt": 5}}, "employees is below 5", "employees is not below 5, or it is missing"),
    ({"employees": {"lte": 5}}, "employees is at most 5", "employees is not at most 5, or it is missing"),
    ({"employees": "51-200"}, "employees is 51-200", "employees is not 51-200, or it is missing"),
    ({"score": {"gt": 0.5}}, "score is above 0.5", "score is not above 0.5, or it is missing"),
    ({"consent.email": True}, "consent email is yes", "consent email is not yes, or it is missing"),
    (
        {"last_purchase_at": {"gt": "30d ago"}},
        "last purchase at is after 30 days ago",
        "last purchase at is not after 30 days ago, or it is missing",
    ),
    (
        {"last_purchase_at": {"gte": "2030-01-02"}},
        "last purchase at is at or after 2030-01-02 00:00 UTC",
        "last purchase at is not at or after 2030-01-02 00:00 UTC, or it is missing",
    ),
    (
        {"trial_ends_at": {"lt": "in 14d"}},
        "trial ends at is before in 14 days",
        "trial ends at is not before in 14 days, or it is missing",
    ),
    (
        {"trial_ends_at": {"lte": "now"}},
        "trial ends at is at or before now",
        "trial ends at is not at or before now, or it is missing",
    ),
    (
        {"postal_code": {"prefix": ["10", "11"]}},
        "postal code begins with 10 or 11",
        "postal code does not begin with 10 or 11, or it is missing",
    ),
    ({"title": {"contains": "vp"}}, "title contains vp", "title does not contain vp, or it is missing"),
    (
        {"title": {"matches": r"\bcoo\b"}},
        r"title matches the pattern “\bcoo\b”",
        r"title does not match the pattern “\bcoo\b”, or it is missing",
    ),
    ({"phone": {"exists": True}}, "phone is known", "phone is missing"),
    ({"phone": None}, "phone is missing", "phone is known"),
    (
        {"product_interest": {"contains": ["bike", "repair"]}},
        "product interest includes bike or repair",
        "product interest does not include bike or repair, or it is missing",
    ),
    (
        {"engagement": {"name": "pricing", "within": "14d", "count": {"gte": 2}}},
        "engagement pricing happened at least 2 times within the last 14 days",
        "not: engagement pricing happened at least 2 times within the last 14 days",
    ),
    (
        {"engagement": {"count": {"gt": 0, "lt": 2}}},
        "engagement happened more than 0 and fewer than 2 times",
        "not: engagement happened more than 0 and fewer than 2 times",
    ),
    ({"attributes.x": {"gt": 5}}, "attribute x is above 5", "attribute x is not above 5, or it is missing"),
    (
        {"account.attributes.region": "north"},
        "account attribute region is north",
        "account attribute region is not north, or it is missing",
    ),
    (
        {"source": [f"s{number}" for number in range(25)]},
        f"source is {', '.join(f's{number}' for number in range(20))} or 5 more",
        f"source is not {', '.join(f's{number}' for number in range(20))} or 5 more, or it is missing",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("written", "holds", "fails"), COMPARISONS, ids=lambda value: str(value)[:40])
def test_comparison_and_its_opposite_read_as_they_decide(
    written: dict[str, Any], holds: str, fails: str
) -> None:
    assert condition_in_words(parse_condition(written, PIPELINE)).lines() == [holds]
    assert condition_in_words(parse_condition({"not": written}, PIPELINE)).lines() == [fails]


def test_every_operator_of_every_type_has_words() -> None:
    values: dict[str, Any] = {"in": ["a"], "not_in": ["a"], "exists": True}
    typed = {"integer": 1, "number": 1, "boolean": True, "timestamp": "now", "any": "now"}
    for field in PIPELINE.fields.values():
        sample = field.choices[0] if field.choices else typed.get(field.kind, "de")
        sample = "DE" if field.name == "country" else sample
        for operator in OPERATORS[field.kind]:
            value = values.get(operator, sample)
            written = [sample] if isinstance(value, list) else value
            (line,) = condition_in_words(parse_condition({field.name: {operator: written}}, PIPELINE)).lines()
            assert line.startswith(field.name[:3]), (field.name, operator)
            assert "{}" not in line, (field.name, operator)


@pytest.mark.parametrize(
    ("written", "lines", "on_one_line"),
    [
        (
            {"country": "DE", "tier": "a"},
            ["all of these hold:", "  country is DE", "  tier is a"],
            "country is DE and tier is a",
        ),
        (
            {"any": [{"country": "DE"}, {"all": [{"tier": "a"}, {"not": {"phone": None}}]}]},
            [
                "at least one of these holds:",
                "  country is DE",
                "  all of these hold:",
                "    tier is a",
                "    phone is known",
            ],
            "country is DE or (tier is a and phone is known)",
        ),
        (
            {"not": {"any": [{"country": "DE"}, {"tier": "a"}]}},
            ["none of these holds:", "  country is DE", "  tier is a"],
            "none of these holds: country is DE; tier is a",
        ),
        (
            {"not": {"country": "DE", "tier": "a"}},
            ["not all of these hold:", "  country is DE", "  tier is a"],
            "not all of these hold: country is DE; tier is a",
        ),
        (
            {"not": {"not": {"country": "DE"}}},
            ["this does not hold:", "  country is not DE, or it is missing"],
            "this does not hold: country is not DE, or it is missing",
        ),
    ],
    ids=lambda value: str(value)[:40],
)
def test_nested_conditions_become_levels(written: dict[str, Any], lines: list[str], on_one_line: str) -> None:
    said = condition_in_words(parse_condition(written, PIPELINE))
    assert (said.lines(), said.on_one_line()) == (lines, on_one_line)


PLAN = """
queues: {desk: {claimable_by: a}, rest: {claimable_by: a}}
paths: {news: {accountable: {team: a}}}
sequences: [hello]
slas: {fast: {touch: 1h}}
products: {bike: {team: bikes}}
scores: {fit: [{when: {employees: {gte: 100}}, points: 50}]}
pipeline:
  - account:
      roles: [sdr, owner]
      if_unavailable: [delegate, {hold: 4h}, {team: a}]
      customers: {team: cs, prefer: team}
      inherit_from_parent: true
      ignore_caps: true
  - score: {model: [fit], bands: {hot: {gte: 50, then: {team: a}}, mild: {gt: 1, lte: 49},
      cold: {then: {path: news}}}}
  - rule: {name: students, when: {lead_type: student}, then: {block: students}}
  - rule:
      name: dach
      when: {country: [DE, AT]}
      then: {team: a, pick: least_loaded, skills: [x, y], languages: [de], match: [language], off_hours: next,
             sla: fast, priority: 5, else: [{owner: ana}, {current_owner: true}]}
  - rule:
      name: areas
      table: areas
      match_on: {country: eq, postal_code: postal}
      sla: fast
      else: [{queue: desk}]
  - product: {unless: {tier: a}, else: [{queue: desk}]}
  - round_robin: {team: a, off_hours: hold}
  - queue: {name: rest}
follow_up:
  - do: [{type: task, title: "Call {lead.first_name}", due: 15m}]
  - when: {path: news}
    do: [{type: sequence, name: hello, consent: email, without_consent: {type: tag, name: mute}}]
tests: [{name: one, lead: {country: DE}, given: {absent: [ana]}, expect: {team: a}}]
"""
STEPS = {
    "account": [
        "customers go to team cs first",
        "goes to the owner of the lead's account (sdr, then owner)",
        "or to that of the parent account, when nobody has these roles",
        "else to their delegate",
        "else waits up to 4 hours for them",
        "else to team a",
        "caps of the account's owner do not count",
        "leads without an account go on to the next step",
    ],
    "score": [
        "adds up fit",
        "band hot: at least 50, goes to team a; else on to the next step",
        "band mild: above 1 and at most 49, labeled, on to the next step",
        "band cold: any other total, goes to path news",
    ],
    "students": ["blocked by the list students"],
    "dach": [
        "goes to team a, to the member with the fewest open leads, with the skills x and y, speaking de,"
        " matching the lead's language, the next target while nobody is on shift, SLA fast, priority 5",
        "else to owner ana, SLA fast, priority 5",
        "else to the owner who has the lead, SLA fast, priority 5",
        "else on to the next step",
    ],
    "areas": [
        "goes where the matching row of table areas says, by country (equal), postal code (postal code)",
        "else to queue desk",
        "SLA fast, unless the row sets one",
        "leads without a matching row go on to the next step",
    ],
    "product": [
        "interested in bike: goes to team bikes",
        "else to queue desk",
        "a returning lead that comes for another product within 30 days is routed again",
        "unless tier is a",
        "leads that look at no product go on to the next step",
    ],
    "a": ["goes to team a, held until the next shift", "else on to the next step"],
    "rest": ["goes to queue rest"],
}


NEW, FOR = ("for leads where source is fair", "goes to queue desk"), "for leads where country is DE or"


def words_of(text: str) -> PlanWords:
    document = parse_plan(text, strategies())
    assert isinstance(document, PlanDocument), document
    return plan_in_words(document, yaml.safe_load(text))


def test_steps_follow_ups_and_tests_are_told() -> None:
    words = words_of(PLAN)
    assert {step.name: list(step.lines) for step in words.steps} == STEPS
    assert [block.name for block in words.follow_ups] == ["every decision", "path is news"]
    assert [list(block.actions) for block in words.follow_ups] == [
        ["task, title “Call {lead.first_name}”, due 15 minutes after the decision"],
        ["sequence “hello”, only with consent to email, else tag “mute”"],
    ]
    (test,) = words.tests
    assert (test.name, test.lead, test.given, test.expect) == ("one", "country: DE", "absent: ana", "team: a")
    assert words.settings["slas"] == {"fast": ("touch: 1h",)}
    assert words.settings["sequences"] == {"": ("hello",)}


def test_what_differs_is_told_step_by_step_and_setting_by_setting() -> None:
    before = words_of(PLAN)
    assert changes_between(before, words_of(f"comment: Another one\n{PLAN}")) == []
    after = yaml.safe_load(PLAN)
    steps = after["pipeline"]
    steps.insert(0, steps.pop(2))
    steps[3]["rule"]["when"]["country"] = ["DE", "CH"]
    del steps[5]
    steps.insert(1, {"rule": {"name": "new", "when": {"source": "fair"}, "then": {"queue": "desk"}}})
    after["slas"]["fast"]["touch"] = "2h"
    after["follow_up"][0]["do"].append({"type": "set_owner"})
    after["tests"] = []
    found = changes_between(before, words_of(yaml.safe_dump(after, sort_keys=False)))
    assert [(each.part, each.name, each.kind, each.gone, each.new, each.note) for each in found] == [
        ("step", "new", "added", (), ("kind: rule", *NEW), ""),
        ("step", "dach", "changed", (f"{FOR} AT",), (f"{FOR} CH",), ""),
        ("step", "product", "removed", ("kind: by product", "for every lead", *STEPS["product"]), (), ""),
        ("step", "students", "moved", (), (), "now the first step"),
        ("follow-up", "for every decision", "changed", (), ("set owner",), ""),
        ("SLA", "fast", "changed", ("touch: 1h",), ("touch: 2h",), ""),
        ("test", "one", "removed", ("lead: country: DE", "given: absent: ana", "expect: team: a"), (), ""),
    ]  # fmt: skip
