"""One key, one decision: repeated requests get the same body, except for `replayed`."""

import asyncio
from typing import Any

from tests.promises.audit import audit
from tests.support.callers import callers, insist_on_all
from tests.support.factories import keyed, lead
from tests.support.processes import services
from tests.support.workspace import stored_workspace


def but_for_replayed(answer: dict[str, Any]) -> dict[str, Any]:
    """What must be the same each time."""
    return {name: value for name, value in answer.items() if name != "replayed"}


async def test_twenty_parallel_sends_of_one_key_are_one_decision(database: str) -> None:
    async with stored_workspace(database, [1, 1, 1]) as workspace:
        with services(database, 2) as running:
            async with callers(workspace, running) as clients:
                answers = await insist_on_all(clients, [("once", lead(1))] * 20, 20)
                other = await clients[0].post("/assign", json=lead(2), headers=keyed("once"))
        books = await audit(workspace)
    assert books.decisions == 1
    assert sorted(answer["replayed"] for answer in answers) == [False] + [True] * 19
    assert all(but_for_replayed(answer) == but_for_replayed(answers[0]) for answer in answers)
    assert other.status_code == 422
    assert other.json()["code"] == "idempotency_key_reused"


async def test_different_bodies_that_race_for_one_key_are_distinguished(database: str) -> None:
    async with stored_workspace(database, [1, 1, 1]) as workspace:
        with services(database, 2) as running:
            async with callers(workspace, running) as clients:
                posts = (
                    clients[number % 2].post("/assign", json=lead(number % 4), headers=keyed("raced"))
                    for number in range(20)
                )
                responses = await asyncio.gather(*posts)
        books = await audit(workspace)
    assert books.decisions == 1
    assert sorted(response.status_code for response in responses) == [200] * 4 + [201] + [422] * 15


async def test_a_batch_sent_twenty_times_is_decided_once(database: str) -> None:
    items = [lead(number) for number in range(12)]
    async with stored_workspace(database, [1, 1, 1]) as workspace:
        with services(database, 2) as running:
            async with callers(workspace, running) as clients:
                posts = (
                    clients[number % 2].post("/assign/batch", json={"items": items}, headers=keyed("batch"))
                    for number in range(20)
                )
                responses = await asyncio.gather(*posts)
                shorter = {"items": items[:5]}
                other = await clients[1].post("/assign/batch", json=shorter, headers=keyed("batch"))
        books = await audit(workspace)
    assert books.decisions == 12
    returned = [[item["decision"] for item in response.json()["items"]] for response in responses]
    owners = [[but_for_replayed(decision) for decision in decisions] for decisions in returned]
    assert all(each == owners[0] for each in owners)
    assert sum(not decision["replayed"] for decisions in returned for decision in decisions) == 12
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
