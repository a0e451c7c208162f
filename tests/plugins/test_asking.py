"""Decisions and dry runs call the plugins first. Replays do not call them."""

import asyncio
from pathlib import Path
from typing import Any

import orjson
import pytest

from app.audit.verify import verify
from app.registry import strategies
from app.store.stored_bytes import unpack
from tests.plugins.conftest import PATIENT
from tests.plugins.packages import ODD, install
from tests.support.workspace import Filled, Workspace, create_workspace, open_filled

PLAN = """
queues: {desk: {}}
pipeline:
  - odd: {name: ask, team: inbound, when: {country: DE}}
  - queue: {name: desk}
"""


def lead(number: int, **more: Any) -> dict[str, Any]:
    return {"lead": {"email": f"p{number}@people.example", "country": "DE", **more}}


def steps(answer: dict[str, Any]) -> list[tuple[str, str]]:
    return [(each["step"], each["code"]) for each in answer["trace"]["steps"]]


ASKED = [("ask", "odd")]


async def test_every_way_to_a_decision_asks_it(workspace: Workspace) -> None:
    await workspace.publish(PLAN)
    client = workspace.client
    first = (await client.post("/assign", json=lead(0))).json()
    for_dry_run = (await client.post("/assign", json={**lead(1), "dry_run": True})).json()
    batch = (await client.post("/assign/batch", json={"items": [lead(at) for at in range(2, 30)]})).json()
    again = await client.post("/reassign", json={"lead_id": first["lead_id"], "exclude": ["ana"]})
    many = [item["decision"] for item in batch["items"]]
    assert [steps(each) for each in (first, for_dry_run, again.json(), *many)] == [ASKED] * (3 + len(many))
    assert [each["decision_number"] for each in many] == list(range(2, 30))
    assert (await verify(workspace.pool, workspace.workspace_id)).clean


async def test_a_batch_and_single_calls_come_to_the_same(filled: Filled, plugin_steps: None) -> None:
    bodies = [lead(at, country="DE" if at % 3 else "FR") for at in range(30)]
    async with open_filled(filled, **PATIENT) as workspace:
        await workspace.publish(PLAN)
        items = (await workspace.client.post("/assign/batch", json={"items": bodies})).json()["items"]
        bulk = [item["decision"] for item in items]
        other = await second(workspace)
        singles = [(await other.client.post("/assign", json=body)).json() for body in bodies]
    assert [each["owner"] for each in bulk] == [each["owner"] for each in singles]
    assert [steps(each) for each in bulk] == [steps(each) for each in singles]


async def second(workspace: Workspace) -> Workspace:
    """Another workspace with the same people and plan."""
    other = await create_workspace(workspace.app, "other")
    await other.publish(PLAN)
    return other


async def test_news_that_brings_a_lead_to_a_plugin_brings_the_actions_of_its_step(
    workspace: Workspace,
) -> None:
    action = "follow_up: [{when: {step: ask}, do: [{type: tag, name: asked}]}]"
    await workspace.publish(
        f"""
returning_leads: {{duplicate_window: "0"}}
queues: {{desk: {{}}}}
pipeline:
  - odd: {{name: ask, team: inbound, when: {{country: DE}}}}
  - round_robin: {{team: inbound}}
{action}
"""
    )
    first = await workspace.assign(email="a@people.example", country="FR")
    again = await workspace.assign(email="a@people.example", country="DE")
    assert (again["lead_id"], first["actions"]) == (first["lead_id"], [])
    assert [each["params"] for each in again["actions"]] == [{"name": "asked"}]


async def test_plugins_are_called_for_a_plan_published_in_the_meantime(workspace: Workspace) -> None:
    before = (await workspace.client.post("/assign", json=lead(0))).json()
    await workspace.publish(PLAN)
    after = (await workspace.client.post("/assign", json=lead(1))).json()
    assert before["plan_version"] + 1 == after["plan_version"]
    assert steps(after) == ASKED


async def test_plugin_is_not_called_for_a_lead_its_condition_excludes(workspace: Workspace) -> None:
    await workspace.publish(PLAN)
    answer = (await workspace.client.post("/assign", json=lead(0, country="FR", city="Exits"))).json()
    assert steps(answer) == [("desk", "queue")]
    row = await workspace.pool.fetchval(
        "SELECT inputs FROM assignments ORDER BY decision_number DESC LIMIT 1"
    )
    assert "advice" not in orjson.loads(unpack(row))["question"]


async def test_its_settings_are_made_ready_with_the_plan(workspace: Workspace) -> None:
    await workspace.publish(PLAN.replace("odd:", "prepared:"))
    answer = (await workspace.client.post("/assign", json=lead(0))).json()
    assert steps(answer) == [("ask", "ready_prepared_queue"), ("desk", "queue")]


async def test_decision_is_replayed_without_the_plugin(filled: Filled, plugin_steps: None) -> None:
    async with open_filled(filled, **PATIENT) as workspace:
        await workspace.publish(PLAN)
        posts = [await workspace.client.post("/assign", json=lead(0, city=city)) for city in ("", "Raises")]
        returned = [post.json() for post in posts]
        without = {name: each for name, each in strategies().items() if name != "odd"}
        report = await verify(workspace.pool, workspace.workspace_id, without)
        explained = await workspace.get(f"/assignments/{returned[0]['assignment_id']}/explain")
    assert report.clean, report.differences
    assert report.same_engine == 2
    assert explained["reproduced"]
    assert explained["steps"][0]["plugin"] == "oddities 1.2"


async def test_rest_of_the_plan_works_without_the_plugin(
    filled: Filled, plugin_steps: None, tmp_path: Path
) -> None:
    install(tmp_path, {"kind": f"{ODD}:Kind"})
    async with open_filled(filled, **PATIENT) as workspace:
        assert "odd" not in strategies()
        await workspace.publish(PLAN)
        answer = (await workspace.client.post("/assign", json=lead(0))).json()
        drafted = await workspace.client.post("/plans", json={"pipeline": [{"odd": {"team": "inbound"}}]})
    assert [step.get("error") for step in answer["trace"]["steps"]] == ["unavailable", None]
    assert answer["queue"] == "desk"
    assert [each["code"] for each in drafted.json()["errors"]] == ["unknown_strategy"]


async def test_tests_of_a_plan_call_the_plugin(workspace: Workspace) -> None:
    def drafted(owner: str) -> dict[str, Any]:
        return {
            "queues": {"desk": {}},
            "pipeline": [{"odd": {"team": "inbound"}}, {"queue": {"name": "desk"}}],
            "tests": [
                {"lead": {"country": "DE"}, "expect": {"team": "inbound", "owner": owner}},
                {"lead": {"city": "Hoards"}, "expect": {"queue": "desk"}},
            ],
        }

    right = (await workspace.client.post("/plans", json=drafted("ana"))).json()
    wrong = (await workspace.client.post("/plans", json=drafted("ben"))).json()
    assert right["findings"] == []
    assert [(each["code"], each["path"]) for each in wrong["findings"]] == [
        ("test_failed", "tests[0].expect.owner")
    ]


@pytest.mark.parametrize("way", ["trips", "stumbles", "babbles"])
async def test_settings_that_make_a_plugin_fail_are_a_finding(workspace: Workspace, way: str) -> None:
    answer = await workspace.client.post("/plans", json={"pipeline": [{"clumsy": {"way": way}}]})
    assert answer.status_code == 422
    assert [(each["path"], each["code"]) for each in answer.json()["errors"]] == [
        ("pipeline[0].clumsy", "plugin_config_error")
    ]


async def test_plugin_that_cannot_be_imported_is_left_out(tmp_path: Path, plugin_steps: None) -> None:
    more = {"gone": "no_such_module:Gone", "queue": f"{ODD}:Kind", "os": "os:path"}
    install(tmp_path, {"odd": f"{ODD}:Odd", **more})
    found = strategies()
    assert {"odd", "kind", "queue", "rule"} <= found.keys()
    assert type(found["queue"]).__module__ == "app.engine.strategies.queue"
    assert not found.keys() & {"gone", "os"}


async def test_caller_that_disconnects_leaves_nothing_behind(workspace: Workspace) -> None:
    await workspace.publish(PLAN)
    await workspace.client.post("/assign", json=lead(0))
    asking = asyncio.create_task(workspace.client.post("/assign", json=lead(1, city="Hangs")))
    while not asking.done():
        await asyncio.sleep(0.05)
        asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    sequence = (await workspace.client.post("/assign", json=lead(2, country="FR"))).json()["decision_number"]
    assert sequence == 2
