"""A CRM, the service in two processes, and an executor: the books end as the CRM's own list says."""

import asyncio
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest

from app.audit.verify import verify
from app.dispatch.dispatcher import Dispatcher
from app.metrics.process import Metrics
from app.registry import strategies
from app.store import clocks
from app.worker.crm_upkeep import CrmUpkeep
from tests.promises.crm_account import APP, PORTAL, SECRET, Account, Contact
from tests.support.crm import half_a_minute_later
from tests.support.factories import TEAM
from tests.support.processes import PATIENCE, Service, services
from tests.support.workspace import SECRETS_KEY, Workspace, stored_workspace
from tests.webhooks.deliveries import BASE_URL, endpoint

USERS = {str(number): f"rep{number}" for number in range(1, 5)}
LEAVER = "4"
PLAN = f"""
pipeline:
  - round_robin: {{team: {TEAM}}}
follow_up:
  - do: [{{type: set_owner}}, {{type: task, title: "Call {{lead.first_name}}", due: 1d}}]
"""
ROUNDS = 4
SIZES = [(20, 4), (20, 5), (200, 1), (200, 2)]
PENDING = """
SELECT count(*) FILTER (WHERE wait_until IS NULL) AS due,
       count(*) FILTER (WHERE wait_until IS NOT NULL) AS waits
  FROM crm_inbox WHERE workspace_id = $1 AND state = 'pending'
"""
STUCK = """
SELECT object, record_id, kind, code, tries FROM crm_inbox
 WHERE workspace_id = $1 AND state = 'pending' LIMIT 5
"""
FAILED = "SELECT object, kind, code FROM crm_inbox WHERE workspace_id = $1 AND state = 'failed'"
JOBS = "SELECT count(*) AS running FROM bulk_jobs WHERE workspace_id = $1 AND state = 'running'"


class Afternoon:
    """A CRM, the service in two processes, and the executor between them."""

    def __init__(self, workspace: Workspace, running: list[Service], account: Account, path: str) -> None:
        self.workspace, self.running, self.account, self.path = workspace, running, account, path
        self.contact_of: dict[str, str] = {}
        dispatch = Dispatcher(workspace.pool, strategies(), Metrics(), deadline=PATIENCE)
        self.upkeep = CrmUpkeep(workspace.pool, dispatch, every=0.0)
        self.actor = account.random

    async def call(self, url: str, body: Mapping[str, Any]) -> Any:
        """What one of the processes answers."""
        until = time.monotonic() + PATIENCE
        while True:
            try:
                async with self.workspace.connect(self.actor.choice(self.running).url) as client:
                    answer = await client.post(url, json=body)
                assert answer.status_code < 300, (url, answer.text)
                return answer.json()
            except httpx2.TransportError:
                assert time.monotonic() < until
                await asyncio.sleep(0.02)

    async def pass_time(self, by: timedelta) -> None:
        """The clocks of the CRM and of the workspace move on."""
        self.account.offset += by // timedelta(milliseconds=1)
        at = datetime.now(UTC) + timedelta(milliseconds=self.account.offset)
        async with self.workspace.pool.acquire() as connection:
            await clocks.set_clock(connection, self.workspace.workspace_id, at, speed=1)

    async def arrive(self, number: int) -> None:
        """Somebody fills in a form: the CRM has a contact, and the answer's owner is written there."""
        id_, email = str(1000 + number), f"p{number}@kunde.example"
        answer = await self.call(
            "/assign", {"lead": {"crm": {"lead_id": id_}, "email": email, "first_name": f"P{number}"}}
        )
        self.contact_of[answer["lead_id"]] = id_
        self.account.contacts[id_] = Contact(id_, "", 0, self.account.tick(), email)
        for action in answer["actions"]:
            await self.execute({**action, "lead_id": answer["lead_id"], "created_at": answer["decided_at"]})
        await self.call("/actions/ack", {"ids": [action["id"] for action in answer["actions"]]})

    async def execute(self, action: Mapping[str, Any]) -> None:
        """Write an owner, unless a person has changed it since; read a record and deliver it."""
        if action["type"] == "set_owner":
            contact = self.account.root(self.contact_of[action["lead_id"]])
            decided = datetime.fromisoformat(action["created_at"]).timestamp() * 1000
            if contact.live and decided > contact.owned_at:
                self.account.own(contact, action["params"]["crm"]["hubspot"], by_app=True)
        elif action["type"] == "read_record":
            read = self.account.read(action["params"]["object"], action["params"]["id"])
            await self.call("/records", {"endpoint": "crm", "records": [read]})

    async def work(self) -> int:
        """Execute what is to be done. Returns how much it was."""
        done = 0
        while items := (await self.call("/actions/lease", {"limit": 100, "seconds": 600}))["items"]:
            for action in items:
                await self.execute(action)
            acks = [{"id": each["id"], "token": each["token"]} for each in items]
            await self.call("/actions/ack", {"items": acks})
            done += len(items)
        return done

    async def settle(self) -> None:
        """Until the service has nothing left to do but wait, and the executor nothing to execute."""
        until = time.monotonic() + PATIENCE
        while True:
            assert time.monotonic() < until, (
                await self.workspace.fetch(STUCK),
                await self.workspace.fetch(JOBS),
            )
            ((due, waits),) = await self.workspace.fetch(PENDING)
            ((running,),) = await self.workspace.fetch(JOBS)
            if due or running:
                await half_a_minute_later(self.workspace)
                await asyncio.sleep(0.05)
            elif not await self.work():
                if not waits:
                    return
                await self.pass_time(timedelta(seconds=16))
                await asyncio.sleep(0.1)

    def happen(self) -> None:
        """Somebody does something in the CRM."""
        account, chance = self.account, self.actor.random()
        contacts = account.live()
        contact = self.actor.choice(contacts)
        users = [user for user in USERS if user != LEAVER] if LEAVER in self.gone else list(USERS)
        if chance < 0.55:
            account.own(contact, self.actor.choice(users))
        elif chance < 0.63 and contact.id not in self.cleared:
            self.cleared.add(contact.id)
            account.own(contact, "")
        elif chance < 0.75:
            account.open_deal(contact)
        elif chance < 0.9 and account.deals:
            account.advance(self.actor.choice(list(account.deals.values())))
        elif chance < 0.95 and len(contacts) > 5:
            account.merge(*self.actor.sample(contacts, 2))
        elif len(contacts) > 5:
            account.delete(contact)

    gone: frozenset[str] = frozenset()

    async def user_leaves(self) -> None:
        """A user is deactivated, and somebody hands over most of what they have."""
        self.gone = frozenset((LEAVER,))
        now = datetime.now(UTC) + timedelta(milliseconds=self.account.offset)
        owners = [{"id": user, "active": user != LEAVER} for user in USERS]
        said = await self.call(
            "/reconcile/owners", {"endpoint": "crm", "as_of": now.isoformat(), "owners": owners}
        )
        assert said["items"] == [{"id": LEAVER, "owner": USERS[LEAVER], "results": ["deactivated"]}]
        for contact in [each for each in self.account.live() if each.owner == LEAVER]:
            if self.actor.random() < 0.7:
                self.account.own(contact, self.actor.choice([user for user in USERS if user != LEAVER]))

    async def keep_up(self) -> None:
        """What becomes due with time."""
        while await self.upkeep.run(await self.workspace.agenda()):
            pass

    async def kill_one(self) -> None:
        """One of the processes is killed, and started again."""
        service = self.actor.choice(self.running)
        service.kill()
        service.start()

    async def play(self, leads: int) -> None:
        """The whole afternoon."""
        self.cleared: set[str] = set()
        for number in range(leads):
            await self.arrive(number)
        for round_ in range(ROUNDS):
            for _ in range(leads):
                self.happen()
            if round_ == 1:
                await self.user_leaves()
            # Nothing of it is to be in the future when the service hears of it and decides.
            await asyncio.sleep(self.account.ahead())
            deliveries = self.account.deliver(self.running, self.path, 0.7)
            await asyncio.gather(deliveries, *([self.kill_one()] if round_ == 2 else []))
            await self.settle()
            await self.pass_time(timedelta(minutes=4))
            await self.keep_up()
        while self.account.waiting:
            await self.account.deliver(self.running, self.path, 1.0)
            await self.settle()
        # What was deleted is closed a day later, if no merge named it.
        await self.pass_time(timedelta(hours=25))
        await self.keep_up()
        await self.settle()
        assert self.account.waiting == []

    async def check(self) -> None:
        """The books are as the CRM's list says, and everything is accounted for."""
        assert await self.workspace.fetch(FAILED) == []
        compared = await self.call(
            "/reconcile",
            {
                "endpoint": "crm",
                "as_of": "2199-01-01T00:00:00Z",
                "complete": True,
                "leads": self.account.listed(),
            },
        )
        assert compared["items"] == []
        assert compared["counts"]["same"] == len(self.account.live())
        revenue = await self.revenue()
        assert revenue == sum(
            each.amount for each in self.account.deals.values() if each.stage == "closedwon"
        )
        report = await verify(self.workspace.pool, self.workspace.workspace_id)
        assert report.clean, report.lines()
        assert not any(each.logged_errors for each in self.running)

    async def revenue(self) -> float:
        """What all leads have brought."""
        total = 0.0
        async with self.workspace.connect(self.running[0].url) as client:
            for lead_id in self.contact_of:
                shown = (await client.get(f"/leads/{lead_id}")).json()
                total += sum(float(each["amount"]) for each in shown.get("revenue", ()))
        return total


@pytest.mark.parametrize(
    ("leads", "seed"),
    [(20, 2), *(pytest.param(leads, seed, marks=pytest.mark.long) for leads, seed in SIZES)],
)
async def test_books_end_as_the_list_of_the_crm(database: str, leads: int, seed: int) -> None:
    async with stored_workspace(database, [1] * 5) as workspace:
        for user, owner in USERS.items():
            await workspace.put("owners", owner, {"name": owner, "crm": {"hubspot": user}})
        await workspace.put("owners", "rep0", {"name": "rep0", "active": False})
        await workspace.publish(PLAN)
        with services(
            database,
            2,
            worker_interval_seconds="0.05",
            public_base_url=BASE_URL,
            secrets_key=SECRETS_KEY.get_secret_value(),
        ) as running:
            async with workspace.connect(running[0].url) as client:
                assert (await client.put("/settings/actions", json={"reader": True})).status_code in {
                    200,
                    201,
                }
                path = await endpoint(
                    client,
                    kind="hubspot",
                    secrets=[SECRET],
                    organization_id=str(PORTAL),
                    options={"actor": [APP]},
                )
            afternoon = Afternoon(workspace, running, Account(seed), path)
            await afternoon.play(leads)
            await afternoon.check()
