"""Webhooks: how soon a steady stream of them is answered, and what a burst of them costs calls beside it."""

import asyncio
import base64
import hmac
import time
from collections.abc import Iterator

import orjson

from bench.load import RunTimes, at_rate
from bench.processes import Service
from bench.scenarios import Row, at_most, create_team_workspace, measure

RATE = 200
SECONDS = 20
CONNECTIONS = 32
BURST = 10_000
BATCH = 100
"""Events in a delivery of the burst."""
CALLERS = 4
CALLS = 100
KEY = b"0123456789abcdef0123456789abcdef"
SECRET = "whsec_" + base64.b64encode(KEY).decode()
COUNT_NEW = """
SELECT count(*) FROM crm_inbox
 WHERE workspace_id = (SELECT id FROM workspaces WHERE name = $1) AND tries = 0 AND state = 'pending'
"""


def steady_stream(service: Service) -> Iterator[Row]:
    """Deliveries at a steady rate, each with one event. Waiting for a free connection counts."""
    create_team_workspace(service, "webhooks")
    path = service.endpoint("webhooks", "standard", SECRET)
    numbers = iter(range(RATE * SECONDS * 2))
    asyncio.run(at_rate(service.port, CONNECTIONS, RATE, RATE, lambda _: _delivery(path, next(numbers), 1)))
    times = asyncio.run(
        at_rate(service.port, CONNECTIONS, RATE, RATE * SECONDS, lambda _: _delivery(path, next(numbers), 1))
    )
    _check(times)
    yield Row(f"milliseconds of a webhook at {RATE}/s, p50", f"{times.percentile(0.5):.2f}")
    yield at_most(f"milliseconds of a webhook at {RATE}/s, p99", times.percentile(0.99), 50)


def burst(service: Service) -> Iterator[Row]:
    """Calls beside a burst of events, against the same calls before it."""
    key = create_team_workspace(service, "burst")
    path = service.endpoint("burst", "standard", SECRET)
    measure(service.port, key, CALLERS, 500)
    quiet = measure(service.port, key, CALLERS, 1000)
    during, seconds = asyncio.run(_burst(service, key, path))
    yield Row(f"seconds until {BURST:,} events are looked at", f"{seconds:.1f}")
    most = during.percentile(0.99) / quiet.percentile(0.99)
    yield at_most("p99 of calls beside them to before", most, 2)


async def _burst(service: Service, key: str, path: str) -> tuple[RunTimes, float]:
    connection = await service.connect()
    calls = RunTimes()
    started = time.perf_counter()
    sending = asyncio.create_task(
        at_rate(service.port, 4, BURST / BATCH, BURST // BATCH, lambda number: _delivery(path, number, BATCH))
    )
    try:
        while not sending.done() or await connection.fetchval(COUNT_NEW, "burst"):  # the calls are the pause
            calls.each += (await asyncio.to_thread(measure, service.port, key, CALLERS, CALLS)).each
        _check(await sending)
        return calls, time.perf_counter() - started
    finally:
        await connection.close()


def _delivery(path: str, number: int, events: int) -> bytes:
    """A request of Standard Webhooks with so many events, each of a record of its own."""
    items = [
        {
            "type": "contact.updated",
            "timestamp": "2026-12-01T09:00:00Z",
            "data": {"id": f"{number}-{each}", "fields": {"owner": "rep-1"}},
        }
        for each in range(events)
    ]
    body, stamp = orjson.dumps(items), str(int(time.time()))
    mac = hmac.digest(KEY, f"msg-{number}.{stamp}.".encode() + body, "sha256")
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        f"webhook-id: msg-{number}\r\nwebhook-timestamp: {stamp}\r\n"
        f"webhook-signature: v1,{base64.b64encode(mac).decode()}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def _check(times: RunTimes) -> None:
    if set(times.statuses) != {200}:
        raise RuntimeError(f"answers by status: {times.statuses}")
