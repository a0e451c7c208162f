"""Fields and scores of a plan's own, through the whole service: stored, decided, explained, verified."""

from typing import Any

from app.audit.verify import verify
from tests.plan.plans import SCORED
from tests.support.workspace import Workspace

PLAN = SCORED.replace("bands: {hot:", "bands: {burning: {gte: 500}, hot:")
YAML = {"Content-Type": "application/yaml"}
HOT: dict[str, Any] = {"country": "FR", "employees": 500, "title": "Head", "pages": ["pricing"]}


async def test_a_lead_is_scored_the_same_by_the_stored_plan_and_afterwards(workspace: Workspace) -> None:
    await workspace.publish(PLAN)
    returned = await workspace.assign(external_id="a", **HOT)
    assert (returned["queue"], returned["priority"]) == ("europe", 80)
    assert [action["params"] for action in returned["actions"]] == [{"via": "hot EMEA 75"}]
    cold = await workspace.assign(external_id="b", employees=5)
    assert cold["path"] == "newsletter"
    assert cold["trace"]["steps"][0]["labels"] == {
        "band": "cold",
        "scores": {"fit": 0, "intent": 0, "total": 0},
    }
    explained = (await workspace.client.get(f"/assignments/{returned['assignment_id']}/explain")).json()
    assert explained["reproduced"] is True
    assert [step["code"] for step in explained["steps"]][:2] == ["scored", "rule"]
    assert explained["steps"][1]["when"]["held"] is True
    report = await verify(workspace.pool, workspace.workspace_id)
    assert (report.differences, report.decisions) == ([], 2)


async def test_bands_are_tried_in_the_order_they_are_written(workspace: Workspace) -> None:
    written = "bands: {zz: {gte: 1, lt: 10}, mm: {gte: 2}, a: {}}"
    text = f"""
queues: {{unrouted: {{}}}}
pipeline:
  - score: {{{written}}}
  - queue: {{name: unrouted}}
"""
    answer = await workspace.client.post("/plans", content=text, headers=YAML)
    version = answer.json()["version"]
    published = await workspace.client.post(f"/plans/{version}/publish", json={})
    assert published.status_code == 200
    returned = await workspace.assign(external_id="a", score=5)
    assert returned["trace"]["steps"][0]["labels"]["band"] == "zz"
    assert (await verify(workspace.pool, workspace.workspace_id)).clean


async def test_derived_field_is_not_a_field_of_the_lead(workspace: Workspace) -> None:
    await workspace.publish(PLAN)
    answer = await workspace.client.post("/assign", json={"lead": {"external_id": "a", "region": "EMEA"}})
    assert answer.status_code == 422
    refused = PLAN.replace("when: {band: hot,", "when: {band: hott,")
    answer = await workspace.client.post("/plans", content=refused, headers=YAML)
    assert answer.status_code == 422
    assert ("pipeline[1].rule.when.band", "not_allowed") in [
        (each["path"], each["code"]) for each in answer.json()["errors"]
    ]
