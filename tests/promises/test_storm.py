"""Random requests of all kinds at once: the stored data is consistent, and every decision can be replayed."""

import asyncio
import random
from collections import Counter
from typing import Any

import httpx2
import pytest

from app.audit.verify import verify
from tests.promises.audit import audit
from tests.support.callers import Answer, callers, insist_on_all
from tests.support.factories import TEAM, keyed, lead
from tests.support.processes import services
from tests.support.workspace import Workspace, stored_workspace

PLAN: dict[str, Any] = {
    "queues": {"desk": {"claimable_by": TEAM}},
    "paths": {"newsletter": {"accountable": {"team": TEAM}}},
    "returning_leads": {"window": "2h", "duplicate_window": "10m"},
    "pipeline": [
        {"rule": {"name": "students", "when": {"lead_type": "student"}, "then": {"block": "students"}}},
        {"rule": {"name": "small", "when": {"employees": {"lt": 5}}, "then": {"path": "newsletter"}}},
        {"rule": {"name": "gold", "when": {"tier": "gold"}, "then": {"queue": "desk", "priority": 50}}},
        {"rule": {"name": "dach", "when": {"country": "DE"}, "then": {"team": TEAM, "pick": "least_loaded"}}},
        {"round_robin": {"team": TEAM}},
        {"queue": {"name": "desk", "priority": 7}},
    ],
}
CAPS = {"open": 12, "per_day": 60, "rolling": [{"count": 20, "hours": 1}]}
FAST = "INSERT INTO clocks VALUES ($1, clock_timestamp(), clock_timestamp(), 900)"
EXPECTED = {200, 201, 403, 404, 409, 422, 503}


class Caller:
    """A caller that sends all kinds of requests in random order."""

    def __init__(self, client: httpx2.AsyncClient, seed: int) -> None:
        self._client, self._dice, self._seed = client, random.Random(seed), seed
        self._seen: list[Answer] = []
        self.statuses: Counter[tuple[str, int]] = Counter()

    async def work(self, steps: int) -> None:
        """So many requests, one after the other."""
        for step in range(steps):
            does = self._dice.choices(
                [self._assign, self._batch, self._close, self._reassign, self._claim], [10, 1, 4, 3, 4]
            )[0]
            await does(f"{self._seed}-{step}")

    async def _post(self, what: str, url: str, body: Any, key: str | None) -> Any:
        response = await self._client.post(url, json=body, headers=keyed(key))
        assert response.status_code in EXPECTED, response.text
        self.statuses[what, response.status_code] += 1
        return response.json() if response.status_code < 300 else None

    def _person(self) -> dict[str, Any]:
        fields: dict[str, Any] = self._dice.choice(
            [{}, {}, {"country": "DE"}, {"lead_type": "student"}, {"employees": 2}, {"tier": "gold"}]
        )
        exclude = self._dice.choice([[], [], ["rep0"], ["rep1", "rep2"]])
        return {**lead(self._dice.randrange(150), **fields), "exclude": exclude}

    async def _assign(self, key: str) -> None:
        returned = await self._post("assign", "/assign", self._person(), self._dice.choice([key, None]))
        self._seen += [returned] if returned else []

    async def _batch(self, key: str) -> None:
        body = {"items": [self._person() for _ in range(self._dice.randrange(1, 20))]}
        returned = await self._post("batch", "/assign/batch", body, key)
        self._seen += [item["decision"] for item in returned["items"] if "decision" in item]

    async def _close(self, key: str) -> None:
        if self._seen:
            url = f"/assignments/{self._dice.choice(self._seen)['assignment_id']}/events"
            await self._post("close", url, {"type": "closed"}, key)

    async def _reassign(self, key: str) -> None:
        if self._seen:
            to = self._dice.choice([None, {"owner": "rep3"}, {"team": TEAM}, {"queue": "desk"}])
            body = {"lead_id": self._dice.choice(self._seen)["lead_id"], "reason": "storm", "to": to}
            returned = await self._post("reassign", "/reassign", body, key)
            self._seen += [returned] if returned else []

    async def _claim(self, key: str) -> None:
        body = {"owner_id": f"rep{self._dice.randrange(5)}"}
        await self._post("claim", "/queues/desk/claim", body, key)


async def _edit(workspace: Workspace, dice: random.Random, work: asyncio.Task[object]) -> None:
    """Somebody comes or goes, weights and caps change, and a plan is published now and then."""
    while not work.done():
        owner = f"rep{dice.randrange(5)}"
        caps = dice.choice([None, CAPS, {"open": 5}])
        async with workspace.edit() as edit:
            body = {"name": owner, "active": dice.random() < 0.8, "caps": caps}
            await edit.put("owners", owner, body, await edit.find("owners", owner))
            if dice.random() < 0.5:
                some = dice.sample(range(5), dice.randrange(2, 6))
                members = [
                    {
                        "owner": f"rep{n}",
                        "weight": dice.choice([1, 2, 0.5]),
                        "caps": dice.choice([None, {"open": 3}]),
                    }
                    for n in some
                ]
                before = await edit.find("teams", TEAM)
                await edit.put("teams", TEAM, {"name": "Inbound", "members": members}, before)
        if dice.random() < 0.3:
            await workspace.publish(PLAN)
        await asyncio.sleep(0.02)


async def _storm(database: str, seed: int, steps: int) -> Counter[tuple[str, int]]:
    async with stored_workspace(database, [1] * 5, caps=CAPS) as workspace:
        await workspace.publish(PLAN)
        await workspace.pool.execute(FAST, workspace.workspace_id)
        with services(database, 2) as running:
            async with callers(workspace, running) as clients:
                every = [Caller(clients[n % 2], 1000 * seed + n) for n in range(12)]
                work = asyncio.ensure_future(asyncio.gather(*(each.work(steps) for each in every)))
                await _edit(workspace, random.Random(seed), work)  # type: ignore[arg-type]
                await work
            assert not any(service.logged_errors for service in running)
        await audit(workspace)
        report = await verify(workspace.pool, workspace.workspace_id)
    assert report.clean, "\n".join(report.lines())
    return sum((each.statuses for each in every), Counter())


async def test_a_storm_leaves_the_ledger_consistent(database: str) -> None:
    seen = await _storm(database, seed=1, steps=40)
    answered = {what for what, status in seen if status < 300}
    assert answered == {"assign", "batch", "close", "reassign", "claim"}


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", range(2, 8))
async def test_longer_storms_leave_the_ledger_consistent(database: str, seed: int) -> None:
    assert await _storm(database, seed=seed, steps=150)


async def test_one_lead_goes_to_exactly_one_of_fifty_claims(database: str) -> None:
    async with stored_workspace(database, [1] * 50) as workspace:
        await workspace.publish(PLAN)
        with services(database, 2) as running:
            async with callers(workspace, running) as clients:
                (waiting,) = await insist_on_all(clients, [(None, lead(1, tier="gold"))], 1)
                responses = await asyncio.gather(
                    *(
                        clients[n % 2].post("/queues/desk/claim", json={"owner_id": f"rep{n}"})
                        for n in range(50)
                    )
                )
        books = await audit(workspace)
    assert sorted(response.status_code for response in responses) == [200] + [409] * 49
    (won,) = [response.json() for response in responses if response.status_code == 200]
    assert won["lead_id"] == waiting["lead_id"]
    assert sum(load.open for load in books.state.loads.values()) == 1
    assert books.decisions == 2


async def test_one_of_twenty_closed_events_frees_the_open_slot(database: str) -> None:
    async with stored_workspace(database, [1]) as workspace:
        with services(database, 2) as running:
            async with callers(workspace, running) as clients:
                first, _ = await insist_on_all(clients, [(None, lead(1)), (None, lead(2))], 1)
                url = f"/assignments/{first['assignment_id']}/events"
                posts = (clients[n % 2].post(url, json={"type": "closed"}) for n in range(20))
                responses = await asyncio.gather(*posts)
        books = await audit(workspace)
        effects = await workspace.fetch("SELECT effect FROM events WHERE workspace_id = $1")
    assert sorted(response.status_code for response in responses) == [200, *[409] * 19]
    assert {response.json().get("code") for response in responses[1:]} <= {None, "already_closed"}
    assert books.state.load("rep0").open == 1
    assert sorted(each["effect"] for each in effects) == ["closed", *["refused"] * 19]
