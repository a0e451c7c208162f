"""The closed lists of codes: decisions have only listed codes, and some decision has each of them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import orjson
import pytest

from app.audit.explain import explain_decision
from app.audit.replay import DecisionInputs
from app.engine.compile.plan import empty_plan
from app.engine.explain import codes
from app.engine.lookup.tables import NO_TABLES, PreparedTables, TableContent, compile_table
from app.engine.model.accounts import AccountMatch, account_from
from app.engine.model.decision import (
    ColleagueOwner,
    Decision,
    DecisionRequest,
    ExistingOwnership,
    PriorAssignment,
    Suppression,
    Target,
)
from app.engine.model.state import Backlog, Load, State
from app.engine.pipeline.decide import decide
from app.engine.pipeline.walk import walk
from app.store.leads.decisions import StoredDecision
from tests.support.decisions import NOW, PLAN, TEAM, facts, plan, question

LATER = "2026-11-21T00:00:00Z"
PEOPLE: dict[str, dict[str, Any]] = {
    "ana": {"skills": ["x"], "languages": ["de"]},
    "ben": {"skills": ["x"], "languages": ["de"]},
    "cem": {"active": False},
    "dan": {"paused_until": LATER},
    "eva": {"skills": ["x"]},
    "fay": {"languages": ["de"]},
    **{
        name: {"skills": ["x"], "languages": ["de"], "caps": caps}
        for name, caps in {
            "open": {"open": 0},
            "day": {"per_day": 0},
            "week": {"per_week": 0},
            "rolling": {"rolling": [{"count": 0, "hours": 1}]},
        }.items()
    },
    "gus": {},
    "hal": {},
    "zero": {"skills": ["x"], "languages": ["de"]},
}
AWAY = [{"owner": "gus", "from": "2026-11-20T00:00:00Z", "to": LATER}]
MEMBERS: list[dict[str, Any]] = [
    *({"owner": owner, "weight": 0 if owner == "zero" else 1} for owner in PEOPLE),
    {"owner": "ghost"},
]
DEMANDING = {"round_robin": {"team": TEAM, "skills": ["x"], "languages": ["de"]}}
LEAST = {"round_robin": {"team": TEAM, "pick": "least_loaded"}}
SCORE = {"score": {"bands": {"low": {"lt": 5}, "high": {"then": {"queue": "desk"}}}}}
LAST = {"queue": {"name": "desk"}}
ANEW = {"reroute_when": [{"when": {"trigger": None}}]}
AGES = (timedelta(minutes=1), timedelta(days=1))


def piped(*steps: dict[str, Any]) -> dict[str, Any]:
    """The plan with another pipeline."""
    return {**PLAN, "pipeline": list(steps)}


def prior(state: str, owner: str | None = None, *, age: timedelta = AGES[1]) -> PriorAssignment:
    """The earlier assignment of a returning lead."""
    queue, path = ("desk" if state == "queued" else None), ("newsletter" if state == "automated" else None)
    block = "students" if state == "blocked" else None
    return PriorAssignment("l", "a", "email", state, owner, None, queue, path, block, 0, NOW - age)


def asked_for_nothing() -> list[Decision]:
    """Decisions without an action, for every reason there is."""
    held = {"type": "sequence", "name": "hot", "consent": "email"}
    follow_ups: list[list[dict[str, Any]]] = [
        [],
        [{"when": {"outcome": "blocked"}, "do": [{"type": "chat"}]}],
        [{"do": [held]}],
        [{"do": [{"type": "tag", "name": "{lead.city}"}]}],
        [{"do": [{"type": "set_owner"}]}],
    ]
    decisions = [
        decide(question(), plan({**PLAN, "follow_up": blocks}), facts({"ana": {}})) for blocks in follow_ups
    ]
    listed = replace(question(), suppression=Suppression("competitors", "domain"))
    greeted = plan({**PLAN, "follow_up": [{"do": [{"type": "chat"}]}]})
    decisions.insert(2, decide(listed, greeted, facts({"ana": {}})))
    trapped = plan({**PLAN, "junk": {"block_at": 30}, "follow_up": [{"do": [{"type": "chat"}]}]})
    decisions.insert(3, decide(question(junk_parts=["honeypot"]), trapped, facts({"ana": {}})))
    never = {**PLAN, "frequency": [{"max": 0, "days": 1}], "follow_up": [{"do": [{"type": "chat"}]}]}
    decisions.insert(5, decide(question(), plan(never), facts({"ana": {}})))
    linked = plan({**PLAN, "follow_up": [{"do": [{"type": "console_link"}]}]})
    decisions.insert(7, decide(question(), linked, facts({})))
    others = [
        question(prior("queued", age=AGES[0])),
        replace(question(), owned=ExistingOwnership("ana", None, NOW)),
        replace(question(), action_types=("set_owner",)),
    ]
    return [*decisions, *(decide(each, plan(), facts({"ana": {}})) for each in others)]


@dataclass
class Seen:
    """Which codes decisions bore, by the list they must stand in."""

    reasons: set[str] = field(default_factory=set)
    steps: set[str] = field(default_factory=set)
    known: set[str] = field(default_factory=set)
    targets: set[str] = field(default_factory=set)
    candidates: set[str] = field(default_factory=set)

    def decision(self, decision: Decision) -> None:
        """Look at a decision and its trace."""
        self.reasons.add(decision.code)
        for step in decision.trace["steps"]:
            self.step(step)

    def step(self, step: Mapping[str, Any]) -> None:
        """Look at one entry of a trace."""
        (self.known if step["step"] == "returning_lead" else self.steps).add(step["code"])
        for tried in step.get("targets", ()):
            self.targets.add(tried["code"])
            self.candidates |= {one["code"] for one in tried.get("candidates", ())}


def crowd(**loads: Load) -> Any:
    """A team in which every member has another refusal."""
    return facts(PEOPLE, absences=AWAY, members=MEMBERS, state=State(loads=loads))


def picked() -> list[Decision]:
    """Teams and owners as targets, with all settings."""
    now = crowd(ana=Load(open=2), ben=Load(open=1))
    asked = question(exclude=["hal"])
    owners = [{"rule": {"name": name, "then": {"owner": name}}} for name in (*PEOPLE, "ghost")]
    return [
        decide(asked, plan(piped(DEMANDING, LAST)), now),
        decide(asked, plan(piped(LEAST, LAST)), now),
        decide(asked, plan(piped(LEAST, LAST)), crowd()),
        *(decide(asked, plan(piped(owner, LAST)), now) for owner in owners),
        decide(asked, plan(piped({"round_robin": {"team": "gone"}}, LAST)), now),
        decide(asked, plan(piped({"rule": {"name": "keep", "then": {"current_owner": True}}}, LAST)), now),
        decide(question(), plan(piped(DEMANDING)), facts({"cem": PEOPLE["cem"]})),
        decide(question(tier="gold"), plan(), now),
        decide(question(lead_type="student"), plan(), now),
        walk(question(), plan(), now, narrowed=False),
        decide(question(), empty_plan(), now),
        *(decide(question(score=points), plan(piped(SCORE, LAST)), now) for points in (0, 9)),
    ]


def out_of_hours() -> list[Decision]:
    """A team with one member on shift and with none, for each value of `off_hours`."""
    people = {"ana": {"calendar": "week"}, "ben": {"calendar": "weekend"}}
    calendars = {
        name: {"timezone": "UTC", "hours": f"{days} 09:00-17:00"}
        for name, days in (("week", "Mo-Fr"), ("weekend", "Sa-Su"))
    }
    day = facts(people, calendars=calendars)
    night = facts(people, calendars=calendars, now=NOW + timedelta(hours=9))
    steps = [{"round_robin": {"team": TEAM, "off_hours": way}} for way in ("assign", "hold", "next")]
    return [decide(question(), plan(piped(step, LAST)), at) for step in steps for at in (day, night)]


def matched() -> list[Decision]:
    """Returning leads in every state."""
    standings = [("assigned", owner) for owner in ("ana", "cem", "gus", "hal", "nobody")]
    standings += [(state, None) for state in ("queued", "automated", "blocked", "closed")]  # type: ignore[misc]
    return [
        decide(question(prior(state, owner, age=age), exclude=["hal"]), plan(), crowd())
        for state, owner in standings
        for age in AGES
    ] + [
        decide(question(prior("assigned", "ana")), plan({**PLAN, "returning_leads": ANEW}), crowd()),
        decide(replace(question(prior("queued")), news=("tier",)), plan(), crowd()),
    ]


def comes_for_products() -> list[Decision]:
    """Who looks at no product, at one, and at another than before."""
    products = {"a": {"team": TEAM}, "b": {"team": "other"}}
    ready = plan({**piped({"product": {}}, LAST), "products": products})
    before = replace(prior("assigned", "ben"), team="other")
    asked = (question(), question(product_interest=["a"]), question(before, product_interest=["a"]))
    return [decide(each, ready, facts({"ana": {}})) for each in asked]


def wanted() -> list[Decision]:
    """What callers say themselves: a team, a queue, an owner, a claim, an owner there was before."""
    to = [("reassign", Target("team", TEAM)), ("reassign", Target("queue", "desk"))]
    to += [("reassign", Target("owner", "ana")), ("claim", Target("owner", "ana"))]
    owned = ExistingOwnership("ana", TEAM, NOW)
    return [
        *(decide(replace(question(), kind=kind, to=target), plan(), crowd()) for kind, target in to),
        decide(replace(question(), kind="import", owned=owned), plan(), crowd()),
    ]


def shared_out() -> list[Decision]:
    """A lead that leaves its queue by itself, and one that waits because the first member had their share."""
    queue = {"claimable_by": TEAM, "release": "shift"}
    ready = plan(
        {**piped({"round_robin": {"team": TEAM, "off_hours": "hold"}}, LAST), "queues": {"desk": queue}}
    )
    direct = plan({**piped(LAST), "queues": {"desk": queue}})
    calendars = {
        "a": {"timezone": "UTC", "hours": "08:00-17:00"},
        "b": {"timezone": "UTC", "hours": "12:10-17:00"},
    }
    begun = int(NOW.replace(hour=8).timestamp() * 1_000_000)
    now = facts(
        {"ana": {"calendar": "a"}, "ben": {"calendar": "b"}},
        calendars=calendars,
        state=State(backlogs={TEAM: Backlog(begun, {"ana": 1})}),
    )
    asked = replace(question(), kind="release", backlog=1)
    return [decide(asked, ready, now), decide(replace(asked, queue="desk"), direct, facts({"ana": {}}))]


def queued_again() -> list[Decision]:
    """Leads that come back to their queue, and one that waited in it for too long."""
    to = Target("queue", "desk")
    waiting = {**PLAN, "queues": {"desk": {"max_wait": "1h", "then": {"team": TEAM}}}}
    return [
        *(
            decide(replace(question(), kind=kind, to=to), plan(), crowd())
            for kind in ("give_back", "lease_ended")
        ),
        decide(
            replace(question(), kind="max_wait", queue="desk"),
            plan(waiting),
            facts({"cem": {"active": False}}),
        ),
        decide(replace(question(), kind="max_wait", queue="desk"), plan(waiting), facts({"ana": {}})),
    ]


def looked_up() -> list[Decision]:
    """A rule with a table: gone, without a row that fits, and with one that names no queue of the plan."""
    ready = plan(piped({"rule": {"name": "zip", "table": "zip", "match_on": {"country": "eq"}}}, LAST))
    table = TableContent(["country"], [{"queue": "nowhere"}], [["DE", 0]])
    there = PreparedTables(
        ready.table_refs, {"zip": compile_table(table, 7, [ready.table_refs["zip"].match_on])}
    )
    asked = [(NO_TABLES, "DE"), (there, "FR"), (there, "DE")]
    return [
        decide(question(country=country), ready, replace(crowd(), tables=tables)) for tables, country in asked
    ]


class Raises:
    """A strategy that does."""

    def __call__(self, *_: object) -> Any:
        raise RuntimeError


def failed() -> Decision:
    """A step whose strategy raises, before the queue."""
    ready = plan(piped(DEMANDING, LAST))
    steps = [replace(ready.steps[0], decide=Raises()), *ready.steps[1:]]
    return decide(question(), replace(ready, steps=steps), crowd())


def of_accounts() -> list[Decision]:
    """Account owners, delegates, account teams and customers."""
    people = {"ana": {"delegate": "ben"}, "ben": {}, "cem": {}}
    away = [{"owner": owner, "from": "2026-11-20T00:00:00Z", "to": LATER} for owner in ("ana", "cem")]
    rungs: list[Any] = ["delegate", {"team": TEAM, "skills": ["y"]}, {"queue": "desk"}]
    step = {"account": {"if_unavailable": rungs, "customers": {"team": TEAM, "prefer": "team"}}}
    ready = plan(piped(step, LAST))
    without = plan(piped({"account": {"if_unavailable": [{"team": TEAM}]}}, LAST))
    there, absent = facts(people), facts(people, absences=away)
    covered = facts(people, absences=[{**away[0], "cover": {"owner": "ben"}}])
    asked = [
        (ready, there, {"owner": "ana"}),
        (ready, there, {}),
        (ready, absent, {"owner": "ana"}),
        (without, covered, {"owner": "ana"}),
        (ready, absent, {"owner": "cem"}),
        (ready, there, {"customer_status": "active"}),
        (without, absent, {"owner": "cem"}),
    ]
    return [
        decide(replace(question(), account=AccountMatch(account_from("acme", body), "crm")), compiled, now)
        for compiled, now, body in asked
    ] + [decide(question(), ready, there), *kept_by_account()]


def of_companies() -> list[Decision]:
    """A lead with colleagues, whose owner is there, and one whose owner has left."""
    compiled, now = plan({**PLAN, "same_company": "30d"}), facts({"ana": {}, "cem": {"active": False}})
    owners = ("ana", "cem")
    asked = [replace(question(), colleagues=(ColleagueOwner("lead", owner, None),)) for owner in owners]
    asked += [
        replace(question(), same_person=ColleagueOwner("lead", owner, None)) for owner in ("ana", "cem")
    ]
    return [decide(each, compiled, now) for each in asked]


def handed_off() -> list[Decision]:
    """A lead that an event hands off."""
    handoff = {"name": "to-ana", "when_event": "qualified", "to": {"owner": "ana"}}
    asked = replace(question(), kind="handoff", handoff="to-ana")
    return [decide(asked, plan({**PLAN, "handoffs": [handoff]}), facts({"ana": {}}))]


def kept_by_account() -> list[Decision]:
    """A returning lead that goes to the owner of its account, and one that keeps no owner."""
    match = AccountMatch(account_from("acme", {"owner": "ben"}), "crm")
    asked = replace(question(prior("assigned", "ana")), account=match)
    now = facts({"ana": {}, "ben": {}})
    ways: list[list[str]] = [["account_owner"], []]
    return [decide(asked, plan({**PLAN, "returning_leads": {"keep_owner": way}}), now) for way in ways]


def moved() -> Iterator[Decision]:
    """Leads that the service takes away, escalates, covers and returns."""
    for kind in ("take_away", "escalate", "cover", "return"):
        asked = replace(question(), kind=kind, ladder=(Target("team", TEAM),))
        yield decide(asked, plan(), crowd())


def followed() -> list[Decision]:
    """Leads that somebody moved in the CRM, and one that the CRM moves again and again."""
    to = [("crm", Target("owner", "ana")), ("crm", Target("queue", "desk"))]
    to += [("crm_reassign", Target("queue", "desk"))]
    return [decide(replace(question(), kind=kind, to=target), plan(), crowd()) for kind, target in to]


def stopped() -> list[Decision]:
    """A rejected lead with a target of its own, and leads that a suppression list or their junk stops."""
    owners = facts({"ana": {}, "ben": {}})
    rejected = replace(question(), kind="reject", to=Target("queue", "desk"), reject_reason="no_budget")
    blocked = replace(question(), suppression=Suppression("competitors", "domain"))
    returned = replace(blocked, prior=prior("assigned", "ana"))
    junk = plan({**PLAN, "queues": {"desk": {}}, "junk": {"block_at": 60, "review_at": 30, "queue": "desk"}})
    trapped, sure = (question(junk_parts=parts) for parts in (["honeypot"], ["honeypot", "disposable_email"]))
    known = replace(sure, prior=prior("assigned", "ana"))
    return [
        *(decide(each, plan(), owners) for each in (rejected, blocked, returned)),
        *(decide(each, junk, owners) for each in (trapped, sure, known)),
    ]


def unreached() -> list[Mapping[str, Any]]:
    """All steps, recomputed, of a decision that the first one settled."""
    asked: DecisionRequest = question(lead_type="student")
    decision = decide(asked, plan(), crowd())
    inputs = orjson.dumps({})
    stored = StoredDecision("a", 1, decision.outcome, "rule", *(None,) * 5, 1, b"{}", inputs)
    steps: list[Mapping[str, Any]] = explain_decision(
        stored, DecisionInputs(asked, crowd(), 1, 1, "1"), plan()
    )["steps"]
    return steps


@pytest.fixture(scope="module")
def seen() -> Seen:
    """Everything the decisions above bear."""
    found = Seen()
    everything = [
        *picked(),
        *out_of_hours(),
        *matched(),
        *comes_for_products(),
        *wanted(),
        *of_accounts(),
        *of_companies(),
        *moved(),
        *followed(),
        *stopped(),
    ]
    for decision in [*everything, *looked_up(), *handed_off(), *queued_again(), *shared_out(), failed()]:
        found.decision(decision)
    for step in unreached():
        found.step(step)
    return found


def test_reasons_have_exactly_the_listed_codes(seen: Seen) -> None:
    assert seen.reasons == codes.REASONS.keys()


def test_candidates_have_exactly_the_listed_codes(seen: Seen) -> None:
    assert seen.candidates == codes.CANDIDATES.keys()


def test_targets_have_a_listed_code_or_a_refusal(seen: Seen) -> None:
    assert codes.TARGETS.keys() <= seen.targets
    assert seen.targets <= codes.TARGETS.keys() | codes.REFUSALS.keys()


def test_steps_have_a_listed_code_or_that_of_their_last_target(seen: Seen) -> None:
    assert codes.STEPS.keys() <= seen.steps
    assert seen.steps <= codes.STEPS.keys() | codes.TARGETS.keys() | codes.REFUSALS.keys()


def test_returning_leads_have_exactly_the_listed_codes(seen: Seen) -> None:
    assert seen.known == codes.RETURNING_LEADS.keys()


def test_a_decision_without_actions_says_why() -> None:
    decisions = asked_for_nothing()
    assert [decision.actions for decision in decisions] == [()] * len(decisions)
    decided = [each for each in codes.NO_ACTIONS if each != "test"]  # said of a test after its decision
    assert [decision.trace["no_actions_reason"] for decision in decisions] == decided
