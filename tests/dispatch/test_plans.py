"""A plan is made ready once, whoever asks for it, and before it is published where leads are decided."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from app.dispatch.plan_cache import PlanCache
from app.registry import strategies
from tests.office import PLAN, Office, open_office


@pytest.fixture
async def office(database: str) -> AsyncIterator[Office]:
    async with open_office(database) as office:
        yield office


async def draft(office: Office) -> int:
    """The version of a plan that is only a draft."""
    answer = await office.client.post(
        "/plans", content=PLAN.encode(), headers={"Content-Type": "application/yaml"}
    )
    return int(answer.json()["version"])


async def test_a_draft_is_at_hand_before_it_is_published(office: Office) -> None:
    await office.assign(external_id="a")
    version = await draft(office)
    shelf: PlanCache = office.app.state.dispatch.shelf
    assert shelf.get_ready(office.workspace_id, version) is None
    await office.assign(external_id="b")
    async with asyncio.timeout(30):
        while shelf.get_ready(office.workspace_id, version) is None:  # noqa: ASYNC110 - nobody tells of it
            await asyncio.sleep(0.01)
    assert (await office.assign(external_id="c"))["plan_version"] == 1


async def test_those_who_ask_at_once_get_one_plan(office: Office) -> None:
    shelf = PlanCache(office.pool, strategies())
    plans = await asyncio.gather(*(shelf.fetch(office.workspace_id, 1) for _ in range(5)))
    assert all(plan is plans[0] for plan in plans)
    assert shelf.get_ready(office.workspace_id, 1) is plans[0]


async def test_a_version_that_is_not_there_is_missed_by_all_who_ask(office: Office) -> None:
    shelf = PlanCache(office.pool, strategies())
    found = await asyncio.gather(
        *(shelf.fetch(office.workspace_id, 9) for _ in range(2)), return_exceptions=True
    )
    assert [type(one) for one in found] == [LookupError] * 2
    with pytest.raises(LookupError):
        await shelf.fetch(office.workspace_id, 9)
