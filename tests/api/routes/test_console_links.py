"""`POST /owners/{id}/console-link`: who may ask for a sign-in link, and for whom."""

from collections.abc import Sequence

import pytest

from tests.console.pair import browser_of
from tests.support.workspace import Filled, Workspace, open_filled

BASE = "http://leads.example"


async def test_link_for_an_owner_signs_them_in_once(filled: Filled) -> None:
    async with open_filled(filled, no_worker=True, public_base_url=BASE) as workspace:
        executor = workspace.caller(await workspace.issue_key("console:links"))
        first, second = [await executor.post("/owners/ana/console-link") for _ in range(2)]
        assert (first.status_code, first.headers["cache-control"]) == (201, "no-store")
        assert first.json()["owner"] == "ana"
        assert first.json()["url"] != second.json()["url"]
        phone = browser_of(workspace.app)
        path = first.json()["url"].removeprefix(BASE)
        assert [(await phone.post(path, data={})).status_code for _ in range(2)] == [303, 404]
        assert "ana" in (await phone.get("/console/nowhere")).text


@pytest.mark.parametrize("scopes", [("assign", "events"), ("claim", "directory:write", "leads:read", "ops")])
async def test_key_without_the_scope_gets_nobodys_link(workspace: Workspace, scopes: Sequence[str]) -> None:
    answer = await workspace.caller(await workspace.issue_key(*scopes)).post("/owners/ana/console-link")
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


async def test_owner_who_cannot_work_gets_no_link(workspace: Workspace) -> None:
    await workspace.put("owners", "cleo", {"name": "Cleo", "active": False})
    answers = [await workspace.client.post(f"/owners/{id_}/console-link") for id_ in ("cleo", "nobody")]
    assert [(each.status_code, each.json()["code"]) for each in answers] == [
        (409, "inactive"),
        (404, "not_found"),
    ]
    stored = "SELECT count(*) AS keys FROM api_keys WHERE workspace_id = $1 AND owner_id IS NOT NULL"
    assert (await workspace.fetch(stored))[0]["keys"] == 0


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        ({"console": False}, "console_off"),
        ({"env": "production", "secrets_key": None}, "no_public_url"),
    ],
)
async def test_service_that_makes_no_links_says_so_at_the_route_and_at_the_plan(
    filled: Filled, settings: dict[str, object], code: str
) -> None:
    plan = (
        "pipeline: [queue: {name: unrouted}]\nqueues: {unrouted: {}}\nfollow_up: [do: [{type: console_link}]]"
    )
    async with open_filled(filled, no_worker=True, **settings) as workspace:
        refused = await workspace.client.post("/owners/ana/console-link")
        assert (refused.status_code, refused.json()["code"]) == (409, "console_links_off")
        answer = await workspace.client.post(
            "/plans", content=plan, headers={"Content-Type": "application/yaml"}
        )
        again = await workspace.get(f"/plans/{answer.json()['version']}")
    for checked in (answer.json(), again):
        found = [(each["path"], each["code"], each["severity"]) for each in checked["findings"]]
        assert ("follow_up[0].do[0]", code, "warning") in found
        assert checked["ok"] is True
