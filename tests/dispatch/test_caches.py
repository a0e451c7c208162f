"""A plan is compiled once, however many ask for it, and before it is published."""

import asyncio

import pytest

from app.dispatch.caches import PlanCache
from app.registry import strategies
from tests.support.factories import PLAN
from tests.support.workspace import Workspace


async def draft(workspace: Workspace) -> int:
    """The version of a plan that is only a draft."""
    answer = await workspace.client.post(
        "/plans", content=PLAN.encode(), headers={"Content-Type": "application/yaml"}
    )
    return int(answer.json()["version"])


async def test_draft_is_compiled_before_it_is_published(workspace: Workspace) -> None:
    await workspace.assign(external_id="a")
    version = await draft(workspace)
    plans: PlanCache = workspace.app.state.dispatch.plans
    assert plans.get_ready(workspace.workspace_id, version) is None
    await workspace.assign(external_id="b")
    async with asyncio.timeout(120):
        while plans.get_ready(workspace.workspace_id, version) is None:  # noqa: ASYNC110 - nobody tells of it
            await asyncio.sleep(0.01)
    assert (await workspace.assign(external_id="c"))["plan_version"] == 1


async def test_concurrent_fetches_get_one_plan(workspace: Workspace) -> None:
    plans = PlanCache(workspace.pool, strategies())
    fetched = await asyncio.gather(*(plans.fetch(workspace.workspace_id, 1) for _ in range(5)))
    assert all(plan is fetched[0] for plan in fetched)
    assert plans.get_ready(workspace.workspace_id, 1) is fetched[0]


async def test_unknown_version_fails_for_every_concurrent_fetch(workspace: Workspace) -> None:
    plans = PlanCache(workspace.pool, strategies())
    found = await asyncio.gather(
        *(plans.fetch(workspace.workspace_id, 9) for _ in range(2)), return_exceptions=True
    )
    assert [type(one) for one in found] == [LookupError] * 2
    with pytest.raises(LookupError):
        await plans.fetch(workspace.workspace_id, 9)
