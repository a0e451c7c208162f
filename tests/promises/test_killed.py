"""A process is killed at any moment, or stalls while it holds the workspace lock."""

import asyncio
import time
from contextlib import AsyncExitStack

import httpx2
import pytest

from tests.promises.audit import audit, deviation
from tests.support.callers import Answer, callers, insist, insist_on_all
from tests.support.factories import lead
from tests.support.processes import PATIENCE, Service, services
from tests.support.workspace import Workspace, stored_workspace

IN_PASS = """
SELECT count(*) FROM pg_stat_activity
 WHERE application_name = $2 AND state = 'idle in transaction' AND $1::bigint IS NOT NULL
"""
SHARES = dict.fromkeys(("rep0", "rep1", "rep2"), 1)


async def _kill_again_and_again(service: Service, workspace: Workspace, times: int, after: int) -> None:
    """Kill and restart it each time this many more decisions are stored."""
    for number in range(1, times + 1):
        await _decisions(workspace, number * after)
        service.kill()
        service.start()


async def _decisions(workspace: Workspace, wanted: int) -> None:
    until = time.monotonic() + PATIENCE
    count = "SELECT count(*) AS n FROM assignments WHERE workspace_id = $1"
    while (await workspace.fetch(count))[0]["n"] < wanted:
        assert time.monotonic() < until
        await asyncio.sleep(0.001)


async def _killed(database: str, leads: int, times: int, processes: int) -> None:
    async with stored_workspace(database, [1, 1, 1]) as workspace:
        with services(database, processes) as running:
            async with callers(workspace, running) as clients:
                bodies = [(f"k{n}", lead(n)) for n in range(leads)]
                answers, _ = await asyncio.gather(
                    insist_on_all(clients, bodies, 16),
                    _kill_again_and_again(running[0], workspace, times, leads // (times + 1)),
                )
                again = await insist_on_all(clients, bodies, 16)
        books = await audit(workspace)
        keys = await workspace.fetch("SELECT assignment_id FROM idempotency_keys WHERE workspace_id = $1")
    assert books.decisions == leads
    assert len({row["assignment_id"] for row in keys}) == len(keys) == leads
    assert [one["assignment_id"] for one in again] == [one["assignment_id"] for one in answers]
    assert all(one["replayed"] for one in again)
    assert deviation(books.chosen["inbound"], SHARES) < 1
    assert len(books.chosen["inbound"]) == leads


@pytest.mark.parametrize("processes", [1, 2])
async def test_a_killed_process_loses_and_duplicates_nothing(database: str, processes: int) -> None:
    await _killed(database, 240, 4, processes)


@pytest.mark.long
@pytest.mark.timeout(600)
async def test_a_process_killed_thirty_times_loses_and_duplicates_nothing(database: str) -> None:
    await _killed(database, 3000, 30, 2)


async def _stop_with_the_gate(service: Service, workspace: Workspace, name: str) -> None:
    """Stop the process when Postgres says that a transaction of it waits for its next statement."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        await asyncio.sleep(0)
        service.pause()
        # What it had sent is answered soon; what is then idle in a transaction waits for the process.
        for _ in range(3):
            await workspace.fetch("SELECT 1 WHERE $1::bigint IS NOT NULL")
        if (await workspace.fetch(IN_PASS, name))[0]["count"]:
            return
        service.wake()
        await asyncio.sleep(0.001)
    raise AssertionError("it was never found in a pass")


async def _load(client: httpx2.AsyncClient, number: int) -> list[Answer]:
    names = [f"s{number}-{n}" for n in range(400)]
    return await insist_on_all([client], [(name, lead(name)) for name in names], 16)


async def test_other_processes_decide_while_the_lock_holder_stalls(database: str) -> None:
    async with stored_workspace(database, [1, 1, 1]) as workspace, AsyncExitStack() as stack:
        # Postgres ends a transaction that does nothing for half of this time.
        hasty = {"request_timeout_seconds": "6"}
        stopped = stack.enter_context(Service(f"{database}&application_name=stopped", None, **hasty))
        other = stack.enter_context(Service(database, None, **hasty))
        async with callers(workspace, [stopped, other]) as (first, second):
            await insist(first, lead("first"), "first")
            await insist(second, lead("second"), "second")
            loads = [asyncio.create_task(_load(first, 0))]
            stopping = asyncio.create_task(_stop_with_the_gate(stopped, workspace, "stopped"))
            while not stopping.done():
                await asyncio.wait([loads[-1], stopping], return_when=asyncio.FIRST_COMPLETED)
                if loads[-1].done():
                    loads.append(asyncio.create_task(_load(first, len(loads))))
            await stopping
            before = (await audit(workspace)).decisions
            answers = await insist_on_all([second], [(f"o{n}", lead(f"o{n}")) for n in range(60)], 8)
            between = (await audit(workspace)).decisions
            stopped.wake()
            late = [answer for load in loads for answer in await load]
        books = await audit(workspace)
    assert len(answers) == 60
    assert between >= before + 60
    assert len({one["assignment_id"] for one in late}) == 400 * len(loads)
    assert books.decisions == 400 * len(loads) + 62
    assert deviation(books.chosen["inbound"], SHARES) < 1
    assert len(books.chosen["inbound"]) == books.decisions


async def test_callers_that_disconnect_harm_no_other_caller(database: str) -> None:
    async with stored_workspace(database, [1, 1, 1]) as workspace:
        with services(database, 1) as running:
            async with callers(workspace, running) as (client,):
                stay = asyncio.create_task(
                    insist_on_all([client], [(f"k{n}", lead(n)) for n in range(200)], 8)
                )
                await asyncio.gather(*(_hang_up(workspace, running[0], n) for n in range(120)))
                answers = await stay
                again = [await insist(client, lead(f"gone{n}"), f"gone{n}") for n in range(120)]
            assert not running[0].logged_errors
        books = await audit(workspace)
    assert {answer["outcome"] for answer in answers} == {"assigned"}
    assert books.decisions == 320
    assert len({one["lead_id"] for one in again + answers}) == 320
    assert deviation(books.chosen["inbound"], SHARES) < 1


async def _hang_up(workspace: Workspace, service: Service, number: int) -> None:
    """Post a lead and close the connection: some before the body is out, some while the pass runs."""
    host, port = service.url.removeprefix("http://").split(":")
    _, writer = await asyncio.open_connection(host, int(port))
    request = httpx2.Request("POST", f"{service.url}/assign", json=lead(f"gone{number}"))
    head = (
        f"POST /assign HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {workspace.key}\r\n"
        f"Idempotency-Key: gone{number}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(request.content)}\r\n\r\n"
    )
    sent = head.encode() + request.content
    writer.write(sent if number % 3 else sent[:-20])
    await writer.drain()
    await asyncio.sleep(0.0005 * (number % 7))
    writer.transport.abort()
