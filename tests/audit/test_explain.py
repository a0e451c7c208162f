"""Why a lead went where it went, recomputed with every rule."""

from typing import Any

import pytest

from tests.support.factories import PLAN
from tests.support.workspace import Filled, Workspace, client_of, running_app

JANE = {"external_id": "form-1", "email": "Jane@ACME.example", "country": "DE", "first_name": "Jane"}


async def explain(workspace: Workspace, returned: dict[str, Any], query: str = "") -> dict[str, Any]:
    return await workspace.get(f"/assignments/{returned['assignment_id']}/explain{query}")


async def test_every_step_is_there_with_every_condition(workspace: Workspace) -> None:
    returned = await workspace.assign(**JANE, lead_type="demo")
    found = await explain(workspace, returned)
    assert found["reproduced"] is True
    assert found["reason"] == returned["reason"]
    assert found["stored"] == found["recomputed"]
    codes = [(step["step"], step["code"]) for step in found["steps"]]
    assert codes[:4] == [
        ("students", "no_match"), ("partners", "no_match"), ("small", "no_match"), ("dach", "rule")
    ]  # fmt: skip
    assert {code for _, code in codes[4:]} == {"not_reached"}
    assert len(codes) == 6
    dach = found["steps"][3]
    assert dach["when"] == {
        "all": [
            {"field": "country", "operator": "in", "held": True},
            {"not": {"field": "lead_type", "operator": "eq", "held": False}, "held": True},
            {"field": "email", "operator": "contains", "held": True},
        ],
        "held": True,
    }
    (attempt,) = dach["targets"]
    assert [(each["owner"], each["code"]) for each in attempt["candidates"]] == [
        ("ana", "chosen"),
        ("ben", "missing_skill"),
    ]


async def test_a_rule_that_the_index_ruled_out_is_explained_too(workspace: Workspace) -> None:
    returned = await workspace.assign(external_id="a")
    assert returned["trace"]["not_evaluated"] > 0
    found = await explain(workspace, returned)
    assert len([step for step in found["steps"] if step["code"] == "no_match"]) == 4
    assert found["steps"][0]["when"] == {"field": "lead_type", "operator": "eq", "held": False}
    assert found["steps"][4]["when"] is None


async def test_explanation_holds_no_value_of_the_lead(workspace: Workspace) -> None:
    returned = await workspace.assign(**JANE)
    answer = await workspace.client.get(f"/assignments/{returned['assignment_id']}/explain")
    assert "acme" not in answer.text.lower()
    assert "jane" not in answer.text.lower()


async def test_it_is_explained_with_the_plan_and_the_people_of_then(workspace: Workspace) -> None:
    returned = await workspace.assign(**JANE)
    before = await explain(workspace, returned)
    await workspace.put("owners", "ana", {"name": "Ana", "active": False})
    await workspace.put("teams", "dach", {"name": "DACH", "members": [{"owner": "ben"}]})
    await workspace.publish("{pipeline: [{queue: {name: unrouted}}], queues: {unrouted: {}}}")
    assert await explain(workspace, returned) == before
    assert before["inputs"]["plan_version"] == 1
    assert before["inputs"]["now"] == returned["decided_at"]


@pytest.mark.parametrize("how", ["duplicate", "reassign", "team", "claim", "reengaged"])
async def test_decisions_made_outside_the_pipeline_are_explained(workspace: Workspace, how: str) -> None:
    returned = await workspace.assign(external_id="a", source="partner")
    match how:
        case "duplicate":
            returned = await workspace.assign(external_id="a", source="partner")
        case "reengaged":
            await workspace.client.post(
                f"/assignments/{returned['assignment_id']}/events", json={"type": "closed"}
            )
            returned = await workspace.assign(external_id="a", source="partner")
        case "claim":
            returned = (
                await workspace.client.post("/queues/partner-desk/claim", json={"owner_id": "ben"})
            ).json()
        case _:
            to = {"owner": "ben"} if how == "reassign" else {"team": "inbound"}
            answer = await workspace.client.post("/reassign", json={"lead_id": returned["lead_id"], "to": to})
            returned = answer.json()
    found = await explain(workspace, returned)
    assert found["reproduced"] is True
    assert found["steps_total"] == 7
    first = found["steps"][0]
    assert first == returned["trace"]["steps"][0]


async def test_differences_between_books_and_stored_rows_are_reported(workspace: Workspace) -> None:
    returned = await workspace.assign(external_id="a")
    await workspace.pool.execute("UPDATE assignments SET owner_id = 'ben' WHERE owner_id = 'ana'")
    found = await explain(workspace, returned)
    assert found["reproduced"] is False
    assert (found["stored"]["owner"], found["recomputed"]["owner"]) == ("ben", "ana")


async def test_thousands_of_rules_come_in_pages(workspace: Workspace) -> None:
    rules = "".join(
        f"  - rule: {{name: r{at}, when: {{city: c{at}}}, then: {{queue: unrouted}}}}\n" for at in range(2500)
    )
    await workspace.publish(PLAN.replace("pipeline:\n", f"pipeline:\n{rules}"))
    returned = await workspace.assign(**JANE)
    pages = [await explain(workspace, returned, f"?after={after}") for after in (0, 1000, 2000)]
    assert [(len(page["steps"]), page["next"]) for page in pages] == [(1000, 1000), (1000, 2000), (506, None)]
    assert {page["reproduced"] for page in pages} == {True}
    names = [step["step"] for page in pages for step in page["steps"]]
    assert len(set(names)) == len(names) == pages[0]["steps_total"]
    answer = await workspace.client.get(f"/assignments/{returned['assignment_id']}/explain?limit=1001")
    assert answer.status_code == 422


@pytest.mark.alone
async def test_a_plan_that_cannot_be_read_any_more_is_a_conflict(
    workspace: Workspace, filled: Filled
) -> None:
    returned = await workspace.assign(external_id="a")
    await workspace.pool.execute("UPDATE plans SET document = '{}'")
    async with (
        running_app(filled.dsn) as app,
        client_of(app, await workspace.issue_key("leads:read")) as client,
    ):
        answer = await client.get(f"/assignments/{returned['assignment_id']}/explain")
    assert (answer.status_code, answer.json()["code"]) == (409, "plan_version_unreadable")
