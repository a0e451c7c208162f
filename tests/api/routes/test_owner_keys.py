"""A key that is bound to an owner acts for this owner only, on every route."""

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
pipeline:
  - rule: {name: anas, when: {source: ana}, then: {owner: ana}}
  - rule: {name: bens, when: {source: ben}, then: {owner: ben}}
  - queue: {name: desk}
"""
REFUSED, UNKNOWN = {403}, {404}
OF_ANOTHER: dict[str, tuple[set[int], str, Any]] = {
    "GET /assignments": (REFUSED, "/assignments?owner=ana", None),
    "GET /assignments/{assignment_id}": (UNKNOWN, "/assignments/{assignment_id}", None),
    "POST /assignments/{assignment_id}/events": (
        REFUSED,
        "/assignments/{assignment_id}/events",
        {"type": "accepted"},
    ),
    "POST /assignments/{assignment_id}/release": (REFUSED, "/assignments/{assignment_id}/release", {}),
    "POST /events": (REFUSED, "/events", {"items": [{"lead_id": "{lead_id}", "type": "reached"}]}),
    "GET /assignments/{assignment_id}/explain": (UNKNOWN, "/assignments/{assignment_id}/explain", None),
    "GET /leads": (set(), "/leads?external_id=anas", None),
    "POST /leads/lookup": (set(), "/leads/lookup", {"email": "anas@people.example"}),
    "GET /leads/{lead_id}": (UNKNOWN, "/leads/{lead_id}", None),
    "GET /queues": (set(), "/queues", None),
    "GET /queues/{name}": (set(), "/queues/desk", None),
    "GET /queues/{name}/leads": (REFUSED, "/queues/held/leads", None),
    "POST /queues/{name}/claim": (REFUSED, "/queues/desk/claim", {"owner_id": "ana"}),
    "POST /reassign": (REFUSED, "/reassign", {"lead_id": "{lead_id}", "to": "ben"}),
}
"""The routes that serve keys of an owner: a call about the lead of another owner, and how it is refused.

Without a status the route answers, and the lead is not in the answer.
"""


@pytest.mark.parametrize("route", GUARDED, ids=lambda route: f"{route[0]} {route[1]}")
async def test_routes_refuse_a_key_of_an_owner_unless_they_keep_it_to_this_owner(route: Any) -> None:
    method, path, access = route
    if access.for_owner:
        assert f"{method} {path}" in OF_ANOTHER
        return
    stored = Stored()
    APP.state.authentication = Authentication(stored.find)
    key = stored.issue(*SCOPES, owner="ben")
    async with client_of(APP, key) as client:
        answer = await client.request(method, address(path), content=b"{")
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


def test_every_route_for_keys_of_an_owner_is_tried() -> None:
    assert OF_ANOTHER.keys() == {f"{method} {path}" for method, path, access in GUARDED if access.for_owner}


@pytest.fixture
async def desk(workspace: Workspace) -> Workspace:
    await workspace.publish(PLAN)
    return workspace


async def bens_key(workspace: Workspace) -> str:
    key = await workspace.issue_key("assign", "claim", "events", "leads:read")
    await workspace.pool.execute("UPDATE api_keys SET owner_id = 'ben' WHERE id = $1", key.split("_")[2])
    return key


async def sent(client: httpx2.AsyncClient, name: str, lead: dict[str, Any]) -> httpx2.Response:
    """A call about this lead."""
    _, url, body = OF_ANOTHER[name]
    ids = {"{lead_id}": lead["lead_id"], "{assignment_id}": lead["assignment_id"]}
    for place, id_ in ids.items():
        url = url.replace(place, id_)
    if body is not None:
        items = body.get("items")
        body = {"items": [{**items[0], "lead_id": lead["lead_id"]}]} if items else dict(body)
        body |= {"lead_id": lead["lead_id"]} if "lead_id" in body else {}
    return await client.request(name.split()[0], url, json=body)


@pytest.mark.parametrize("name", OF_ANOTHER)
async def test_key_of_an_owner_neither_sees_nor_moves_the_lead_of_another(desk: Workspace, name: str) -> None:
    anas = await desk.assign(external_id="anas", email="anas@people.example", source="ana")
    async with desk.caller(await bens_key(desk)) as ben:
        answer = await sent(ben, name, anas)
    expected, _, _ = OF_ANOTHER[name]
    if name == "POST /events":
        assert answer.json()["items"][0]["status"] in expected
    elif expected:
        assert answer.status_code in expected
    else:
        assert answer.status_code == 200
    assert anas["assignment_id"] not in answer.text
    assert "ana@" not in answer.text
    lead = await desk.get(f"/leads/{anas['lead_id']}")
    assert (lead["owner"]["id"], len(lead["assignments"])) == ("ana", 1)
    assert (await desk.get(f"/assignments/{anas['assignment_id']}"))["events"] == []


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


async def test_key_of_an_owner_gets_no_answer_that_somebody_else_got_before(desk: Workspace) -> None:
    anas = await desk.assign(external_id="anas", source="ana")
    body, headers = {"lead_id": anas["lead_id"], "to": "eve"}, {"Idempotency-Key": "once"}
    assert (await desk.client.post("/reassign", json=body, headers=headers)).status_code == 201
    async with desk.caller(await bens_key(desk)) as ben:
        assert (await ben.post("/reassign", json=body, headers=headers)).status_code == 403
