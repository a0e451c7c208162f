"""Merging two leads of one person, and undoing it, over the API."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import httpx2
import pytest

from app.audit.verify import verify
from app.store import clocks
from tests.support.workspace import NOON, Workspace

PLAN: Mapping[str, Any] = {
    "queues": {"desk": {"claimable_by": "inbound"}},
    "paths": {"nurture": {"accountable": {"team": "inbound"}}},
    "pipeline": [
        {"rule": {"name": "students", "when": {"lead_type": "student"}, "then": {"block": "students"}}},
        {"rule": {"name": "news", "when": {"lead_type": "newsletter"}, "then": {"path": "nurture"}}},
        {"rule": {"name": "cold", "when": {"lead_type": "cold"}, "then": {"queue": "desk"}}},
        {"round_robin": {"team": "inbound"}},
        {"queue": {"name": "desk"}},
    ],
}
KINDS = {"queued": "cold", "automated": "newsletter", "blocked": "student"}


@pytest.fixture
async def office(workspace: Workspace) -> Workspace:
    await workspace.start_at_noon()
    await workspace.publish(PLAN)
    return workspace


async def merge(workspace: Workspace, *leads: str, **more: Any) -> httpx2.Response:
    body = {"leads": list(leads), "reason": "Same badge at the fair.", **more}
    return await workspace.client.post("/leads/merge", json=body)


async def merged(workspace: Workspace, *leads: str, **more: Any) -> dict[str, Any]:
    answer = await merge(workspace, *leads, **more)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def undo(workspace: Workspace, merge_id: str) -> httpx2.Response:
    return await workspace.client.post(f"/leads/merge/{merge_id}/undo", json={"reason": "Father and son."})


async def undone(workspace: Workspace, merge_id: str) -> dict[str, Any]:
    answer = await undo(workspace, merge_id)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def lead(workspace: Workspace, id_: str) -> dict[str, Any]:
    return await workspace.get(f"/leads/{id_}")


async def books(workspace: Workspace) -> dict[str, Any]:
    """Balances, and open leads of each owner."""
    team = await workspace.get("/teams/inbound")
    balances = {each["owner"]: each["balance"] for each in team["members"]}
    rows = await workspace.fetch(
        """SELECT owner_id, count(*) AS leads FROM assignments
            WHERE workspace_id = $1 AND open AND owner_id IS NOT NULL GROUP BY owner_id"""
    )
    return {"balances": balances, "open": {each["owner_id"]: each["leads"] for each in rows}}


async def assert_clean(workspace: Workspace) -> None:
    assert (await verify(workspace.pool, workspace.workspace_id)).differences == []


async def at(workspace: Workspace, after: timedelta) -> None:
    async with workspace.pool.acquire() as connection:
        await clocks.set_clock(connection, workspace.workspace_id, NOON + after, speed=1)


async def two(workspace: Workspace) -> tuple[dict[str, Any], dict[str, Any]]:
    one = await workspace.assign(
        email="kim.vega@nordlicht.example", first_name="Kim", last_name="Vega", consent={"email": True}
    )
    other = await workspace.assign(
        phone="+49 30 901820", last_name="Vega", company="Nordlicht", consent={"email": False, "sms": True}
    )
    return one, other


async def test_two_leads_become_one_with_keys_fields_and_the_stricter_consent(office: Workspace) -> None:
    before = await books(office)
    one = await office.assign(
        email="kim.vega@nordlicht.example", first_name="Kim", last_name="Vega", consent={"email": True}
    )
    after_one = await books(office)
    other = await office.assign(
        phone="+49 30 901820", last_name="Vega", company="Nordlicht", consent={"email": False, "sms": True}
    )
    made = await merged(office, other["lead_id"], one["lead_id"])
    assert (made["survivor"], made["merged"]) == (one["lead_id"], other["lead_id"])
    assert (made["state"], made["owner"]) == ("assigned", one["owner"]["id"])
    assert await books(office) == after_one != before
    kept, gone = await lead(office, one["lead_id"]), await lead(office, other["lead_id"])
    assert kept["fields"]["company"] == "Nordlicht"
    assert kept["fields"]["phone"] == "+4930901820"
    assert kept["fields"]["consent"] == {"email": False, "sms": True}
    assert (gone["state"], gone["merged_into"], gone["owner"]) == ("merged", one["lead_id"], None)
    again = await office.assign(phone="+49 30 901820", last_name="Vega")
    assert again["existing_lead"]["lead_id"] == one["lead_id"]
    assert [each["id"] for each in kept["merges"]] == [made["id"]]
    await assert_clean(office)


async def test_undo_gives_everything_back_once(office: Workspace) -> None:
    one, other = await two(office)
    before = await books(office)
    fields = {each["lead_id"]: (await lead(office, each["lead_id"]))["fields"] for each in (one, other)}
    made = await merged(office, one["lead_id"], other["lead_id"])
    first = await undone(office, made["id"])
    assert (first["restored"], first["owner"]) == (other["lead_id"], other["owner"]["id"])
    assert await books(office) == before
    for each, consent in ((one, {"email": False}), (other, {"email": False, "sms": True})):
        found = await lead(office, each["lead_id"])
        shown = {**found["fields"], "trigger": "form"}
        shown.pop("submitted_trigger", None)
        assert shown == {**fields[each["lead_id"]], "consent": consent}
        assert (found["state"], found["merged_into"]) == ("assigned", None)
    assert await undone(office, made["id"]) == first
    assert await books(office) == before
    by_phone = await office.assign(phone="+49 30 901820", last_name="Vega")
    by_mail = await office.assign(email="kim.vega@nordlicht.example")
    assert by_phone["existing_lead"]["lead_id"] == other["lead_id"]
    assert by_mail["existing_lead"]["lead_id"] == one["lead_id"]
    await assert_clean(office)


@pytest.mark.parametrize("then", ["reject", "merge", "undo"])
@pytest.mark.parametrize("times", [1, 2])
async def test_turn_of_a_restored_lead_is_given_back_once(office: Workspace, then: str, times: int) -> None:
    await office.publish({**PLAN, "reject_reasons": {"wrong_region": {"refund": True}}})
    one = await office.assign(email="kim.vega@nordlicht.example")
    before = (await books(office))["balances"]
    other = await office.assign(email="lou.berg@suedlicht.example")
    with_turn = (await books(office))["balances"]
    for _ in range(times):
        made = await merged(office, one["lead_id"], other["lead_id"])
        assert (await books(office))["balances"] == before
        back = await undone(office, made["id"])
        assert (await books(office))["balances"] == with_turn
    if then == "merge":
        await merged(office, one["lead_id"], other["lead_id"])
    elif then == "reject":
        url, closed = f"/assignments/{back['assignment_id']}/events", {"type": "closed", "reason": "lost"}
        told = await office.client.post(f"/assignments/{one['assignment_id']}/events", json=closed)
        assert told.status_code == 200, told.text
        told = await office.client.post(url, json={"type": "rejected", "reason": "wrong_region"})
        assert told.json()["refunded"] is True
        rows = await office.fetch(
            "SELECT cause FROM ledger_entries WHERE workspace_id = $1 AND assignment_id = $2 ORDER BY number",
            other["assignment_id"],
        )
        assert [row["cause"] for row in rows] == ["turn", *("refund", "refund_reversed") * times, "refund"]
    expected = {"merge": before, "undo": with_turn}.get(then)
    assert expected is None or (await books(office))["balances"] == expected
    await assert_clean(office)


async def test_what_came_after_the_merge_stays_with_the_survivor(office: Workspace) -> None:
    one, other = await two(office)
    sold = {"type": "purchase", "amount": 70, "currency": "EUR", "ref": "d1"}
    before = {"type": "meeting"}
    for decided, event in ((other, before),):
        url = f"/assignments/{decided['assignment_id']}/events"
        assert (await office.client.post(url, json=event)).status_code in (200, 201)
    made = await merged(office, one["lead_id"], other["lead_id"])
    url = f"/assignments/{one['assignment_id']}/events"
    assert (await office.client.post(url, json=sold)).status_code in (200, 201)
    await office.assign(phone="+49 30 901820", last_name="Vega", city="Kiel")
    await undone(office, made["id"])
    survivor, restored = await lead(office, one["lead_id"]), await lead(office, other["lead_id"])
    assert (survivor["conversions"], restored["conversions"]) == (1, 0)
    assert survivor["fields"]["city"] == "Kiel"
    assert "city" not in restored["fields"]
    rows = await office.fetch(
        "SELECT type, lead_id::text AS lead_id FROM events WHERE workspace_id = $1 ORDER BY sequence"
    )
    assert [(each["type"], each["lead_id"]) for each in rows][:2] == [
        ("meeting", other["lead_id"]),
        ("purchase", one["lead_id"]),
    ]
    await assert_clean(office)


async def test_survivor_has_its_own_address_and_number_after_the_undo(office: Workspace) -> None:
    father = await office.assign(email="jon@gmail.com", phone="+49 30 901820", country="DE", city="Kiel")
    son = await office.assign(email="joe@trashmail.com", phone="+44 20 7946 0018")
    own = (await lead(office, father["lead_id"]))["fields"]
    made = await merged(office, father["lead_id"], son["lead_id"], survivor=father["lead_id"])
    again = await office.assign(email="joe@trashmail.com", phone="+44 20 7946 0018", city="Bonn")
    assert again["lead_id"] == father["lead_id"]
    await undone(office, made["id"])
    survivor = (await lead(office, father["lead_id"]))["fields"]
    names = ("email", "email_domain", "phone", "contact", "geo_conflict")
    assert {name: survivor[name] for name in names} == {name: own[name] for name in names}
    assert survivor["city"] == "Bonn"
    assert (await lead(office, son["lead_id"]))["fields"]["email"] == "joe@trashmail.com"
    assert (await office.assign(email="joe@trashmail.com"))["lead_id"] == son["lead_id"]
    await assert_clean(office)


async def test_event_about_the_merged_lead_counts_for_the_survivor(office: Workspace) -> None:
    one, other = await two(office)
    await merged(office, one["lead_id"], other["lead_id"])
    sold = {"type": "purchase", "amount": 70, "currency": "EUR", "ref": "d1"}
    url = f"/assignments/{other['assignment_id']}/events"
    assert (await office.client.post(url, json=sold)).status_code in (200, 201)
    told = {"items": [{"lead_id": other["lead_id"], "type": "note", "note": "Called."}]}
    assert (await office.client.post("/events", json=told)).json()["items"][0]["status"] == 200
    assert (await lead(office, one["lead_id"]))["conversions"] == 1
    rows = await office.fetch("SELECT lead_id::text AS lead_id FROM events WHERE workspace_id = $1")
    assert {row["lead_id"] for row in rows} == {one["lead_id"]}


@pytest.mark.parametrize("state", KINDS)
async def test_the_lead_with_an_owner_survives_and_the_other_returns_to_where_it_was(
    office: Workspace, state: str
) -> None:
    loose = await office.assign(email="a@loose.example", lead_type=KINDS[state])
    owned = await office.assign(email="b@owned.example")
    assert loose["outcome"] == state
    made = await merged(office, loose["lead_id"], owned["lead_id"])
    assert made["survivor"] == owned["lead_id"]
    assert (await undone(office, made["id"]))["state"] == state
    assert (await lead(office, loose["lead_id"]))["state"] == state
    await assert_clean(office)


async def test_of_a_blocked_and_a_queued_lead_the_queued_one_survives(office: Workspace) -> None:
    blocked = await office.assign(email="a@b.example", lead_type="student")
    queued = await office.assign(email="c@d.example", lead_type="cold")
    made = await merged(office, blocked["lead_id"], queued["lead_id"])
    assert (made["survivor"], made["queue"]) == (queued["lead_id"], "desk")
    await undone(office, made["id"])
    await assert_clean(office)


async def test_two_closed_leads_become_one_closed_lead(office: Workspace) -> None:
    one, other = await two(office)
    for each in (one, other):
        url = f"/assignments/{each['assignment_id']}/events"
        assert (await office.client.post(url, json={"type": "closed"})).status_code in (200, 201)
    made = await merged(office, one["lead_id"], other["lead_id"])
    assert (made["survivor"], made["state"]) == (one["lead_id"], "closed")
    assert (await undone(office, made["id"]))["state"] == "closed"
    await assert_clean(office)


async def test_survivor_that_waits_gets_the_owner_of_the_other(office: Workspace) -> None:
    queued = await office.assign(email="a@b.example", lead_type="cold")
    owned = await office.assign(email="c@d.example")
    made = await merged(office, queued["lead_id"], owned["lead_id"], survivor=queued["lead_id"])
    assert (made["survivor"], made["owner"]) == (queued["lead_id"], owned["owner"]["id"])
    assert sum((await books(office))["open"].values()) == 1
    await undone(office, made["id"])
    await assert_clean(office)


async def test_the_account_owner_survives_if_the_plan_puts_them_first(office: Workspace) -> None:
    await office.publish(
        {
            **PLAN,
            "returning_leads": {"keep_owner": ["account_owner", "previous_owner"]},
            "pipeline": [{"account": {}}, *PLAN["pipeline"]],
        }
    )
    older = await office.assign(email="kim@gmail.com")
    owners = {each["id"] for each in (await office.get("/owners"))["items"]} - {older["owner"]["id"]}
    await office.put("accounts", "nord", {"domains": ["nord.example"], "owner": min(owners)})
    newer = await office.assign(email="kim@nord.example")
    assert newer["owner"]["id"] == min(owners)
    made = await merged(office, older["lead_id"], newer["lead_id"])
    assert (made["survivor"], made["owner"]) == (newer["lead_id"], min(owners))


async def test_lead_is_not_merged_with_itself_nor_with_a_lead_that_is_no_more(office: Workspace) -> None:
    one, other = await two(office)
    third = await office.assign(email="third@x.example")
    itself = await merge(office, one["lead_id"], one["lead_id"])
    assert (itself.status_code, itself.json()["errors"][0]["code"]) == (422, "not_allowed")
    outside = await merge(office, one["lead_id"], other["lead_id"], survivor=third["lead_id"])
    assert outside.status_code == 422
    unknown = await merge(office, one["lead_id"], one["assignment_id"])
    assert unknown.status_code == 404
    await merged(office, one["lead_id"], other["lead_id"])
    for body in ((one, other), (third, other)):
        again = await merge(office, *(each["lead_id"] for each in body))
        assert (again.status_code, again.json()["code"]) == (409, "already_merged")
        assert again.json()["survivor"] == one["lead_id"]
    assert (await office.client.delete(f"/leads/{third['lead_id']}")).status_code in (200, 204)
    assert (await merge(office, one["lead_id"], third["lead_id"])).status_code == 404


async def test_chain_of_merges_is_undone_from_its_end(office: Workspace) -> None:
    one, other = await two(office)
    third = await office.assign(email="third@x.example")
    inner = await merged(office, one["lead_id"], other["lead_id"], survivor=other["lead_id"])
    outer = await merged(office, other["lead_id"], third["lead_id"], survivor=third["lead_id"])
    assert (await office.assign(email="kim.vega@nordlicht.example"))["lead_id"] == third["lead_id"]
    early = await undo(office, inner["id"])
    assert (early.status_code, early.json()["code"], early.json()["why"]) == (
        409,
        "merge_not_undoable",
        "merged_again",
    )
    await undone(office, outer["id"])
    assert (await office.assign(email="kim.vega@nordlicht.example"))["lead_id"] == other["lead_id"]
    await undone(office, inner["id"])
    assert (await office.assign(email="kim.vega@nordlicht.example"))["lead_id"] == one["lead_id"]
    await assert_clean(office)


async def test_merge_is_undone_for_thirty_days_and_not_longer(office: Workspace) -> None:
    one, other = await two(office)
    third, fourth = await office.assign(email="c@x.example"), await office.assign(email="d@x.example")
    late = await merged(office, one["lead_id"], other["lead_id"])
    soon = await merged(office, third["lead_id"], fourth["lead_id"])
    await at(office, timedelta(days=29, hours=23))
    await undone(office, soon["id"])
    await at(office, timedelta(days=30, hours=1))
    answer = await undo(office, late["id"])
    assert (answer.status_code, answer.json()["why"]) == (409, "too_late")


async def test_merge_with_an_erased_lead_is_not_undone(office: Workspace) -> None:
    one, other = await two(office)
    made = await merged(office, one["lead_id"], other["lead_id"])
    report = await office.client.delete(f"/leads/{one['lead_id']}")
    assert report.status_code == 200
    assert sorted(report.json()["lead_ids"]) == sorted((one["lead_id"], other["lead_id"]))
    answer = await undo(office, made["id"])
    assert (answer.status_code, answer.json()["why"]) == (409, "erased")
    (row,) = await office.fetch("SELECT reason, taken, keys FROM lead_merges WHERE workspace_id = $1")
    assert tuple(row) == (None, None, None)
    await assert_clean(office)


async def test_repeat_with_the_same_key_merges_once(office: Workspace) -> None:
    one, other = await two(office)
    body = {"leads": [one["lead_id"], other["lead_id"]], "reason": "One person."}
    headers = {"Idempotency-Key": "merge-1"}
    first = await office.client.post("/leads/merge", json=body, headers=headers)
    again = await office.client.post("/leads/merge", json=body, headers=headers)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json()
    changed = await office.client.post("/leads/merge", json={**body, "reason": "Other."}, headers=headers)
    assert changed.status_code == 422


async def test_lead_whose_owner_left_is_routed_by_the_plan_when_the_merge_is_undone(
    office: Workspace,
) -> None:
    one, other = await two(office)
    made = await merged(office, one["lead_id"], other["lead_id"])
    owner = other["owner"]["id"]
    assert (await office.client.patch(f"/owners/{owner}", json={"active": False})).status_code == 200
    restored = await undone(office, made["id"])
    assert restored["state"] == "assigned"
    assert restored["owner"] != owner
    await assert_clean(office)


async def test_withdrawn_preferences_stay_with_both(office: Workspace) -> None:
    one, other = await two(office)
    url = f"/leads/{other['lead_id']}/preferences"
    told = {"origin": "center", "channels": {"email": False, "phone": True}}
    assert (await office.client.put(url, json=told)).status_code == 200
    made = await merged(office, one["lead_id"], other["lead_id"])
    joined = await office.get(f"/leads/{one['lead_id']}/preferences")
    assert {name: act["state"] for name, act in joined["consents"].items()} == {
        "email": "withdrawn",
        "phone": "granted",
    }
    await undone(office, made["id"])
    own = await office.get(f"/leads/{one['lead_id']}/preferences")
    theirs = await office.get(url)
    assert {name: act["state"] for name, act in own["consents"].items()} == {"email": "withdrawn"}
    assert {name: act["state"] for name, act in theirs["consents"].items()} == {
        "email": "withdrawn",
        "phone": "granted",
    }
