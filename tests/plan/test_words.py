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


_TOUCH = "{} of working time to touch the lead"
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
    assert words.settings["sequences"] == {"": ("hello",)}


SETTINGS = """
queues:
  desk: {claimable_by: a, release: shift, aging: 0.5/h, max_wait: 8h, then: {team: a, else: [{queue:
        rest}]}, sla: fast, crm: {salesforce: 00G1}, claim: {lease: 30m, max: 3, hide: [email,
        last_name]}}
  rest: {}
paths: {news: {accountable: {owner: ana}, sla: fast}, none: {}}
sequences: [hello]
campaigns: [spring, autumn]
slas:
  fast: {touch: 1h, accept: 15m, claim: 4h, remind: ["50%", 5m], on_breach: take_away, max_attempts: 3,
        max_wall: 2d, escalate_to: [{team: a}, {queue: rest}], pause_after: 3}
  slow: {touch: 1d, grace: 0m}
sla_rules: [{when: {country: DE}, sla: fast}, {sla: slow}]
products: {bike: {team: bikes, sequences: [hello]}}
reject_reasons: {wrong: {refund: true, suppress: email}, far: {then: {path: news}, suppress: domain}}
max_refunds_per_day: 3
reject_after_touch: true
refund_take_aways: true
attribution: {source_aliases: {partner news: newsletter}, medium_aliases: {mailing: email}, own_domains:
      [a.example, b.example], paid_click_ids: [ttclid]}
returning_leads: {window: 30d, duplicate_window: 5m, match_by: [email, phone], external_id_sources:
      {web: person, form: submission}, probable: {review: 0.6, known: 0.9}, not_news: [visits],
      keep_owner: [account_owner, previous_owner], reroute_when: [{when: {country: CH}}]}
same_company: {window: 14d, count: per_company, education: true}
accounts: {threshold: 0.9, prefer: parent, conflict: name, domain_only: false}
junk: {block_at: 100, review_at: 50, queue: rest, points: {honeypot: 40, unreachable: 0}, velocity:
      {per: {ip: 3, domain: 10}, within: 5m}}
enrichment: {deadline: 500ms, recheck: 1h, providers: [{provider: accounts}, {provider: http, name:
      facts, fill: {employees: company.size}, timeout: 1s, settings: {url:
      "https://facts.example/{domain}"}}]}
fields:
  attributes.budget: {type: number, personal: false}
  region: [{value: north, when: {city: Kiel}}, {value: south}]
scores: {fit: [{when: {employees: {gte: 100}}, points: 50, half_life: 30d}, {when: {country: DE},
      points: -5}]}
pipeline: [{queue: {name: rest}}]
consent: {required: [email, sms]}
quiet_hours: {from: "21:00", to: "08:00"}
frequency: [{max: 1, days: 7}, {max: 3, days: 1, channel: email}]
on_event: {qualified: [{do: [{type: set_owner}]}], idle: [{do: [{type: tag, name: lost}]}]}
handoffs: [{name: to ae, when_event: qualified, when: {country: DE}, to: account.ae, else: [{team: a}]},
      {name: second, when_event: meeting, to: {team: a}, keep: true}]
close_on: [purchase, lost]
close_idle: 30d
max_snooze: 7d
signal_window: 2h
"""
SAID = {
    "queues": {
        "desk": [
            "the members of team a may claim from it",
            "its leads also go to a member who is on shift and free, before new leads do",
            "a claimed lead that nobody touches within 30 minutes comes back",
            "an owner holds at most 3 untouched claims",
            "nobody sees email and last name until a lead is claimed",
            "a waiting lead gains 0.5 of priority an hour",
            "a lead that has waited 8 hours of working time goes to team a; else to queue rest",
            "SLA fast until somebody takes the lead",
            "in salesforce it is 00G1",
        ],
        "rest": ["every owner may claim from it"],
    },
    "paths": {
        "news": ["owner ana is accountable for it", "SLA fast until somebody takes the lead"],
        "none": ["nobody is accountable for it"],
    },
    "sequences": {"": ["hello"]},
    "campaigns": {"": ["spring, autumn"]},
    "slas": {
        "fast": [
            "15 minutes of working time to accept the lead",
            "1 hour of working time to touch the lead",
            "4 hours of working time to take a lead that has no owner",
            "reminders after 50 % of the time and 5 minutes before it is over",
            "2 minutes after a miss, the lead goes to the next member, until 3 owners had it, then "
            "it is escalated",
            "escalated when no working time has come within 2 days",
            "escalated to team a, else to queue rest",
            "an owner who misses 3 in a row is paused for 8 hours of working time",
        ],
        "slow": [
            "1 day of working time to touch the lead",
            "right after a miss, the owner is reminded once more",
        ],
    },
    "sla_rules": {"1": ["leads where country is DE: SLA fast"], "2": ["every other lead: SLA slow"]},
    "products": {"bike": ["sold by team bikes", "ends when a lead moves to another product: hello"]},
    "reject_reasons": {
        "wrong": [
            "the owner gets their turn back",
            "the plan routes the lead again, without this owner",
            "later leads with the same e-mail address are blocked",
        ],
        "far": [
            "the lead still counts as the owner's turn",
            "goes to path news",
            "later leads with the same e-mail domain are blocked",
        ],
    },
    "max_refunds_per_day": {"": ["an owner gets at most 3 turns back a day"]},
    "reject_after_touch": {"": ["an owner may still reject a lead after its first touch"]},
    "refund_take_aways": {"": ["an owner gets their turn back when an SLA takes a lead away"]},
    "attribution": {
        "": [
            "source partner news counts as newsletter",
            "medium mailing counts as email",
            "own domains, which are no referrers: a.example and b.example",
            "click ids that also prove a paid click: ttclid",
        ]
    },
    "returning_leads": {
        "": [
            "a lead that comes back within 30 days goes to the owner of its account, else to "
            "its previous owner, if they are available",
            "routed again where country is CH",
            "a second submission within 5 minutes is a duplicate, unless it says something new",
            "a change of visits is nothing new",
            "two leads are one by email or phone",
            "external ids of web stand for a person each",
            "external ids of form stand for single submissions, and join nobody",
            "leads with one name and one company or phone are marked for review from a score of 0.6",
            "from 0.9, the owner of the other lead takes it",
        ]
    },
    "same_company": {
        "": [
            "for 14 days after a decision, leads of the same company go to the same owner",
            "only the first lead of a company takes a turn of its owner",
            "people of one school or university count as one company too",
        ]
    },
    "accounts": {
        "": [
            "a name finds an account from a score of 0.9",
            "of several accounts that fit alike, the one above the others counts",
            "where domain and name disagree, the name counts",
        ]
    },
    "junk": {
        "": [
            "blocked from 100 points",
            "waits in queue rest from 50 points",
            "honeypot: 40 points",
            "unreachable: off",
            "more than 3 leads of one address of a visitor within 5 minutes count as too fast",
            "more than 10 leads of one e-mail domain within 5 minutes count as too fast",
        ]
    },
    "enrichment": {
        "": [
            "a lead waits at most 500 ms for all of them",
            "if one failed, a lead that nobody has touched is decided again after 1 hour, once",
        ],
        "accounts": [
            "fills what it fills by default",
            "a call takes at most 250 ms",
            "an answer is used again for 30 days, one without a value for 1 hour",
            "after 5 failures in a row it is not asked for 15 seconds",
        ],
        "facts": [
            "asks http",
            "fills employees from company.size",
            "a call takes at most 1 s",
            "an answer is used again for 30 days, one without a value for 1 hour",
            "after 5 failures in a row it is not asked for 15 seconds",
            "url: https://facts.example/{domain}",
        ],
    },
    "fields": {
        "attributes.budget": ["type number", "shown in traces"],
        "region": ["north where city is Kiel", "else south"],
    },
    "scores": {
        "fit": ["+50 where employees is at least 100, half of it after 30 days", "−5 where country is DE"]
    },
    "consent": {"": ["every action by email or sms needs a consent"]},
    "quiet_hours": {
        "": ["nobody is contacted by email, sms or phone from 21:00 to 08:00, in the person's time zone"]
    },
    "frequency": {"": ["at most 1 contact in 7 days", "at most 3 contacts by email in 1 day"]},
    "on_event": {"qualified": ["set owner"], "closed for idleness": ["tag “lost”"]},
    "handoffs": {
        "to ae": [
            "when qualified is reported, for leads where country is DE",
            "goes to the ae of the lead's account",
            "else to team a",
            "it ends the assignment of the first owner",
        ],
        "second": ["when meeting is reported", "goes to team a", "the first owner keeps it too"],
    },
    "close_on": {"": ["purchase and lost close a lead, besides closed itself"]},
    "close_idle": {"": ["a lead is closed when nobody has worked on it for 30 days"]},
    "max_snooze": {"": ["a lead is snoozed for at most 7 days"]},
    "signal_window": {"": ["signals of one lead count once in 2 hours"]},
}


def test_every_setting_is_told_in_sentences() -> None:
    words = words_of(SETTINGS)
    found = {
        part: {name: list(lines) for name, lines in each.items()} for part, each in words.settings.items()
    }
    assert found == SAID
    apart = {"comment", "pipeline", "follow_up", "tests", "count"}  # count is the same as in same_company
    assert set(PlanDocument.model_fields) - apart == set(found)


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
    after["sequences"].append("bye")
    after["tests"] = []
    found = changes_between(before, words_of(yaml.safe_dump(after, sort_keys=False)))
    assert [(each.part, each.name, each.kind, each.gone, each.new, each.note) for each in found] == [
        ("step", "new", "added", (), ("kind: rule", *NEW), ""),
        ("step", "dach", "changed", (f"{FOR} AT",), (f"{FOR} CH",), ""),
        ("step", "product", "removed", ("kind: by product", "for every lead", *STEPS["product"]), (), ""),
        ("step", "students", "moved", (), (), "now the first step"),
        ("follow-up", "for every decision", "changed", (), ("set owner",), ""),
        ("sequences", "", "changed", ("hello",), ("hello, bye",), ""),
        ("SLA", "fast", "changed", (_TOUCH.format("1 hour"),), (_TOUCH.format("2 hours"),), ""),
        ("test", "one", "removed", ("lead: country: DE", "given: absent: ana", "expect: team: a"), (), ""),
    ]  # fmt: skip
