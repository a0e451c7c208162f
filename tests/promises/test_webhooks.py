"""Deliveries to two processes that are killed in between: each event counts once, and none is lost."""

import asyncio
import random
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import httpx2
import pytest

from app.audit.verify import verify
from app.values.crm_ids import crm_id_key
from tests.promises.crm_streams import KINDS, Delivery, Kind, OwnerChange
from tests.support.callers import callers, insist_on_all
from tests.support.crm import half_a_minute_later
from tests.support.factories import lead
from tests.support.processes import PATIENCE, Service, services
from tests.support.workspace import Workspace, stored_workspace
from tests.webhooks.deliveries import endpoint, event, standard

EVENTS, REPEATS, KILLS = 60, 3, 4
STORED = "SELECT record_id, count(*) AS events FROM crm_inbox WHERE workspace_id = $1 GROUP BY record_id"
PAIRS = """
SELECT count(*) AS without FROM crm_inbox AS inbox
 WHERE workspace_id = $1 AND NOT EXISTS (
   SELECT FROM crm_deliveries AS delivery
    WHERE delivery.workspace_id = inbox.workspace_id AND delivery.id = inbox.delivery_id)
"""
OWNERS, LEADS, CHANGES = 3, 12, 4
OPEN = """
SELECT key.value AS record, assignment.owner_id AS owner FROM identities AS key
  JOIN leads AS lead ON lead.workspace_id = $1 AND lead.id = key.lead_id
  JOIN assignments AS assignment
    ON assignment.workspace_id = $1 AND assignment.id = lead.assignment_id AND assignment.open
 WHERE key.workspace_id = $1 AND key.kind = 'crm_lead'
"""
FOLLOWED = """
SELECT count(*) AS moves FROM assignments WHERE workspace_id = $1 AND cause = 'crm'
"""
ASKED = """
SELECT body #>> '{params,id}' AS id FROM actions WHERE workspace_id = $1 AND type = 'read_record'
"""
LEFT = "SELECT count(*) AS events FROM crm_inbox WHERE workspace_id = $1 AND state <> 'done'"
# The turns of killed processes would end by themselves, half a minute later; and so long others leave their
# events alone.


async def deliver(services: list[Service], path: str, number: int) -> None:
    """Send a delivery as a CRM does: again, to any process, until it is accepted; and then some more."""
    body = event(str(number))
    accepted, until, attempt = 0, time.monotonic() + PATIENCE, number
    async with httpx2.AsyncClient(timeout=PATIENCE, verify=False) as crm:
        while accepted < REPEATS:
            assert time.monotonic() < until
            attempt += 1
            try:
                answer = await crm.post(
                    services[attempt % len(services)].url + path,
                    content=body,
                    headers=standard(body, f"msg_{number}"),
                )
            except httpx2.TransportError:
                await asyncio.sleep(0.02)
                continue
            assert answer.status_code in {200, 503}, answer.text
            accepted += answer.status_code == 200


async def kill(running: list[Service], path: str) -> None:
    """Kill one process after another, each once it has answered something."""
    for number in range(KILLS):
        service = running[number % len(running)]
        async with httpx2.AsyncClient(timeout=PATIENCE, verify=False) as crm:
            assert (await crm.post(service.url + path, content=b"")).status_code == 401
        service.kill()
        service.start()


async def test_deliveries_survive_the_processes_that_take_them(database: str) -> None:
    async with stored_workspace(database, [1]) as workspace:
        with services(database, 2, no_worker="true") as running:
            path = await new_endpoint(workspace, running[0])
            await asyncio.gather(
                kill(running, path), *(deliver(running, path, number) for number in range(EVENTS))
            )
            stored = {row["record_id"]: row["events"] for row in await workspace.fetch(STORED)}
            assert stored == {str(number): 1 for number in range(EVENTS)}
            assert (await workspace.fetch(PAIRS))[0]["without"] == 0
            assert not any(each.logged_errors for each in running)


async def new_endpoint(workspace: Workspace, service: Service, **fields: Any) -> str:
    """The path of an endpoint, made by a process."""
    async with workspace.connect(service.url) as client:
        return await endpoint(client, **fields)


def changes_of_owners(kind: Kind, owners: Mapping[str, str]) -> list[OwnerChange]:
    """People give each lead, which now has one of the owners, to one after another, a minute apart."""
    began = datetime.now(UTC) + timedelta(minutes=1)
    found = []
    for number in range(LEADS):
        record = kind.record(number)
        users = [owners[record], *(kind.user((number + change) % OWNERS) for change in range(CHANGES))]
        for change, (before, user) in enumerate(pairwise(users)):
            at = began + timedelta(minutes=change)
            found.append(OwnerChange(number * CHANGES + change + 1, record, user, before, at))
    return found


async def post_until_accepted(running: list[Service], delivery: Delivery) -> None:
    """Send a delivery as a CRM does: again, to any process, until it is accepted."""
    until = time.monotonic() + PATIENCE
    async with httpx2.AsyncClient(timeout=PATIENCE, verify=False) as crm:
        while time.monotonic() < until:
            try:
                url = random.choice(running).url
                answer = await crm.post(url + delivery.path, content=delivery.body, headers=delivery.headers)
            except httpx2.TransportError:
                await asyncio.sleep(0.02)
                continue
            if answer.status_code == 200:
                return
            assert answer.status_code in {500, 503}, answer.text
    raise AssertionError("nobody answered")


async def kill_while_it_works(workspace: Workspace, running: list[Service]) -> None:
    """Kill one process after another, each after the books have moved on."""
    for number in range(KILLS):
        before, until = await moves(workspace), time.monotonic() + PATIENCE
        while await moves(workspace) == before and await left(workspace):
            assert time.monotonic() < until
            await asyncio.sleep(0.05)
            if number:
                await half_a_minute_later(workspace)
        running[number % len(running)].kill()
        running[number % len(running)].start()


async def moves(workspace: Workspace) -> int:
    return int((await workspace.fetch(FOLLOWED))[0]["moves"])


async def left(workspace: Workspace) -> int:
    return int((await workspace.fetch(LEFT))[0]["events"])


async def drain(workspace: Workspace) -> None:
    """Wait until everything that came is processed."""
    until = time.monotonic() + PATIENCE
    while await left(workspace):
        assert time.monotonic() < until
        await half_a_minute_later(workspace)
        await asyncio.sleep(0.2)


async def read_records(workspace: Workspace, service: Service, kind: Kind, last: list[OwnerChange]) -> None:
    """Deliver the records that the service asks for, as they are in the end."""
    asked = {row["id"] for row in await workspace.fetch(ASKED)}
    records = [
        {
            "object": kind.object,
            "id": each.record,
            "at": each.at.isoformat(),
            "fields": {kind.owner: each.user},
        }
        for each in last
        if each.record in asked or crm_id_key(each.record) in map(crm_id_key, asked)
    ]
    async with workspace.connect(service.url) as client:
        if records:
            answer = await client.post("/records", json={"endpoint": "crm", "records": records})
            assert answer.status_code == 200, answer.text


@pytest.mark.parametrize(
    "name",
    ["hubspot", *(pytest.param(each, marks=pytest.mark.long) for each in KINDS if each != "hubspot")],
)
async def test_owners_end_as_the_crm_says_whatever_dies_in_between(database: str, name: str) -> None:
    """Shuffled, three times each, in batches of several records, while processes are killed."""
    kind = KINDS[name]
    async with stored_workspace(database, [1] * OWNERS) as workspace:
        users = {f"rep{number}": kind.user(number) for number in range(OWNERS)}
        for owner, user in users.items():
            await workspace.put("owners", owner, {"name": "Rep", "crm": {kind.endpoint["kind"]: user}})
        with services(database, 2, worker_interval_seconds="0.05") as running:
            async with callers(workspace, running) as clients:
                bodies = [
                    (None, lead(number, crm={"lead_id": kind.record(number)})) for number in range(LEADS)
                ]
                await insist_on_all(clients, bodies, 4)
            path = await new_endpoint(workspace, running[0], **kind.endpoint)
            first = {crm_id_key(row["record"]): row["owner"] for row in await workspace.fetch(OPEN)}
            owners = {record: users[first[crm_id_key(record)]] for record in map(kind.record, range(LEADS))}
            items = changes_of_owners(kind, owners)
            stream = items * REPEATS
            random.Random(7).shuffle(stream)
            deliveries = [
                each
                for begin in range(0, len(stream), 5)
                for each in kind.deliver(path, stream[begin : begin + 5])
            ]
            await asyncio.gather(
                kill_while_it_works(workspace, running),
                *(post_until_accepted(running, each) for each in deliveries),
            )
            await drain(workspace)
            last = list({each.record: each for each in items}.values())
            await read_records(workspace, running[0], kind, last)
            books = {crm_id_key(row["record"]): row["owner"] for row in await workspace.fetch(OPEN)}
            assert {crm_id_key(each.record): each.user for each in last} == {
                record: users[owner] for record, owner in books.items()
            }
            assert await moves(workspace) <= len(items)
            report = await verify(workspace.pool, workspace.workspace_id)
            assert report.clean, report.lines()
            assert not any(each.logged_errors for each in running)
