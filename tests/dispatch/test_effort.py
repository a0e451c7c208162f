"""A lead for which the plan takes too many steps is kept as failed, and spoils no other lead."""

from typing import Any

from app.audit.verify import verify
from tests.support.workspace import Workspace

OWNERS = 100
PLAN: dict[str, Any] = {
    "queues": {"q": {}},
    "slas": {"slow": {"touch": "90d"}},
    "scores": {"fit": [{"when": {"attributes.a": f"v{at}"}, "points": 1} for at in range(12_000)]},
    "pipeline": [
        {"score": {"model": ["fit"], "bands": {"any": {}}}},
        {
            "rule": {
                "name": "heavy",
                "when": {"attributes.a": "heavy"},
                "then": {"team": "rare", "sla": "slow"},
            }
        },
        {"queue": {"name": "q"}},
    ],
}


async def put_people_who_hardly_work(workspace: Workspace) -> None:
    """The SLA never comes due for any of them, so that one after the other is passed over."""
    ids = [f"rare{at}" for at in range(OWNERS)]
    async with workspace.edit() as edit:
        await edit.put("calendars", "minute", {"timezone": "UTC", "hours": "Mo 09:00-09:01"}, None)
        for id_ in ids:
            await edit.put("owners", id_, {"name": id_, "calendar": "minute"}, None)
        await edit.put("teams", "rare", {"name": "Rare", "members": [{"owner": id_} for id_ in ids]}, None)


async def test_a_lead_over_its_budget_is_kept_and_the_others_are_decided(workspace: Workspace) -> None:
    await put_people_who_hardly_work(workspace)
    await workspace.publish(PLAN)
    leads = [{"external_id": str(at), "attributes": {"a": "heavy" if at == 1 else "v1"}} for at in range(3)]
    body = {"items": [{"lead": each} for each in leads]}
    answer = await workspace.client.post("/assign/batch", json=body)
    items = answer.json()["items"]
    assert [each["status"] for each in items] == [201, 500, 201]
    assert items[1]["problem"]["code"] == "lead_not_decided"
    assert "Simplify the plan" in items[1]["problem"]["detail"]
    kept = await workspace.fetch("SELECT code FROM failed_leads WHERE workspace_id = $1")
    assert [row["code"] for row in kept] == ["too_costly"]
    metrics = (await workspace.client.get("/metrics")).text
    assert 'lead_assignment_decisions_failed_total{reason="too_costly"} 1.0' in metrics
    assert (await verify(workspace.pool, workspace.workspace_id)).clean
