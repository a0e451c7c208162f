"""The connection to Postgres breaks at COMMIT: stored or not, no turn is taken twice."""

from collections.abc import Callable

import pytest

from tests.promises.audit import audit, deviation
from tests.support.callers import callers, insist, insist_on_all
from tests.support.factories import lead
from tests.support.processes import services
from tests.support.proxy import Break, proxied
from tests.support.workspace import stored_workspace

FIRST = {
    "before": lambda number: Break.BEFORE if number == 1 else Break.NOT,
    "after": lambda number: Break.AFTER if number == 1 else Break.NOT,
    "silence": lambda number: Break.SILENCE if number == 1 else Break.NOT,
}
AGAIN = {
    "before": lambda number: Break.BEFORE if number % 3 == 0 else Break.NOT,
    "after": lambda number: Break.AFTER if number % 3 == 0 else Break.NOT,
    "both": lambda number: {0: Break.BEFORE, 2: Break.AFTER}.get(number % 5, Break.NOT),
}
Breaks = Callable[[int], Break]
LONE = {"worker_interval_seconds": "3600"}
"""What arrives is all there is to decide."""
HASTY = {**LONE, "request_timeout_seconds": "5"}
"""Nobody waits longer than this for a reply that never comes."""


@pytest.mark.parametrize("breaks", FIRST.values(), ids=FIRST)
@pytest.mark.parametrize("key", ["key", None], ids=["with key", "without"])
async def test_an_unclear_commit_is_resolved(database: str, breaks: Breaks, key: str | None) -> None:
    async with stored_workspace(database, [1, 1]) as workspace, proxied(database) as (dsn, proxy):
        with services(dsn, 1, None, **HASTY) as running:
            async with callers(workspace, running) as (client,):
                await insist(client, lead(0))
                proxy.break_commits(breaks)
                answer = await insist(client, lead(1), key)
                again = await insist(client, lead(1), key)
                after = await insist(client, lead(2), "another")
        books = await audit(workspace)
    assert answer["lead_id"] == again["lead_id"]
    assert books.chosen["inbound"] == ["rep0", "rep1", "rep0"]
    assert after["owner"]["id"] == "rep0"
    if key:
        assert again["replayed"]
        assert again["assignment_id"] == answer["assignment_id"]


@pytest.mark.parametrize("breaks", [FIRST["before"], FIRST["after"]], ids=["before", "after"])
async def test_the_caller_of_an_unclear_commit_gets_the_decision(database: str, breaks: Breaks) -> None:
    async with stored_workspace(database, [1, 1]) as workspace, proxied(database) as (dsn, proxy):
        with services(dsn, 1, None, **LONE) as running:
            async with callers(workspace, running) as (client,):
                await insist(client, lead(0))
                proxy.break_commits(breaks)
                response = await client.post("/assign", json=lead(1))
        books = await audit(workspace)
    assert response.status_code == 201
    assert books.decisions == 2


async def test_a_decision_of_unknown_outcome_is_reported_as_such(database: str) -> None:
    async with stored_workspace(database, [1, 1]) as workspace, proxied(database) as (dsn, proxy):
        with services(dsn, 1, None, **HASTY) as running:
            async with callers(workspace, running) as (client,):
                await insist(client, lead(0), "first")
                proxy.break_commits(lambda _number: Break.AFTER)
                response = await client.post("/assign", json=lead(1), headers={"Idempotency-Key": "lost"})
                proxy.break_commits(lambda _number: Break.NOT)
                answer = await insist(client, lead(1), "lost")
        books = await audit(workspace)
    assert (response.status_code, response.json()["code"]) == (503, "outcome_unknown")
    assert response.headers["retry-after"]
    assert books.decisions == 2
    assert answer["owner"]["id"] == "rep1"


@pytest.mark.parametrize(
    "breaks",
    [
        pytest.param(each, id=name, marks=() if name == "both" else pytest.mark.long)
        for name, each in AGAIN.items()
    ],
)
async def test_an_unreliable_connection_duplicates_nothing(database: str, breaks: Breaks) -> None:
    shares = dict.fromkeys(("rep0", "rep1", "rep2"), 1)
    async with stored_workspace(database, [1, 1, 1]) as workspace, proxied(database) as (dsn, proxy):
        proxy.break_commits(breaks)
        with services(dsn, 2) as running:
            async with callers(workspace, running) as clients:
                bodies = [(f"k{n}" if n % 2 else None, lead(n)) for n in range(120)]
                answers = await insist_on_all(clients, bodies, 16)
        books = await audit(workspace)
    assert proxy.commits > 10
    assert len(books.chosen["inbound"]) == len({answer["lead_id"] for answer in answers}) == 120
    assert deviation(books.chosen["inbound"], shares) < 1
