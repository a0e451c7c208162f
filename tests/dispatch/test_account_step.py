"""The step for accounts in a running service: books, holds, edits, and the page about it."""

import re
from typing import Any

import orjson
import pytest
import yaml

from app.audit.verify import verify
from docs.generator.pages import ROOT
from tests.support.factories import OWNERS
from tests.support.workspace import Workspace

PAGE = (ROOT / "docs" / "accounts.md").read_text(encoding="utf-8")
PLANS = [yaml.safe_load(text) for text in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)]
(STEP,) = (plan for plan in PLANS if "roles" in plan["pipeline"][0].get("account", {}))
JSON = [orjson.loads(text) for text in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)]
AFTERNOON = "2099-11-20T15:00:00Z"
CLOCK = (
    "INSERT INTO clocks (workspace_id, set_at, base_time, speed) VALUES ($1, now(), $2::text::timestamptz, 0)"
)


async def put(workspace: Workspace, resource_type: str, id_: str, **body: Any) -> None:
    answer = await workspace.client.put(f"/{resource_type}/{id_}", json=body)
    assert answer.status_code in {200, 201}, answer.text


@pytest.fixture
async def noon(workspace: Workspace) -> Workspace:
    """The plan of the page is in force, its account is there, and so are its teams: eve is in both."""
    await workspace.pool.execute(CLOCK, workspace.workspace_id, "2099-11-20T12:00:00Z")
    for team in ("named", "success"):
        await put(workspace, "teams", team, members=[{"owner": "eve"}])
    await put(workspace, "accounts", "acme", **{**JSON[0], "customer_status": None})
    drafted = await workspace.client.post("/plans", json=STEP)
    assert drafted.json()["findings"] == []
    published = await workspace.client.post(f"/plans/{drafted.json()['version']}/publish", json={})
    assert published.status_code == 200, published.text
    return workspace


async def away(workspace: Workspace, owner: str, until: str) -> None:
    body = {"from": "2099-11-20T00:00:00Z", "to": until}
    assert (await workspace.client.post(f"/owners/{owner}/absences", json=body)).status_code == 201


async def test_the_trace_is_the_one_on_the_page(noon: Workspace) -> None:
    await away(noon, "ben", AFTERNOON)
    answer = await noon.client.post("/assign", json=JSON[1])
    returned = answer.json()
    assert returned["trace"] == JSON[2]
    assert (returned["queue"], returned["reason"]["code"]) == ("held", "held")
    assert returned["held_until"] == "2099-11-20T15:00:00Z"
    for owner, status in (("eve", 403), ("ben", 200)):
        claim = await noon.client.post("/queues/held/claim", json={"owner_id": owner})
        assert claim.status_code == status
    assert claim.json()["account"]["role"] == "sdr"
    assert (await verify(noon.pool, noon.workspace_id)).clean


async def test_an_account_owner_gets_the_lead_without_a_turn(noon: Workspace) -> None:
    returned = await noon.assign(email="a@acme.example")
    assert (returned["owner"]["id"], returned["reason"]["code"], returned["team"]) == (
        "ben",
        "account_owner",
        None,
    )
    assert {role: other["id"] for role, other in returned["account_team"].items()} == {
        "owner": "ana",
        "ae": "ana",
    }
    assert (await noon.get("/teams/inbound/ledger"))["items"] == []
    members = {each["owner"]: each["open_leads"] for each in (await noon.get("/teams/inbound"))["members"]}
    assert members["ben"] == 1
    await noon.client.patch("/owners/ben", json={"active": False})
    assert (await noon.assign(email="b@acme.example"))["owner"]["id"] == "ana"
    await noon.client.patch("/owners/ana", json={"active": False})
    assert (await noon.assign(email="c@acme.example"))["queue"] == "unrouted"
    assert (await verify(noon.pool, noon.workspace_id)).clean


async def test_the_delegate_or_the_team_stands_in_for_an_absent_owner(noon: Workspace) -> None:
    await away(noon, "ben", "2099-12-01T00:00:00Z")
    team = await noon.assign(email="a@acme.example")
    assert (team["team"], team["owner"]["id"], team["reason"]["code"]) == ("named", "eve", "account_team")
    assert (await noon.get("/teams/named/ledger"))["items"][0]["chosen"] == "eve"
    await put(noon, "owners", "ben", **OWNERS["ben"], delegate="ana")
    delegate = await noon.assign(email="b@acme.example")
    assert (delegate["owner"]["id"], delegate["reason"]["code"]) == ("ana", "account_delegate")
    await noon.client.patch(
        "/accounts/acme", json={"customer_status": "active", "roles": None, "owner": None}
    )
    customer = await noon.assign(email="c@acme.example")
    assert (customer["team"], customer["reason"]["code"]) == ("success", "customer_team")
    assert (await verify(noon.pool, noon.workspace_id)).clean


async def test_an_account_edit_counts_from_the_next_lead_on(noon: Workspace) -> None:
    batch = {"items": [{"lead": {"email": f"{name}@acme.example"}} for name in "abc"]}
    returned = (await noon.client.post("/assign/batch", json=batch)).json()["items"]
    assert {each["decision"]["owner"]["id"] for each in returned} == {"ben"}
    await noon.client.patch("/accounts/acme", json={"roles": {"sdr": "eve"}})
    assert (await noon.assign(email="d@acme.example"))["owner"]["id"] == "eve"
    await noon.client.delete("/accounts/acme")
    assert (await noon.assign(email="e@acme.example"))["account"] is None
    assert (await verify(noon.pool, noon.workspace_id)).clean


async def test_a_planned_record_cannot_be_deleted(noon: Workspace) -> None:
    refused = await noon.client.delete("/teams/named")
    assert (refused.status_code, refused.json()["code"]) == (409, "in_use")


async def test_parents_are_read_up_to_eight_and_circles_end(noon: Workspace) -> None:
    await noon.publish(
        "queues: {unrouted: {}}\n"
        "pipeline: [{account: {inherit_from_parent: true}}, {queue: {name: unrouted}}]"
    )
    for number in range(10):
        await put(noon, "accounts", f"a{number}", parent=f"a{number + 1}", domains=[f"a{number}.example"])
    await put(noon, "accounts", "a9", owner="eve")
    assert (await noon.assign(email="x@a1.example"))["owner"]["id"] == "eve"
    assert (await noon.assign(email="x@a0.example"))["queue"] == "unrouted"
    await put(noon, "accounts", "a9", parent="a3")
    assert (await noon.assign(email="y@a1.example"))["queue"] == "unrouted"
    assert (await verify(noon.pool, noon.workspace_id)).clean


KEEPING = """
queues: {unrouted: {}}
returning_leads: {window: 90d, duplicate_window: 10m, keep_owner: [account_owner, previous_owner]}
pipeline:
  - account: {}
  - queue: {name: unrouted}
"""
LATER = "UPDATE clocks SET base_time = base_time + interval '1 hour' WHERE workspace_id = $1"


async def test_a_returning_lead_follows_its_account(noon: Workspace) -> None:
    """The account's owner changes between two visits: the earlier assignment ends and frees its place."""
    await noon.publish(KEEPING)
    first = await noon.assign(email="a@acme.example")
    assert first["owner"]["id"] == "ana"
    await noon.client.patch("/accounts/acme", json={"owner": "eve"})
    same = await noon.assign(email="a@acme.example")
    assert (same["owner"]["id"], same["existing_lead"]["kind"]) == ("ana", "duplicate")
    await noon.pool.execute(LATER, noon.workspace_id)
    second = await noon.assign(email="a@acme.example")
    assert (second["owner"]["id"], second["existing_lead"]["kind"]) == ("eve", "reengaged")
    assert second["account"]["role"] == "owner"
    assert second["lead_id"] == first["lead_id"]
    assert (await noon.get(f"/assignments/{first['assignment_id']}"))["state"] == "superseded"
    members = {each["owner"]: each["open_leads"] for each in (await noon.get("/teams/inbound"))["members"]}
    assert (members["ana"], members["eve"]) == (0, 1)
    await noon.client.patch("/owners/eve", json={"active": False})
    await noon.pool.execute(LATER, noon.workspace_id)
    assert (await noon.assign(email="a@acme.example"))["queue"] == "unrouted"
    report = await verify(noon.pool, noon.workspace_id)
    assert report.clean, report.lines()


RETURNING: dict[str, Any] = {
    "returning_leads": {"reroute_when": [{"when": {"account.tier": "named"}}]},
    "pipeline": [
        {"account": {"name": "book", "when": {"lead_type": "demo"}}},
        {"round_robin": {"team": "success"}},
    ],
    "follow_up": [{"when": {"step": "book"}, "do": [{"type": "task", "title": "Demo for {account.name}"}]}],
}
PHONE = {"phone": "+49 30 901820", "lead_type": "demo"}


async def test_lead_whose_account_becomes_known_is_routed_again_at_once(noon: Workspace) -> None:
    await noon.client.patch("/accounts/acme", json={"tier": "named"})
    await noon.publish(RETURNING)
    first = await noon.assign(**PHONE)
    assert (first["owner"]["id"], first["account"]) == ("eve", None)
    second = await noon.assign(**PHONE, email="a@acme.example")
    assert (second["owner"]["id"], second["existing_lead"]["kind"]) == ("ana", "reengaged")
    assert second["trace"]["steps"][0]["code"] == "reroute_when"
    third = await noon.assign(**PHONE)
    assert (third["account"]["id"], third["existing_lead"]["kind"]) == ("acme", "duplicate")
    assert (await verify(noon.pool, noon.workspace_id)).clean


async def test_news_that_brings_a_lead_to_its_account_brings_the_actions_of_that_step(
    noon: Workspace,
) -> None:
    await noon.publish({**RETURNING, "returning_leads": {"duplicate_window": "0"}})
    first = await noon.assign(email="a@acme.example")
    again = await noon.assign(email="a@acme.example", lead_type="demo")
    assert (again["owner"]["id"], again["existing_lead"]["kind"]) == (first["owner"]["id"], "reengaged")
    assert [action["params"]["title"] for action in again["actions"]] == ["Demo for ACME GmbH"]
    assert (await noon.assign(email="a@acme.example", lead_type="demo"))["actions"] == []
    assert (await verify(noon.pool, noon.workspace_id)).clean
