"""A key that is bound to an owner acts for this owner only, on every route."""

import json
from collections.abc import Mapping
from typing import Any

import httpx2
import pytest

from app.api.http.auth import Authentication
from app.keys import SCOPES
from tests.api.routes.test_routes import APP, GUARDED, address
from tests.api.small_app import Stored
from tests.support.workspace import Workspace, client_of

PLAN = """
queues: {desk: {claimable_by: inbound, claim: {hide: [email]}}}
reject_reasons: {busy: {then: {team: inbound}}}
pipeline:
  - rule: {name: anas, when: {source: ana}, then: {owner: ana}}
  - rule: {name: bens, when: {source: ben}, then: {owner: ben}}
  - queue: {name: desk}
"""
ITEM = {"lead_id": "{lead_id}", "type": "reached"}
OF_ANOTHER: dict[str, tuple[str, Any]] = {
    "GET /assignments": ("/assignments?owner=ben", None),
    "GET /assignments/{assignment_id}": ("/assignments/{assignment_id}", None),
    "POST /assignments/{assignment_id}/events": ("/assignments/{assignment_id}/events", {"type": "accepted"}),
    "POST /assignments/{assignment_id}/release": ("/assignments/{assignment_id}/release", {}),
    "POST /events": ("/events", {"items": [ITEM, {**ITEM, "type": "closed"}]}),
    "GET /assignments/{assignment_id}/explain": ("/assignments/{assignment_id}/explain", None),
    "GET /assignments/{assignment_id}/why-not": ("/assignments/{assignment_id}/why-not", None),
    "GET /leads": ("/leads?external_id=anas", None),
    "POST /leads/lookup": ("/leads/lookup", {"email": "anas@people.example"}),
    "GET /leads/{lead_id}": ("/leads/{lead_id}", None),
    "GET /metrics/health": ("/metrics/health", None),
    "GET /metrics/{report}": ("/metrics/speed-to-lead?owner=ana", None),
    "GET /queues": ("/queues", None),
    "GET /queues/{name}": ("/queues/desk", None),
    "GET /queues/{name}/leads": ("/queues/desk/leads", None),
    "POST /queues/{name}/claim": ("/queues/desk/claim", {"owner_id": "ben", "lead_id": "{lead_id}"}),
    "POST /reassign": ("/reassign", {"lead_id": "{lead_id}", "to": "ben"}),
}
"""The routes that serve keys of an owner, and a call about the lead of another owner."""
OWN_LEAVE = {
    "GET /owners/{id}/absences",
    "POST /owners/{id}/absences",
    "DELETE /owners/{id}/absences/{absence_id}",
    "GET /owners/{id}/passed-over",
}
"""The routes about the owner of the key, and no lead."""
BY_KEYS: list[tuple[str, Any]] = [
    ("/events", {"items": [{"external_id": "anas", "type": "reached"}]}),
    ("/reassign", {"external_id": "anas", "to": "ben"}),
    ("/queues/held/claim", {"owner_id": "ben", "lead_id": "{lead_id}"}),
]
NAMES_ANOTHER: list[tuple[str, str, Any]] = [
    ("GET", "/assignments?owner=ana", None),
    ("GET", "/queues/held/leads", None),
    ("POST", "/queues/desk/claim", {"owner_id": "ana"}),
    ("GET", "/owners/ana/absences", None),
    ("GET", "/owners/ana/passed-over", None),
    ("POST", "/owners/ana/absences", {"from": "2030-12-24", "to": "2030-12-28"}),
    ("DELETE", "/owners/ana/absences/x", None),
    ("POST", "/reassign", {"filter": {"owner": "ana"}, "to": "ben"}),
]
NOBODY = "01890000-0000-7000-8000-000000000000"


@pytest.mark.parametrize("route", GUARDED, ids=lambda route: f"{route[0]} {route[1]}")
async def test_routes_refuse_a_key_of_an_owner_unless_they_keep_it_to_this_owner(route: Any) -> None:
    method, path, access = route
    if access.for_owner:
        assert f"{method} {path}" in {*OF_ANOTHER, *OWN_LEAVE}
        return
    stored = Stored()
    APP.state.authentication = Authentication(stored.find)
    key = stored.issue(*SCOPES, owner="ben")
    async with client_of(APP, key) as client:
        answer = await client.request(method, address(path), content=b"{")
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


def test_every_route_for_keys_of_an_owner_is_tried() -> None:
    tried = {f"{method} {path}" for method, path, access in GUARDED if access.for_owner}
    assert {*OF_ANOTHER, *OWN_LEAVE} == tried


@pytest.fixture
async def desk(workspace: Workspace) -> Workspace:
    await workspace.publish(PLAN)
    return workspace


async def bens_key(workspace: Workspace) -> str:
    key = await workspace.issue_key("assign", "claim", "events", "leads:read", "reports", "directory:write")
    await workspace.pool.execute("UPDATE api_keys SET owner_id = 'ben' WHERE id = $1", key.split("_")[2])
    return key


async def sent(client: httpx2.AsyncClient, method: str, url: str, body: Any, ids: Mapping[str, Any]) -> Any:
    """The status and the body of the answer to a call about this lead.

    It leaves out the id of the request, and of a report how far it looks.
    """
    text = json.dumps([url, body])
    for place in ("lead_id", "assignment_id"):
        text = text.replace(f"{{{place}}}", ids.get(place, NOBODY))
    url, body = json.loads(text)
    answer = await client.request(method, url, json=body)
    found = {**answer.json(), "request_id": None}
    return answer.status_code, {name: value for name, value in found.items() if name != "as_of"}


async def lead_of_ana(desk: Workspace, state: str) -> dict[str, Any]:
    """A lead that Ben has nothing to do with."""
    if state == "held":
        await desk.put(
            "calendars", "later", {"timezone": "UTC", "hours": "24/7", "closed": ["2020-01-01/2099-01-01"]}
        )
        await desk.client.patch("/owners/ana", json={"calendar": "later"})
    lead = await desk.assign(external_id="anas", email="anas@people.example", source="ana")
    if state == "closed":
        await desk.client.post(f"/assignments/{lead['assignment_id']}/events", json={"type": "closed"})
    if state == "erased":
        assert (await desk.client.delete(f"/leads/{lead['lead_id']}")).status_code == 200
    return lead


@pytest.mark.parametrize("state", ["assigned", "closed", "held", "erased"])
async def test_lead_of_another_is_answered_like_one_that_does_not_exist(desk: Workspace, state: str) -> None:
    key = await bens_key(desk)
    calls = [(name.split()[0], *call) for name, call in OF_ANOTHER.items()]
    calls += [("POST", *call) for call in BY_KEYS]
    async with desk.caller(key) as ben:
        expected = [await sent(ben, *call, {}) for call in calls]
        anas = await lead_of_ana(desk, state)
        before = (await desk.client.get(f"/leads/{anas['lead_id']}")).json()
        for call, answer in zip(calls, expected, strict=True):
            assert await sent(ben, *call, anas) == answer, call
    for call, (status, body) in zip(calls, expected, strict=True):
        statuses = {item["status"] for item in body["items"]} if call[1] == "/events" else {status}
        assert statuses <= ({409} if call[1].endswith("/claim") else {200, 404}), call
    after = (await desk.client.get(f"/leads/{anas['lead_id']}")).json()
    assert {**after, "request_id": None} == {**before, "request_id": None}


@pytest.mark.parametrize("call", NAMES_ANOTHER, ids=lambda call: f"{call[0]} {call[1]}")
async def test_key_of_an_owner_may_not_name_another(desk: Workspace, call: tuple[str, str, Any]) -> None:
    async with desk.caller(await bens_key(desk)) as ben:
        status, body = await sent(ben, *call, {})
    assert (status, body["code"]) == (403, "forbidden")


async def test_key_of_an_owner_may_not_move_what_it_only_sees(desk: Workspace) -> None:
    waiting = await desk.assign(external_id="w")
    former = await desk.assign(external_id="bens", source="ben")
    moved = (await desk.client.post("/reassign", json={"lead_id": former["lead_id"], "to": "ana"})).json()
    async with desk.caller(await bens_key(desk)) as ben:
        for seen in (waiting, moved):
            for name in ("POST /reassign", "POST /assignments/{assignment_id}/events"):
                status, body = await sent(ben, "POST", *OF_ANOTHER[name], seen)
                assert (status, body["code"]) == (403, "forbidden")
        status, body = await sent(ben, "POST", "/assignments/{assignment_id}/release", {}, moved)
        assert (status, body["code"]) == (403, "forbidden")


async def test_repeat_of_an_event_tells_a_key_of_an_owner_nothing_about_the_lead_of_another(
    desk: Workspace,
) -> None:
    anas = await desk.assign(external_id="anas", source="ana")
    url, event = f"/assignments/{anas['assignment_id']}/events", {"type": "reached", "id": "e1"}
    key, others = await bens_key(desk), await desk.issue_key("events")
    ids = [each.split("_")[2] for each in (key, others)]
    await desk.pool.execute("UPDATE api_keys SET source = 'crm' WHERE id = ANY ($1)", ids)
    async with desk.caller(others) as crm, desk.caller(key) as ben:
        assert (await crm.post(url, json=event)).status_code == 200
        assert (await ben.post(url, json=event)).status_code == 404


async def test_key_of_an_owner_works_with_their_own_leads_and_with_those_that_wait(desk: Workspace) -> None:
    own = await desk.assign(external_id="bens", source="ben")
    waiting = await desk.assign(external_id="w", email="w@people.example")
    async with desk.caller(await bens_key(desk)) as ben:
        found = (await ben.get("/leads?external_id=bens")).json()["items"]
        assert [lead["id"] for lead in found] == [own["lead_id"]]
        listed = (await ben.get("/assignments?owner=ben")).json()["items"]
        assert [each["lead_id"] for each in listed] == [own["lead_id"]]
        seen = (await ben.get(f"/leads/{waiting['lead_id']}")).json()
        assert "email" not in seen["fields"]
        claimants = (await ben.get("/queues/desk")).json()["claimants"]
        assert [each["owner_id"] for each in claimants] == ["ben"]
        claimed = await ben.post("/queues/desk/claim", json={"owner_id": "ben"})
        assert claimed.json()["lead_id"] == waiting["lead_id"]
        event = await ben.post(f"/assignments/{own['assignment_id']}/events", json={"type": "accepted"})
        assert (event.status_code, event.json()["effect"]) == (200, "accepted")
        given = await ben.post(f"/assignments/{claimed.json()['assignment_id']}/release")
        assert given.status_code == 200
        moved = await ben.post("/reassign", json={"lead_id": own["lead_id"], "to": "eve"})
        assert moved.json()["owner"]["id"] == "eve"
        many = await ben.post("/reassign", json={"filter": {"owner": "ben"}, "to": "eve"})
        assert many.status_code == 403


async def test_orders_tell_a_key_of_an_owner_nothing_about_how_others_are(desk: Workspace) -> None:
    async with desk.edit() as edit:
        owner = {"name": "Ana", "paused_until": "2099-01-01T00:00:00Z"}
        await edit.put("owners", "ana", owner, await edit.find("owners", "ana"))
    leads = [await desk.assign(external_id=f"bens-{each}", source="ben") for each in range(4)]
    async with desk.caller(await bens_key(desk)) as ben:
        address = f"/assignments/{leads[0]['assignment_id']}/events"
        rejected = await ben.post(address, json={"type": "rejected", "reason": "busy"})
        item = {"lead_id": leads[1]["lead_id"], "type": "rejected", "reason": "busy"}
        many = await ben.post("/events", json={"items": [item]})
        body = {"lead_id": leads[2]["lead_id"], "to": {"team": "inbound"}, "exclude": ["ben"]}
        tried = await ben.post("/reassign", json={**body, "dry_run": True})
        moved = await ben.post("/reassign", json=body)
    whole = await desk.client.post("/reassign", json={**body, "lead_id": leads[3]["lead_id"]})
    assert "paused" in whole.text
    decisions = [
        rejected.json()["decision"],
        many.json()["items"][0]["result"]["decision"],
        tried.json(),
        moved.json(),
    ]
    for decision in decisions:
        (target,) = decision["trace"]["steps"][0]["targets"]
        others = [each for each in target["candidates"] if each["owner"] != "ben"]
        assert all(each.keys() == {"owner", "code"} for each in others)
        assert {each["code"] for each in others} == {"chosen", "not_available"}


async def test_key_of_an_owner_gets_no_answer_that_somebody_else_got_before(desk: Workspace) -> None:
    anas = await desk.assign(external_id="anas", source="ana")
    body, headers = {"lead_id": anas["lead_id"], "to": "eve"}, {"Idempotency-Key": "once"}
    assert (await desk.client.post("/reassign", json=body, headers=headers)).status_code == 201
    async with desk.caller(await bens_key(desk)) as ben:
        assert (await ben.post("/reassign", json=body, headers=headers)).status_code == 404
