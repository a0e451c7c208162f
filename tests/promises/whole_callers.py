"""Concurrent callers of a whole workspace: they send, claim, close, edit, publish and import."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2

from app.cli.files.leads import LeadOptions
from app.cli.import_leads import ImportReport, import_file
from tests.promises import whole_world as whole
from tests.support.callers import Answer
from tests.support.factories import keyed
from tests.support.processes import PATIENCE, Service
from tests.support.workspace import Workspace

EXPECTED = {200, 201, 204, 403, 404, 409, 412, 422}
Told = tuple[str, str, dict[str, Any], Answer]
"""A key, the route, the body and the response."""


class Insistent:
    """A caller that retries with the same key until there is a response, and checks it."""

    def __init__(self, clients: Sequence[httpx2.AsyncClient], seed: int) -> None:
        self._clients, self.dice, self.name = clients, random.Random(seed), f"c{seed}"
        self.statuses: Counter[tuple[str, int]] = Counter()

    async def ask(self, what: str, method: str, url: str, body: Any, key: str | None = None) -> Any:
        """The final response, or None for a refusal. A refusal repeats no input."""
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            try:
                client = self.dice.choice(self._clients)
                answer = await client.request(method, url, json=body, headers=keyed(key))
            except httpx2.TransportError:
                await asyncio.sleep(0.02)
                continue
            if answer.status_code == 503:
                await asyncio.sleep(0.02)
                continue
            assert answer.status_code in EXPECTED, (what, answer.text)
            self.statuses[what, answer.status_code] += 1
            if answer.status_code < 300:
                return answer.json() if answer.content else {}
            assert whole.CANARY not in answer.text
            return None
        raise AssertionError("nobody answered")


class Sender(Insistent):
    """Sends leads, and then claims, reassigns and closes them."""

    def __init__(
        self, clients: Sequence[httpx2.AsyncClient], seed: int, people: int, cities: list[str | None]
    ) -> None:
        super().__init__(clients, seed)
        self._people, self._cities = people, cities
        self._seen: list[Answer] = []
        self.returned: list[Told] = []

    async def work(self, steps: int) -> None:
        """So many requests, one after the other."""
        for step in range(steps):
            does = self.dice.choices(
                [self._assign, self._batch, self._close, self._reassign, self._claim], [10, 1, 3, 2, 3]
            )[0]
            await does(f"{self.name}-{step}")

    def _person(self) -> dict[str, Any]:
        return whole.person(self.dice.randrange(self._people), self.dice, self._cities)

    async def _assign(self, key: str) -> None:
        body = self._person()
        posts = [self.ask("assign", "POST", "/assign", body, key) for _ in range(self.dice.choice([1, 1, 2]))]
        answers = [answer for answer in await asyncio.gather(*posts) if answer is not None]
        assert len({answer["assignment_id"] for answer in answers}) == 1
        self._note(key, "/assign", body, answers[0])

    async def _batch(self, key: str) -> None:
        body = {"items": [self._person() for _ in range(self.dice.randrange(1, 12))]}
        returned = await self.ask("batch", "POST", "/assign/batch", body, key)
        assert {item["status"] for item in returned["items"]} <= {200, 201}
        self.returned.append((key, "/assign/batch", body, returned))
        self._seen += [item["decision"] for item in returned["items"]]

    async def _close(self, key: str) -> None:
        if self._seen:
            url = f"/assignments/{self.dice.choice(self._seen)['assignment_id']}/events"
            await self.ask("close", "POST", url, {"type": "closed"}, key)

    async def _reassign(self, key: str) -> None:
        if self._seen:
            to = self.dice.choice([None, None, {"owner": "rep3"}, {"team": "team-b"}, {"queue": "desk"}])
            body = {"lead_id": self.dice.choice(self._seen)["lead_id"], "reason": whole.CANARY, "to": to}
            returned = await self.ask("reassign", "POST", "/reassign", body, key)
            if returned:
                self._note(key, "/reassign", body, returned)

    async def _claim(self, key: str) -> None:
        url = f"/queues/{self.dice.choice(['held', 'desk'])}/claim"
        body = {"owner_id": f"rep{self.dice.randrange(whole.REPS)}"}
        returned = await self.ask("claim", "POST", url, body, key)
        if returned:
            self._note(key, url, body, returned)

    def _note(self, key: str, url: str, body: dict[str, Any], returned: Answer) -> None:
        shown = str({name: returned[name] for name in ("trace", "reason")})
        assert whole.CANARY not in shown
        self.returned.append((key, url, body, returned))
        self._seen.append(returned)


class Editor(Insistent):
    """Edits everything that can be edited."""

    def __init__(self, clients: Sequence[httpx2.AsyncClient], seed: int, versions: Sequence[int]) -> None:
        super().__init__(clients, seed)
        self._versions = versions
        self._edits = [
            self._owner,
            self._account,
            self._move,
            self._team,
            self._table,
            self._away,
            self._publish,
        ]

    async def work(self, until: asyncio.Future[Any]) -> None:
        """Each edit once, then any of them until the others are done."""
        await self.each_once()
        while not until.done():
            await self.dice.choice(self._edits)()
            await asyncio.sleep(0.02)

    async def each_once(self) -> None:
        """Every kind of edit, one after the other."""
        for edit in self._edits:
            await edit()

    async def _put(self, resource_type: str, id_: str, body: Any) -> None:
        await self.ask(f"put {resource_type}", "PUT", f"/{resource_type}/{id_}", body)

    async def _owner(self) -> None:
        number = self.dice.randrange(1, whole.REPS)
        await self._put(
            "owners", f"rep{number}", whole.owner(number, self.dice, active=self.dice.random() < 0.7)
        )

    async def _account(self) -> None:
        number = self.dice.randrange(whole.ACCOUNTS)
        if self.dice.random() < 0.3:
            await self.ask("delete accounts", "DELETE", f"/accounts/a{number}", None)
        else:
            await self._put("accounts", f"a{number}", whole.account(number, self.dice))

    async def _move(self) -> None:
        number, to = (self.dice.randrange(whole.ACCOUNTS) for _ in range(2))
        body = {"parent": f"a{to}", "owner": f"rep{self.dice.randrange(whole.REPS)}"}
        await self.ask("move accounts", "PATCH", f"/accounts/a{number}", body)

    async def _team(self) -> None:
        name = self.dice.choice(list(whole.TEAMS))
        numbers = self.dice.sample(range(whole.REPS), self.dice.randrange(2, 6))
        await self._put("teams", name, whole.team(numbers, self.dice))

    async def _table(self) -> None:
        await self._put("tables", "zip", whole.table(self.dice))

    async def _away(self) -> None:
        day = datetime.fromisoformat(whole.START) + timedelta(hours=self.dice.randrange(120))
        body = {"from": day.isoformat(), "to": (day + timedelta(hours=self.dice.randrange(1, 9))).isoformat()}
        await self.ask("absence", "POST", f"/owners/rep{self.dice.randrange(whole.REPS)}/absences", body)

    async def _publish(self) -> None:
        how = self.dice.choice(["publish", "rollback"])
        await self.ask(how, "POST", f"/plans/{self.dice.choice(self._versions)}/{how}", {"comment": "storm"})


async def move_clock(clients: Sequence[httpx2.AsyncClient], seed: int, until: asyncio.Future[Any]) -> None:
    """Let the day go by in leaps; not for longer than keys are kept."""
    caller, now = Insistent(clients, seed), datetime.fromisoformat(whole.START)
    end = now + timedelta(days=6)
    while not until.done():
        now = min(end, now + timedelta(minutes=caller.dice.randrange(20, 240)))
        await caller.ask("clock", "PUT", "/dev/clock", {"at": now.isoformat(), "speed": 60})
        await asyncio.sleep(0.4)


async def import_leads(
    workspace: Workspace, path: Path, seed: int, until: asyncio.Future[Any]
) -> list[ImportReport]:
    """Import leads with their owners beside the services; some of them exist already."""
    dice, done = random.Random(seed), list[ImportReport]()
    while not until.done():
        numbers = [dice.randrange(1000) for _ in range(5)]
        lines = [
            f"{whole.CANARY}-{n},{whole.CANARY}{n}@people.example,rep{n % whole.REPS},open" for n in numbers
        ]
        text = "\n".join(["external_id,email,owner,state", *lines, ""])
        await asyncio.to_thread(path.write_text, text)
        done.append(
            await import_file(workspace.pool, workspace.workspace_id, path, LeadOptions(), deadline=30)
        )
        await asyncio.sleep(0.3)
    return done


async def kill_now_and_then(service: Service, every: float, times: int, until: asyncio.Future[Any]) -> None:
    """Kill a process at any moment, and restart it."""
    for _ in range(times):
        await asyncio.wait([until], timeout=every)
        if until.done():
            return
        service.kill()
        service.start()


async def come_and_go(workspace: Workspace, until: asyncio.Future[Any]) -> list[tuple[int, int]]:
    """Deactivate and activate rep0, who is in every team. Returns the decision numbers of each absence."""
    gone: list[tuple[int, int]] = []
    dice = random.Random(0)
    while len(gone) < 2 or not until.done():
        left = await _set_active(workspace, whole.owner(0, dice, active=False))
        await asyncio.wait([until], timeout=0.5)
        gone.append((left, await _set_active(workspace, whole.owner(0, dice))))
        await asyncio.wait([until], timeout=0.3)
    return gone


async def _set_active(workspace: Workspace, body: dict[str, Any]) -> int:
    """The number of the last decision before this edit."""
    async with workspace.edit() as edit:
        await edit.put("owners", "rep0", body, await edit.find("owners", "rep0"))
        return edit.snapshot.entry.decision_number
