"""Rejects: where the lead goes, what the owner gets back, and what is blocked from then on."""

import asyncio
import itertools
from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest

from app.audit.verify import verify
from tests.support.workspace import Workspace

PLAN: dict[str, Any] = {
    "queues": {"desk": {}},
    "paths": {"newsletter": {}},
    "reject_reasons": {
        "no_budget": {"then": {"path": "newsletter"}},
        "wrong_region": {"refund": True},
        "student": {"refund": True, "then": {"block": "students"}},
        "competitor": {"refund": True, "then": {"block": "competitors"}, "suppress": "domain"},
        "nuisance": {"then": {"block": "nuisance"}, "suppress": "email"},
        "for_eve": {"then": {"owner": "eve"}},
    },
    "pipeline": [{"round_robin": {"team": "inbound"}}, {"queue": {"name": "desk"}}],
}
EVENLY = {"members": [{"owner": "ana"}, {"owner": "ben"}, {"owner": "eve"}]}


@pytest.fixture
async def office(workspace: Workspace) -> Workspace:
    """Ana, Ben and Eve share leads evenly, at noon."""
    await workspace.start_at_noon()
    await workspace.put("owners", "eve", {"name": "Eve"})
    await workspace.put("teams", "inbound", {"name": "Inbound", **EVENLY})
    await workspace.publish(PLAN)
    return workspace


async def report(
    office: Workspace, assignment: Mapping[str, Any], type_: str = "rejected", **event: Any
) -> tuple[int, dict[str, Any]]:
    """The status and the body of the answer to an event."""
    url = f"/assignments/{assignment['assignment_id']}/events"
    answer = await office.client.post(url, json={"type": type_, **event})
    return answer.status_code, answer.json()


async def reject(office: Workspace, assignment: Mapping[str, Any], reason: str) -> dict[str, Any]:
    """The answer to a reject that is taken."""
    status, body = await report(office, assignment, reason=reason)
    assert status == 200, body
    return body


async def balances(office: Workspace, team: str = "inbound") -> dict[str, tuple[int, int]]:
    """Balance and turns of each member."""
    found = await office.get(f"/teams/{team}")
    return {each["owner"]: (each["balance"], each["turns"]) for each in found["members"]}


async def causes(office: Workspace) -> list[str]:
    """The causes of the ledger's entries, in order."""
    return [each["cause"] for each in (await office.get("/teams/inbound/ledger"))["items"]]


async def is_clean(office: Workspace) -> bool:
    found = await verify(office.pool, office.workspace_id)
    assert found.clean, found.differences
    return True


async def test_a_refundable_reject_gives_the_turn_back_and_the_next_owner_gets_the_lead(
    office: Workspace,
) -> None:
    lead = await office.assign(email="x@people.example")
    assert lead["owner"]["id"] == "ana"
    body = await reject(office, lead, "wrong_region")
    decision = body["decision"]
    assert (body["effect"], body["refunded"], body["state"]) == ("rejected", True, "superseded")
    assert decision["owner"]["id"] == "ben"
    assert decision["reason"]["text"].endswith("Ana rejected it as wrong_region.")
    assert [turns for _, turns in (await balances(office)).values()] == [0, 1, 0]
    assert await causes(office) == ["turn", "refund", "turn"]
    assert await is_clean(office)


async def test_a_reject_without_refund_frees_the_open_place_alone(office: Workspace) -> None:
    await office.put("owners", "ana", {"name": "Ana", "caps": {"per_day": 1, "open": 1}})
    lead = await office.assign(email="x@people.example")
    body = await reject(office, lead, "no_budget")
    assert (body["refunded"], body["decision"]["path"]) == (False, "newsletter")
    assert (await balances(office))["ana"][1] == 1
    assert await causes(office) == ["turn"]
    member = (await office.get("/teams/inbound"))["members"][0]
    assert (member["open_leads"], member["code"]) == (0, "cap_day")
    assert await is_clean(office)


async def test_a_refund_gives_the_place_in_every_cap_back(office: Workspace) -> None:
    caps = {"per_day": 1, "per_week": 1, "open": 1, "rolling": [{"count": 1, "hours": 4}]}
    await office.put("owners", "ana", {"name": "Ana", "caps": caps})
    lead = await office.assign(email="x@people.example")
    assert (await office.get("/teams/inbound"))["members"][0]["code"] == "cap_open"
    await reject(office, lead, "student")
    assert (await office.get("/teams/inbound"))["members"][0]["code"] is None
    # What is counted again from the stored assignments agrees.
    await office.put("owners", "ana", {"name": "Ana", "caps": {**caps, "open": 2}})
    assert (await office.get("/teams/inbound"))["members"][0]["code"] is None
    assert await is_clean(office)


@pytest.mark.parametrize(("reason", "code"), [(None, "required"), ("unknown", "not_allowed")])
async def test_a_reject_needs_a_reason_of_the_plan(office: Workspace, reason: str | None, code: str) -> None:
    lead = await office.assign(email="x@people.example")
    status, body = await report(office, lead, reason=reason)
    assert (status, [(each["path"], each["code"]) for each in body["errors"]]) == (422, [("reason", code)])
    assert (await office.get(f"/assignments/{lead['assignment_id']}"))["state"] == "open"


async def test_nothing_can_be_rejected_without_reasons_in_the_plan(office: Workspace) -> None:
    await office.publish()
    lead = await office.assign(email="x@people.example")
    assert (await report(office, lead, reason="wrong_region"))[0] == 422


async def test_the_owner_who_rejected_a_lead_never_gets_it_again(office: Workspace) -> None:
    lead = await office.assign(email="x@people.example", crm={"owner_id": "ana"})
    await reject(office, lead, "wrong_region")
    lead_id = lead["lead_id"]
    url = "/reassign"
    refused = await office.client.post(url, json={"lead_id": lead_id, "to": {"owner": "ana"}})
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (422, "excluded")
    got = set()
    for _ in range(6):
        again = await office.client.post(url, json={"lead_id": lead_id})
        got.add(again.json()["owner"]["id"])
    for owner in ("ben", "eve"):
        await office.put("owners", owner, {"name": owner, "active": False})
    returned = await office.assign(email="x@people.example", employees=500)
    assert (got, returned["queue"]) == ({"ben", "eve"}, "desk")
    claimed = await office.client.post("/queues/desk/claim", json={"owner_id": "ana"})
    named = await office.client.post("/queues/desk/claim", json={"owner_id": "ana", "lead_id": lead_id})
    assert {(each.status_code, each.json()["code"]) for each in (claimed, named)} == {
        (403, "already_claimed")
    }
    assert await is_clean(office)


async def test_a_rejected_lead_of_an_account_does_not_return_to_its_owner(office: Workspace) -> None:
    await office.put("accounts", "acme", {"domains": ["acme.example"], "owner": "ana"})
    plan = {**PLAN, "pipeline": [{"account": {}}, *PLAN["pipeline"]]}
    plan["returning_leads"] = {"keep_owner": ["account_owner", "previous_owner"], "duplicate_window": 0}
    await office.publish(plan)
    lead = await office.assign(email="x@acme.example")
    assert lead["reason"]["code"] == "account_owner"
    body = await reject(office, lead, "wrong_region")
    assert (body["refunded"], body["decision"]["owner"]["id"]) == (True, "ben")
    returned = await office.assign(email="x@acme.example", employees=500)
    assert returned["owner"]["id"] == "ben"
    assert await causes(office) == ["turn"]
    assert await is_clean(office)


async def test_the_attempt_goes_up_and_the_answer_holds_the_new_decision(office: Workspace) -> None:
    lead = await office.assign(email="x@people.example")
    first = await reject(office, lead, "wrong_region")
    second = await reject(office, first["decision"], "wrong_region")
    rows = await office.fetch(
        "SELECT attempt, end_cause FROM assignments WHERE workspace_id = $1 ORDER BY decision_number"
    )
    assert [tuple(row) for row in rows] == [(1, "rejected"), (2, "rejected"), (3, None)]
    last = await reject(office, second["decision"], "wrong_region")
    assert (last["decision"]["queue"], last["decision"]["owner"]) == ("desk", None)
    assert await is_clean(office)


async def test_a_named_owner_who_is_away_leaves_the_lead_to_the_pipeline(office: Workspace) -> None:
    lead = await office.assign(email="x@people.example")
    body = await reject(office, lead, "for_eve")
    assert (body["decision"]["owner"]["id"], body["decision"]["reason"]["code"]) == ("eve", "rejected")
    await office.put("owners", "eve", {"name": "Eve", "active": False})
    other = await office.assign(email="y@people.example")
    body = await reject(office, other, "for_eve")
    assert body["decision"]["owner"]["id"] in {"ana", "ben"} - {other["owner"]["id"]}
    assert await is_clean(office)


async def test_a_touched_lead_can_be_rejected_only_if_the_plan_says_so(office: Workspace) -> None:
    lead = await office.assign(email="x@people.example")
    await report(office, lead, "first_touch", via="phone")
    status, body = await report(office, lead, id="late", reason="wrong_region")
    assert (status, body["code"], body["state"]) == (409, "already_touched", "open")
    again = await report(office, lead, id="late", reason="wrong_region")
    assert (again[0], again[1]["code"], again[1]["since"]) == (409, "already_touched", body["since"])
    await office.publish({**PLAN, "reject_after_touch": True})
    assert (await reject(office, lead, "wrong_region"))["effect"] == "rejected"


async def test_only_the_present_owner_rejects_with_a_key_of_an_owner(office: Workspace) -> None:
    lead = await office.assign(email="x@people.example")
    url = f"/assignments/{lead['assignment_id']}/events"
    answers = {}
    for owner in ("ben", "ana"):
        key = await office.issue_key("events")
        await office.pool.execute("UPDATE api_keys SET owner_id = $1 WHERE id = $2", owner, key.split("_")[2])
        async with office.caller(key) as caller:
            sent = {"type": "rejected", "reason": "wrong_region"}
            answers[owner] = (await caller.post(url, json=sent)).status_code
    assert answers == {"ben": 404, "ana": 200}


async def test_a_former_owner_comes_too_late(office: Workspace) -> None:
    lead = await office.assign(email="x@people.example")
    moved = await office.client.post("/reassign", json={"lead_id": lead["lead_id"], "to": {"owner": "eve"}})
    sent = {"lead_id": lead["lead_id"], "type": "rejected", "reason": "wrong_region", "by": "ana"}
    (item,) = (await office.client.post("/events", json={"items": [sent]})).json()["items"]
    assert (item["status"], item["problem"]["code"]) == (409, "superseded")
    held = await office.get(f"/assignments/{moved.json()['assignment_id']}")
    assert held["state"] == "open"


async def test_a_double_click_moves_the_lead_once_and_refunds_once(office: Workspace) -> None:
    leads = [await office.assign(email=f"x{at}@people.example") for at in range(30)]
    sent = [
        report(office, lead, id=f"{click}-{at}", reason="wrong_region")
        for at, lead in enumerate(leads)
        for click in ("one", "two")
    ]
    answers = await asyncio.gather(*sent)
    assert Counter((status, body.get("code")) for status, body in answers) == {
        (200, None): 30,
        (409, "superseded"): 30,
    }
    assert Counter(await causes(office)) == {"turn": 60, "refund": 30}
    assert await is_clean(office)


async def test_a_refund_over_the_limit_of_the_day_is_accepted_without_one(office: Workspace) -> None:
    await office.publish({**PLAN, "max_refunds_per_day": 1})
    own: list[dict[str, Any]] = []
    numbers = itertools.count()
    while len(own) < 2:
        lead = await office.assign(email=f"x{next(numbers)}@people.example")
        if lead["owner"]["id"] == "ana":
            own.append(lead)
    answers = [await reject(office, lead, "wrong_region") for lead in own]
    shown = [(each["refunded"], each["code"], each["effect"]) for each in answers]
    assert shown == [(True, None, "rejected"), (False, "refund_limit", "rejected")]
    assert (await causes(office)).count("refund") == 1
    assert await is_clean(office)


async def test_spam_is_refunded_the_same_way(office: Workspace) -> None:
    await office.publish({**PLAN, "max_refunds_per_day": 1})
    first = await office.assign(email="x@people.example")
    status, body = await report(office, first, "spam")
    assert (status, body["effect"], body["refunded"], body["state"]) == (200, "closed", True, "closed")
    second = await office.assign(email="y@people.example")
    assert second["owner"]["id"] == "ana"
    _, body = await report(office, second, "spam")
    assert (body["effect"], body["refunded"], body["code"]) == ("closed", False, "refund_limit")
    assert await causes(office) == ["turn", "refund", "turn"]
    assert await is_clean(office)


async def test_a_refund_spares_members_who_left_or_came_back_since(office: Workspace) -> None:
    lead = await office.assign(email="x@people.example")
    for other in range(4):
        await office.assign(email=f"y{other}@people.example")
    members = EVENLY["members"]
    await office.put("teams", "inbound", {"name": "Inbound", "members": [members[0], members[1]]})
    await office.put("teams", "inbound", {"name": "Inbound", **EVENLY})
    before = await balances(office)
    assert before["eve"][0] == 0
    await reject(office, lead, "no_budget" if lead["owner"]["id"] != "ana" else "student")
    entries = (await office.get("/teams/inbound/ledger"))["items"]
    turn, refund, rest = entries[0], entries[-2], entries[-1]
    assert (refund["cause"], rest["cause"]) == ("refund", "rebalanced")
    assert refund["changes"] == {owner: -change for owner, change in turn["changes"].items()}
    # Eve began at zero when she came back, so the refund moves her only like any other present member.
    assert (await balances(office))["eve"][0] == refund["changes"]["eve"] + rest["changes"]["eve"]
    assert sum(rest["changes"].values()) == 0
    assert await is_clean(office)


async def test_a_free_mail_domain_is_never_suppressed(office: Workspace) -> None:
    lead = await office.assign(email="x@gmail.com")
    body = await reject(office, lead, "competitor")
    assert body["decision"]["block"] == "competitors"
    assert body["suppression"] | {"id": ""} == {
        "id": "", "kind": "email", "list": "competitors", "code": "free_mail",
    }  # fmt: skip
    again = await office.assign(email="x@gmail.com", employees=9)
    other = await office.assign(email="other@gmail.com")
    assert (again["outcome"], other["outcome"]) == ("blocked", "assigned")
    assert await is_clean(office)


async def test_the_domain_of_a_customer_is_never_suppressed(office: Workspace) -> None:
    account = {"domains": ["kunde.example"], "customer_status": "active"}
    await office.put("accounts", "kunde", account)
    lead = await office.assign(email="y@mail.kunde.example")
    body = await reject(office, lead, "competitor")
    assert (body["suppression"]["kind"], body["suppression"]["code"]) == ("email", "customer_account")
    (entry,) = (await office.get("/suppressions"))["items"]
    assert (entry["kind"], entry["code"]) == ("email", "customer_account")
    assert (await office.assign(email="z@kunde.example"))["outcome"] == "assigned"


async def test_a_suppressed_domain_blocks_before_anything_else(office: Workspace) -> None:
    friend = await office.assign(email="friend@rival.example")
    lead = await office.assign(email="z@rival.example")
    body = await reject(office, lead, "competitor")
    assert body["suppression"]["kind"] == "domain"
    bodies: list[dict[str, Any]] = [
        {"email": "new@sales.rival.example"},
        {"email": "friend@rival.example", "employees": 9},
    ]
    for sent in bodies:
        blocked = await office.assign(**sent)
        assert (blocked["outcome"], blocked["block"], blocked["owner"]) == ("blocked", "competitors", None)
        assert blocked["reason"]["code"] == "suppressed"
    assert (await office.get(f"/assignments/{friend['assignment_id']}"))["state"] == "superseded"
    (entry,) = (await office.get("/suppressions"))["items"]
    assert (entry["kind"], entry["assignment_id"]) == ("domain", lead["assignment_id"])
    assert await is_clean(office)


async def test_the_key_of_an_earlier_request_comes_before_suppression(office: Workspace) -> None:
    sent: dict[str, Any] = {
        "json": {"lead": {"email": "z@rival.example"}},
        "headers": {"Idempotency-Key": "k"},
    }
    first = (await office.client.post("/assign", **sent)).json()
    await reject(office, first, "competitor")
    again = (await office.client.post("/assign", **sent)).json()
    assert (again["outcome"], again["assignment_id"]) == ("assigned", first["assignment_id"])


async def test_the_rest_of_a_group_sees_a_new_entry(office: Workspace) -> None:
    lead = await office.assign(email="z@rival.example")
    answers = await asyncio.gather(
        reject(office, lead, "competitor"), *(office.assign(email=f"n{at}@rival.example") for at in range(8))
    )
    # Whatever came before the reject has an owner, and whatever came after it is blocked.
    numbers = [(each["decision_number"], each["outcome"]) for each in answers[1:]]
    moved = answers[0]["decision"]["decision_number"]
    assert all((outcome == "blocked") == (number > moved) for number, outcome in numbers)
    assert await is_clean(office)


async def test_an_overturned_dispute_takes_refund_and_suppression_back_but_not_the_move(
    office: Workspace,
) -> None:
    lead = await office.assign(email="z@rival.example")
    before = await balances(office)
    await reject(office, lead, "competitor")
    assert (await report(office, lead, "disputed"))[1]["effect"] == "disputed"
    shown = (await office.get(f"/assignments/{lead['assignment_id']}"))["reject"]
    assert (shown["reason"], shown["refunded"], shown["dispute"]) == ("competitor", True, "open")
    settled = [await report(office, lead, "dispute_settled", result="overturned") for _ in range(2)]
    assert [each[1]["effect"] for each in settled] == ["settled", "none"]
    shown = (await office.get(f"/assignments/{lead['assignment_id']}"))["reject"]
    assert (shown["refunded"], shown["suppression"], shown["dispute"]) == (False, None, "overturned")
    assert await balances(office) == before
    assert await causes(office) == ["turn", "refund", "refund_reversed"]
    assert (await office.get("/suppressions"))["items"] == []
    assert (await office.get(f"/leads/{lead['lead_id']}"))["state"] == "blocked"
    moved = await office.client.post("/reassign", json={"lead_id": lead["lead_id"]})
    assert moved.json()["owner"]["id"] in {"ben", "eve"}
    assert (await office.assign(email="friend@rival.example"))["outcome"] == "assigned"
    assert await is_clean(office)


async def test_an_upheld_reject_stays_as_it_is(office: Workspace) -> None:
    lead = await office.assign(email="z@rival.example")
    await reject(office, lead, "competitor")
    address = {"lead_id": lead["lead_id"], "type": "dispute_settled", "result": "upheld"}
    (item,) = (await office.client.post("/events", json={"items": [address]})).json()["items"]
    assert (item["result"]["effect"], item["result"]["assignment_id"]) == ("settled", lead["assignment_id"])
    assert await causes(office) == ["turn", "refund"]
    assert (await office.assign(email="friend@rival.example"))["outcome"] == "blocked"


async def test_a_dispute_about_what_was_never_rejected_has_no_effect(office: Workspace) -> None:
    lead = await office.assign(email="x@people.example")
    for type_ in ("disputed", "dispute_settled"):
        status, body = await report(office, lead, type_, result="overturned")
        assert (status, body["effect"]) == (200, "none")


async def test_an_entry_taken_off_its_list_blocks_nobody(office: Workspace) -> None:
    lead = await office.assign(email="z@rival.example")
    body = await reject(office, lead, "nuisance")
    url = f"/suppressions/{body['suppression']['id']}?reason=customer_now"
    answers = [(await office.client.delete(url)).status_code for _ in range(2)]
    assert answers == [204, 404]
    assert (await office.assign(email="z@rival.example", employees=9))["outcome"] == "assigned"
    (change,) = (await office.get("/changes?resource_type=suppressions"))["items"]
    assert "rival" not in str(change["before"])


async def test_the_list_of_entries_comes_in_pages(office: Workspace) -> None:
    leads = [await office.assign(email=f"x{at}@people.example") for at in range(3)]
    for lead in leads:
        await reject(office, lead, "nuisance")
    first = await office.get("/suppressions?limit=2")
    second = await office.get(f"/suppressions?limit=2&after={first['next']}")
    found = [entry["assignment_id"] for page in (first, second) for entry in page["items"]]
    assert (found, second["next"]) == ([lead["assignment_id"] for lead in leads], None)


async def test_verify_finds_a_refund_that_is_not_the_negative_of_its_turn(office: Workspace) -> None:
    lead = await office.assign(email="x@people.example")
    await reject(office, lead, "student")
    await office.fetch(
        "UPDATE ledger_entries SET owners = owners[2:2] || owners[1:1] || owners[3:3]"
        " WHERE workspace_id = $1 AND cause = 'refund'"
    )
    await office.fetch("UPDATE assignments SET refunded = false WHERE workspace_id = $1")
    found = await verify(office.pool, office.workspace_id)
    assert any("is not the negative of a turn" in each for each in found.differences)
    assert any("do not agree on its refund" in each for each in found.differences)
