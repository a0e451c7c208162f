"""A lead that comes for one product and then for another, over HTTP."""

from typing import Any

import pytest

from app.audit.verify import verify
from tests.support.workspace import Workspace

PLAN = """
products:
  a: {team: team-a, sequences: [a-welcome]}
  b: {team: team-b, sequences: [b-welcome]}
sequences: [a-welcome, b-welcome]
queues: {unrouted: {}}
pipeline:
  - product: {within: 30d, unless: {lifecycle_stage: opportunity}}
  - queue: {name: unrouted}
follow_up:
  - {when: {team: team-a}, do: [{type: sequence, name: a-welcome}]}
  - {when: {team: team-b}, do: [{type: sequence, name: b-welcome}]}
"""


@pytest.fixture
async def shop(workspace: Workspace) -> Workspace:
    """Ana and Ben sell a, Eve and Zoe sell b."""
    await workspace.put("owners", "zoe", {"name": "Zoe"})
    for team, owners in (("team-a", ("ana", "ben")), ("team-b", ("eve", "zoe"))):
        await workspace.put("teams", team, {"name": team, "members": [{"owner": each} for each in owners]})
    made = await workspace.client.post("/plans", content=PLAN, headers={"Content-Type": "application/yaml"})
    assert made.json()["findings"] == []
    assert (
        await workspace.client.post(f"/plans/{made.json()['version']}/publish", json={})
    ).status_code == 200
    return workspace


async def open_places(workspace: Workspace) -> dict[str, int]:
    members = [
        each for team in ("team-a", "team-b") for each in (await workspace.get(f"/teams/{team}"))["members"]
    ]
    return {each["owner"]: each["open_leads"] for each in members if each["open_leads"]}


async def turns(workspace: Workspace, team: str) -> list[tuple[str, str]]:
    rows = (await workspace.get(f"/teams/{team}/ledger"))["items"]
    return [(each["cause"], each["chosen"]) for each in rows]


def actions(returned: dict[str, Any]) -> list[tuple[str, Any]]:
    return [(each["type"], each["params"].get("name")) for each in returned["actions"]]


async def test_current_product_wins_and_campaigns_of_the_other_end(shop: Workspace) -> None:
    first = await shop.assign(email="jane@acme.example", product_interest=["A"])
    assert (first["owner"]["id"], first["team"], first["reason"]["code"]) == ("ana", "team-a", "product")
    second = await shop.assign(email="jane@acme.example", product_interest=["b", "a"])
    assert (second["owner"]["id"], second["team"]) == ("eve", "team-b")
    assert second["reason"]["code"] == "product_switch"
    assert second["existing_lead"] == {
        "lead_id": first["lead_id"],
        "assignment_id": first["assignment_id"],
        "matched_by": "email",
        "kind": "reengaged",
    }
    assert actions(second) == [
        ("suppress_campaign", "a-welcome"),
        ("cancel_task", None),
        ("notify", None),
        ("sequence", "b-welcome"),
    ]
    assert second["actions"][1]["params"]["assignment_id"] == first["assignment_id"]
    assert second["actions"][2]["params"]["owner_id"] == "ana"
    assert "jane" not in str(second["actions"][2]).casefold()
    assert await open_places(shop) == {"eve": 1}
    assert (await turns(shop, "team-a"), await turns(shop, "team-b")) == (
        [("turn", "ana")],
        [("turn", "eve")],
    )
    former = await shop.get(f"/assignments/{first['assignment_id']}")
    assert former["state"] == "superseded"
    again = await shop.assign(email="jane@acme.example", product_interest=["b"])
    assert (again["owner"]["id"], again["existing_lead"]["kind"], again["actions"]) == (
        "eve",
        "duplicate",
        [],
    )
    for returned in (first, second, again):
        explained = await shop.get(f"/assignments/{returned['assignment_id']}/explain")
        assert explained["reproduced"] is True
    assert (await verify(shop.pool, shop.workspace_id)).clean


async def test_lead_with_an_opportunity_keeps_its_owner(shop: Workspace) -> None:
    first = await shop.assign(email="jane@acme.example", product_interest=["a"])
    kept = await shop.assign(email="jane@acme.example", product_interest=["b"], lifecycle_stage="Opportunity")
    assert (kept["owner"], kept["reason"]["code"]) == (first["owner"], "reengaged")
    assert await open_places(shop) == {"ana": 1}


@pytest.mark.parametrize(("opportunity", "owner"), [("006A", "ana"), (None, "eve")])
async def test_condition_that_keeps_the_owner_can_use_the_account(
    shop: Workspace, opportunity: str | None, owner: str
) -> None:
    unless = PLAN.replace("{lifecycle_stage: opportunity}", "{account.open_opportunity: {exists: true}}")
    await shop.publish(unless)
    account = {"name": "ACME", "domains": ["acme.example"], "open_opportunity": opportunity}
    assert (await shop.client.put("/accounts/acme", json=account)).status_code == 201
    await shop.assign(email="jane@acme.example", product_interest=["a"])
    returned = await shop.assign(email="jane@acme.example", product_interest=["b"])
    assert returned["owner"]["id"] == owner
    assert (await verify(shop.pool, shop.workspace_id)).clean


async def test_back_and_forth_in_one_batch_is_decided_one_after_another(shop: Workspace) -> None:
    items = [
        {"lead": {"email": "jane@acme.example", "product_interest": [each]}} for each in ("a", "b", "a", "a")
    ]
    returned = (await shop.client.post("/assign/batch", json={"items": items})).json()["items"]
    decisions = [each["decision"] for each in returned]
    assert [each["owner"]["id"] for each in decisions] == ["ana", "eve", "ben", "ben"]
    codes = [each["reason"]["code"] for each in decisions]
    assert codes == ["product", "product_switch", "product_switch", "duplicate"]
    assert await open_places(shop) == {"ben": 1}
    assert (await verify(shop.pool, shop.workspace_id)).clean


async def test_a_team_that_sells_a_product_stays(shop: Workspace) -> None:
    refused = await shop.client.delete("/teams/team-b")
    assert (refused.status_code, refused.json()["code"]) == (409, "in_use")
    assert "products.b.team" in {each["path"] for each in refused.json()["errors"]}
