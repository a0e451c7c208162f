"""The account step: the responsible owner, the targets tried after them, and customers."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from app.engine.model.accounts import AccountMatch, account_from
from app.engine.model.decision import Decision, PriorAssignment
from app.engine.model.state import Facts, Load, State
from app.engine.pipeline.decide import decide
from app.engine.strategies.account import delegates_of
from tests.support.decisions import NOW, PLAN, facts, plan, question

CALENDARS = {"day": {"timezone": "UTC", "hours": "14:00-18:00"}}
PEOPLE: dict[str, dict[str, Any]] = {
    "ana": {"name": "Ana", "delegate": "dan"},
    "ben": {"name": "Ben"},
    "dan": {"name": "Dan"},
    "eve": {"name": "Eve"},
    "gone": {"active": False, "delegate": "dan"},
}
LADDER: list[Any] = ["delegate", {"hold": "4h"}, {"team": "inbound"}]
TEAM = [{"owner": "eve"}]


def away(owner: str, hours: float) -> dict[str, str]:
    until = NOW + timedelta(hours=hours)
    return {"owner": owner, "from": "2026-01-01T00:00:00Z", "to": until.isoformat()}


def office(
    absences: Sequence[Mapping[str, Any]] = (), *, people: Mapping[str, Any] | None = None, **loads: int
) -> Facts:
    state = State(loads={owner: Load(open=count) for owner, count in loads.items()})
    return facts(
        {**PEOPLE, **(people or {})}, absences=absences, members=TEAM, state=state, calendars=CALENDARS
    )


def match(*above: Mapping[str, Any], **body: Any) -> AccountMatch:
    parents = [account_from(f"p{at}", each) for at, each in enumerate(above)]
    return AccountMatch(account_from("acme", {"name": "ACME", **body}), "crm", parents)


def decided(step: Mapping[str, Any], account: AccountMatch | None, now: Facts, *exclude: str) -> Decision:
    document = {**PLAN, "pipeline": [{"account": step}, {"queue": {"name": "desk"}}], "queues": {"desk": {}}}
    return decide(replace(question(exclude=exclude), account=account), plan(document), now)


def returned(decision: Decision) -> tuple[Any, ...]:
    return decision.code, decision.owner.id if decision.owner else decision.queue


OWNED = {"owner": "ana", "roles": {"sdr": "ben"}}


@pytest.mark.parametrize(
    ("step", "account", "now", "expected"),
    [
        pytest.param({}, match(**OWNED), office(), ("account_owner", "ana"), id="owner"),
        pytest.param(
            {"roles": ["sdr", "owner"]}, match(**OWNED), office(), ("account_owner", "ben"), id="by role"
        ),
        pytest.param(
            {"roles": ["csm", "owner"]}, match(**OWNED), office(), ("account_owner", "ana"), id="unfilled"
        ),
        pytest.param(
            {"roles": ["sdr", "owner"]},
            match(owner="ana", roles={"sdr": "gone"}),
            office(),
            ("account_owner", "ana"),
            id="inactive: next role",
        ),
        pytest.param(
            {"roles": ["sdr", "owner"]},
            match(owner="ana", roles={"sdr": "nobody"}),
            office(),
            ("account_owner", "ana"),
            id="missing: next role",
        ),
        pytest.param({}, match(roles={"owner": "ben"}), office(), ("account_owner", "ben"), id="role owner"),
        pytest.param({}, None, office(), ("queue", "desk"), id="no account"),
        pytest.param({}, match(), office(), ("queue", "desk"), id="nobody looks after it"),
        pytest.param(
            {"if_unavailable": LADDER}, match(owner="gone"), office(), ("queue", "desk"), id="inactive: never"
        ),
        pytest.param(
            {"if_unavailable": LADDER}, match(owner="ana"), office([away("ana", 9)]),
            ("account_delegate", "dan"), id="away: delegate",
        ),
        pytest.param(
            {"if_unavailable": LADDER}, match(owner="ben"), office([away("ben", 3)]),
            ("held", "held"), id="away shortly, no delegate: hold",
        ),
        pytest.param(
            {"if_unavailable": LADDER}, match(owner="ben"), office([away("ben", 5)]),
            ("account_team", "eve"), id="away for long: team",
        ),
        pytest.param(
            {"if_unavailable": LADDER}, match(owner="ana"), office([away("ana", 3), away("dan", 1)]),
            ("held", "held"), id="delegate away too",
        ),
        pytest.param(
            {"if_unavailable": [{"hold": "4h"}, "delegate"]}, match(owner="ana"), office([away("ana", 3)]),
            ("held", "held"), id="in the order written",
        ),
        pytest.param(
            {"if_unavailable": [{"queue": "desk"}]}, match(owner="ana"), office([away("ana", 3)]),
            ("account", "desk"), id="a queue",
        ),
        pytest.param(
            {"roles": ["sdr", "owner"]}, match(**OWNED), office([away("ben", 3)]),
            ("account_owner", "ana"), id="next role after the ladder",
        ),
        pytest.param(
            {"inherit_from_parent": True}, match({"owner": "gone"}, {"owner": "ben"}, owner=None), office(),
            ("account_owner", "ben"), id="inherited",
        ),
        pytest.param({}, match({"owner": "ben"}), office(), ("queue", "desk"), id="not inherited"),
        pytest.param(
            {}, match(owner="ana"), office(people={"ana": {"caps": {"open": 1}}}, ana=1),
            ("queue", "desk"), id="over cap",
        ),
        pytest.param(
            {"ignore_caps": True}, match(owner="ana"), office(people={"ana": {"caps": {"open": 1}}}, ana=1),
            ("account_owner", "ana"), id="ignore_caps",
        ),
        pytest.param(
            {"if_unavailable": LADDER}, match(owner="ana"), office(people={"ana": {"calendar": "day"}}),
            ("account_owner", "ana"), id="off shift",
        ),
        pytest.param(
            {"if_unavailable": LADDER, "off_hours": "next"}, match(owner="ben"),
            office(people={"ben": {"calendar": "day"}}), ("held", "held"), id="off shift: the ladder",
        ),
        pytest.param(
            {"off_hours": "hold"}, match(owner="ben"), office(people={"ben": {"calendar": "day"}}),
            ("held", "held"), id="off shift: hold",
        ),
        pytest.param(
            {"if_unavailable": ["delegate"], "off_hours": "hold"}, match(owner="ana"),
            office(people={"ana": {"calendar": "day", "delegate": "dan"}}),
            ("account_delegate", "dan"), id="off shift: the ladder before hold",
        ),
        pytest.param(
            {"off_hours": "next"}, match(owner="ben"), office(people={"ben": {"calendar": "day"}}),
            ("queue", "desk"), id="off shift: next",
        ),
    ],
)  # fmt: skip
def test_account_step_sends_the_lead_to_the_first_owner_who_can_take_it(
    step: dict[str, Any], account: AccountMatch | None, now: Facts, expected: tuple[str, str]
) -> None:
    assert returned(decided(step, account, now)) == expected


CUSTOMERS = {"customers": {"team": "inbound"}}
FIRST = {"customers": {"team": "inbound", "prefer": "team"}}


@pytest.mark.parametrize(
    ("step", "body", "absences", "expected"),
    [
        (CUSTOMERS, {"owner": "ana", "customer_status": "active"}, [], ("account_owner", "ana")),
        (
            CUSTOMERS,
            {"owner": "ana", "customer_status": "active"},
            [away("ana", 9)],
            ("customer_team", "eve"),
        ),
        (CUSTOMERS, {"customer_status": "active"}, [], ("customer_team", "eve")),
        (CUSTOMERS, {"owner": "gone", "customer_status": "active"}, [], ("customer_team", "eve")),
        (CUSTOMERS, {"customer_status": "trial"}, [], ("queue", "desk")),
        (CUSTOMERS, {}, [], ("queue", "desk")),
        (FIRST, {"owner": "ana", "customer_status": "active"}, [], ("customer_team", "eve")),
        (FIRST, {"owner": "ana", "customer_status": "active"}, [away("eve", 9)], ("account_owner", "ana")),
        (FIRST, {"owner": "ana", "customer_status": "lapsed"}, [], ("account_owner", "ana")),
        (
            {"customers": {"team": "inbound", "prefer": "team", "statuses": ["lapsed"]}},
            {"owner": "ana", "customer_status": "lapsed"},
            [],
            ("customer_team", "eve"),
        ),
        (
            {**CUSTOMERS, "if_unavailable": ["delegate"]},
            {"owner": "ana", "customer_status": "active"},
            [away("ana", 9)],
            ("account_delegate", "dan"),
        ),
    ],
)
def test_customer_team_takes_the_leads_of_customers(
    step: dict[str, Any], body: dict[str, Any], absences: list[dict[str, Any]], expected: tuple[str, str]
) -> None:
    assert returned(decided(step, match(**body), office(absences))) == expected


def test_an_owner_takes_no_turn_and_a_team_does() -> None:
    owned = decided({}, match(owner="ana"), office())
    assert (owned.turn, owned.counts_toward_load, owned.team, owned.step) == (None, True, None, "account")
    team = decided({"if_unavailable": LADDER}, match(owner="ben"), office([away("ben", 9)]))
    assert team.turn is not None
    assert (team.turn.chosen, team.team) == ("eve", "inbound")


def test_owner_who_ignores_caps_is_shown_as_over_cap() -> None:
    full = office(people={"ana": {"caps": {"open": 1}}}, ana=1)
    assert decided({"ignore_caps": True}, match(owner="ana"), full).over_cap
    assert not decided({"ignore_caps": True}, match(owner="ana"), office()).over_cap


def test_held_lead_waits_for_the_account_owner_alone() -> None:
    held = decided({"if_unavailable": LADDER, "priority": 70}, match(owner="ben"), office([away("ben", 3)]))
    assert (held.held_for_owner, held.held_until) == ("ben", NOW + timedelta(hours=3))
    assert (held.outcome, held.priority) == ("queued", 70)


def test_excluded_account_owner_is_replaced_by_the_next_target() -> None:
    assert returned(decided({"if_unavailable": LADDER}, match(owner="ana"), office(), "ana")) == (
        "account_delegate", "dan",
    )  # fmt: skip


def test_the_decision_names_the_role_and_the_account_team() -> None:
    roles = {"sdr": "ana", "csm": "gone", "ae": "ben"}
    decision = decided({"roles": ["sdr", "owner"]}, match(owner="ana", roles=roles), office())
    assert decision.account == {"id": "acme", "name": "ACME", "matched_by": "crm", "role": "sdr"}
    assert {role: owner.id for role, owner in decision.account_team.items()} == {"ae": "ben"}
    inherited = decided({"inherit_from_parent": True}, match({"owner": "ben"}), office())
    assert inherited.account is not None
    assert inherited.account["role"] == "owner"


ABOVE = {"owner": "ben", "roles": {"ae": "eve", "csm": "gone"}}
OTHERS = [
    ({"inherit_from_parent": True, "roles": ["owner"]}, {}, "ben", {"ae": "eve"}),
    ({"inherit_from_parent": True, "roles": ["sdr"]}, {"sdr": "ana"}, "ana", {"owner": "ben", "ae": "eve"}),
    (
        {"inherit_from_parent": True, "roles": ["sdr"]},
        {"sdr": "ana", "ae": "dan"},
        "ana",
        {"owner": "ben", "ae": "dan"},
    ),
    ({"roles": ["sdr"]}, {"sdr": "ana"}, "ana", {}),
]


@pytest.mark.parametrize(("step", "roles", "owner", "others"), OTHERS)
def test_inherited_owners_join_the_account_team(
    step: dict[str, Any], roles: dict[str, str], owner: str, others: dict[str, str]
) -> None:
    decision = decided(step, match(ABOVE, roles=roles), office())
    assert decision.owner is not None
    assert decision.owner.id == owner
    assert {role: other.id for role, other in decision.account_team.items()} == others


@pytest.mark.parametrize(
    ("account", "absences", "sentence"),
    [
        (match(owner="ana"), [], "Assigned to Ana, who owns the account."),
        (
            match(owner="ana"),
            [away("ana", 9)],
            "Ana, who owns the account, is absent until 2026-11-20 21:00 UTC, so it went to their delegate,"
            " Dan.",
        ),
        (
            match(owner="ben"),
            [away("ben", 9)],
            "Ben, who owns the account, is absent until 2026-11-20 21:00 UTC, so it went to Eve, who is next"
            " in team inbound.",
        ),
        (
            match(customer_status="active"),
            [],
            "The account is a customer, so it went to Eve, who is next in team inbound.",
        ),
    ],
)
def test_the_sentence_names_the_account_owner_or_says_why_not(
    account: AccountMatch, absences: list[dict[str, Any]], sentence: str
) -> None:
    assert decided({"if_unavailable": LADDER, **CUSTOMERS}, account, office(absences)).text == sentence


def test_the_trace_shows_every_owner_who_was_considered() -> None:
    decision = decided(
        {"roles": ["sdr", "owner"], "if_unavailable": LADDER},
        match(owner="ana", roles={"sdr": "gone"}),
        office([away("ana", 9)]),
    )
    (step,) = decision.trace["steps"]
    assert [(tried["target"]["owner"], tried["code"]) for tried in step["targets"]] == [
        ("gone", "inactive"), ("ana", "absent"), ("dan", "chosen"),
    ]  # fmt: skip


KEEPING = {"window": "90d", "duplicate_window": "10m"}


def again(
    keep: list[str] | None, account: AccountMatch | None, now: Facts, *, minutes: float = 60, **step: Any
) -> Decision:
    """A lead of eve returns."""
    prior = PriorAssignment(
        "l", "a", "email", "assigned", "eve", "inbound", None, None, None, 5, NOW - timedelta(minutes=minutes)
    )
    known = KEEPING if keep is None else {**KEEPING, "keep_owner": keep}
    steps: list[dict[str, Any]] = [{"account": step}, {"queue": {"name": "desk"}}]
    document = {**PLAN, "returning_leads": known, "pipeline": steps, "queues": {"desk": {}}}
    return decide(replace(question(prior), account=account), plan(document), now)


BOTH = ["account_owner", "previous_owner"]


@pytest.mark.parametrize(
    ("keep", "account", "now", "expected", "code"),
    [
        (None, match(owner="ana"), office(), "eve", "owner_kept"),
        (BOTH, match(owner="ana"), office(), "ana", "account_owner"),
        (BOTH, match(owner="eve"), office(), "eve", "owner_kept"),
        (BOTH, match(owner="ana"), office([away("ana", 1)]), "eve", "owner_kept"),
        (BOTH, match(owner="gone"), office(), "eve", "owner_kept"),
        (BOTH, None, office(), "eve", "owner_kept"),
        (BOTH[::-1], match(owner="ana"), office(), "eve", "owner_kept"),
        (BOTH[::-1], match(owner="ana"), office([away("eve", 1)]), "ana", "account_owner"),
        (["account_owner"], match(), office(), "desk", "owner_not_kept"),
        (["account_owner"], match(owner="ana"), office([away("ana", 1)]), "desk", "absent"),
        ([], match(), office(), "desk", "owner_not_kept"),
    ],
)
def test_returning_lead_goes_to_the_first_owner_of_keep_owner(
    keep: list[str] | None, account: AccountMatch | None, now: Facts, expected: str, code: str
) -> None:
    decision = again(keep, account, now)
    assert returned(decision)[1] == expected
    assert decision.trace["steps"][0]["code"] == code
    assert decision.existing_lead is not None
    assert (decision.existing_lead.kind, decision.keeps_assignment) == ("reengaged", False)


def test_duplicate_submission_keeps_its_owner() -> None:
    decision = again(BOTH, match(owner="ana"), office(), minutes=5)
    assert (decision.owner and decision.owner.id, decision.code, decision.keeps_assignment) == (
        "eve",
        "duplicate",
        True,
    )


def test_lead_that_changes_owners_leaves_its_team() -> None:
    decision = again(BOTH, match(owner="ana"), office(people={"ana": {"caps": {"open": 1}}}, ana=1))
    assert (decision.code, decision.team, decision.turn, decision.counts_toward_load) == (
        "reengaged",
        None,
        None,
        True,
    )
    assert decision.over_cap
    assert decision.text == "Returning lead. It goes to ana, who owns the account. Eve had it before."
    assert again(BOTH, match(owner="eve"), office()).team == "inbound"


def test_account_owner_is_responsible_only_for_leads_of_the_step() -> None:
    webinars = {"source": "webinar"}
    assert returned(again(BOTH, match(owner="ana"), office(), when=webinars)) == ("reengaged", "eve")
    assert returned(again(BOTH, match(roles={"sdr": "ben"}), office(), roles=["sdr"])) == ("reengaged", "ben")


@pytest.mark.parametrize(
    ("absent", "expected"),
    [
        ("ana", ("account_delegate", "dan")),
        ("ana dan", ("account_delegate", "eve")),
        ("ana dan eve", ("queue", "desk")),
    ],
)
def test_the_delegate_of_a_delegate_is_asked(absent: str, expected: tuple[str, str]) -> None:
    chain = {"dan": {"name": "Dan", "delegate": "eve"}, "eve": {"name": "Eve", "delegate": "ana"}}
    now = office([away(owner, 48) for owner in absent.split()], people=chain)
    step = {"roles": ["owner"], "if_unavailable": ["delegate"]}
    assert returned(decided(step, match(**OWNED), now)) == expected


def test_at_most_five_delegates_are_asked() -> None:
    chain = {f"d{number}": {"delegate": f"d{number + 1}"} for number in range(8)}
    owners = facts({"ana": {"delegate": "d0"}, **chain, "d8": {}}).directory.owners
    assert list(delegates_of("ana", owners)) == ["d0", "d1", "d2", "d3", "d4"]
