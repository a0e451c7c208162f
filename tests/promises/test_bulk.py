"""Bulk is the same as one by one, item by item, and does not push others out."""

import asyncio
from typing import Any

import httpx2
import pytest

from tests.promises.audit import audit
from tests.support.callers import insist_on_all
from tests.support.factories import TEAM, lead
from tests.support.processes import services
from tests.support.workspace import Workspace, empty_workspace, stored_workspace

NOON = "INSERT INTO clocks VALUES ($1, '2026-11-20T12:00:00Z', '2026-11-20T12:00:00Z', 0)"
PLAN: dict[str, Any] = {
    "queues": {"desk": {}},
    "paths": {"newsletter": {"accountable": {"team": TEAM}}},
    "returning_leads": {"window": "90d", "duplicate_window": "10m"},
    "pipeline": [
        {"rule": {"name": "students", "when": {"lead_type": "student"}, "then": {"block": "students"}}},
        {"rule": {"name": "small", "when": {"employees": {"lt": 5}}, "then": {"path": "newsletter"}}},
        {
            "rule": {
                "name": "german",
                "when": {"country": "DE"},
                "then": {"team": TEAM, "pick": "least_loaded"},
            }
        },
        {"round_robin": {"team": TEAM}},
        {"queue": {"name": "desk", "priority": 7}},
    ],
}


def mixture() -> list[dict[str, Any]]:
    """100 leads with every outcome: returning leads, excluded owners, and more leads than the caps allow."""
    kinds: list[dict[str, Any]] = [
        {},
        {"country": "DE"},
        {"lead_type": "student"},
        {"employees": 3},
        {"country": "Germany", "city": "Bonn"},
    ]
    bodies = [lead(number if number % 11 else number // 2, **kinds[number % 5]) for number in range(100)]
    return [{**body, "exclude": ["rep1"]} if index % 7 == 0 else body for index, body in enumerate(bodies)]


async def _equal_start(workspace: Workspace) -> None:
    await workspace.pool.execute(NOON, workspace.workspace_id)
    await workspace.team([3, 1, 1, 1], caps={"per_day": 12, "rolling": [{"count": 11, "hours": 1}]})
    await workspace.publish(PLAN)


def what_became(decision: dict[str, Any]) -> tuple[object, ...]:
    """The decision without ids and times."""
    owner, known = decision["owner"], decision["existing_lead"]
    names = ("outcome", "team", "queue", "path", "block", "priority", "reason")
    returned = tuple(str(decision[name]) for name in names)
    return (*returned, owner and owner["id"], known and known["kind"], len(decision["actions"]))


async def batch(client: httpx2.AsyncClient, bodies: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The decisions of one batch."""
    response = await client.post("/assign/batch", json={"items": bodies})
    items = response.json()["items"]
    assert {item["status"] for item in items} <= {200, 201}
    return [item["decision"] for item in items]


async def test_a_batch_decides_like_single_calls_and_like_its_dry_run(database: str) -> None:
    async with stored_workspace(database) as singly:
        await _equal_start(singly)
        together = await empty_workspace(singly.pool, "together")
        await _equal_start(together)
        with services(database, 1) as (service,):
            async with singly.connect(service.url) as one, together.connect(service.url) as all_:
                dry = await batch(all_, [{**body, "dry_run": True} for body in mixture()])
                bulk = await batch(all_, mixture())
                single = await insist_on_all([one], [(None, body) for body in mixture()], 1)
            assert not service.logged_errors
        books = await audit(singly), await audit(together)
    assert list(map(what_became, bulk)) == list(map(what_became, single))
    assert list(map(what_became, bulk)) == list(map(what_became, dry))
    assert {decision["outcome"] for decision in bulk} == {"assigned", "queued", "automated", "blocked"}
    assert {decision["assignment_id"] for decision in dry} == {None}
    assert books[0].chosen == books[1].chosen
    assert books[0].state.balances == books[1].state.balances


async def test_dry_run_items_are_decided_after_the_real_ones(database: str) -> None:
    async with stored_workspace(database, [1, 1]) as workspace:
        with services(database, 1) as (service,):
            async with workspace.connect(service.url) as client:
                decisions = await batch(client, [{**lead(1), "dry_run": True}, lead(2)])
    assert [decision["owner"]["id"] for decision in decisions] == ["rep1", "rep0"]
    assert [decision["decision_number"] for decision in decisions] == [None, 1]


@pytest.mark.parametrize("count", [300, pytest.param(1000, marks=pytest.mark.long)])
async def test_bulk_of_one_workspace_delays_no_other_workspace(database: str, count: int) -> None:
    async with stored_workspace(database, [1, 1, 1], name="bulk") as bulk:
        others = [await empty_workspace(bulk.pool, f"other-{n}") for n in range(19)]
        for other in others:
            await other.team([1, 1])
            await other.publish()
        with services(database, 1) as (service,):
            decisions, *answers = await asyncio.gather(
                _in_bulk(bulk, service.url, count), *(_five_calls(other, service.url) for other in others)
            )
            assert not service.logged_errors
        books = [await audit(workspace) for workspace in (bulk, *others)]
    assert len({decision["assignment_id"] for decision in decisions}) == count
    assert answers == [[201] * 5] * 19
    assert set(books[0].shares().values()) == {count // 3, -(-count // 3)} - {0}
    assert [sum(book.shares().values()) for book in books[1:]] == [5] * 19


async def _in_bulk(workspace: Workspace, url: str, count: int) -> list[dict[str, Any]]:
    async with workspace.connect(url) as client:
        return await batch(client, [lead(number) for number in range(count)])


async def _five_calls(workspace: Workspace, url: str) -> list[int]:
    async with workspace.connect(url) as client:
        return [(await client.post("/assign", json=lead(n))).status_code for n in range(5)]
