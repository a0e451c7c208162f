"""Webhooks: how soon a steady stream of them is answered, and what a burst of them costs others."""

import asyncio
import base64
import hmac
import itertools
import time
from collections.abc import Awaitable, Callable, Iterator
from urllib.parse import urlencode

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
FORM_RATE = 50
FORMS = 100
FORM_CONNECTIONS = 8
KEY = b"0123456789abcdef0123456789abcdef"
SECRET = "whsec_" + base64.b64encode(KEY).decode()
COUNT_NEW = """
SELECT count(*) FROM crm_inbox
 WHERE workspace_id = (SELECT id FROM workspaces WHERE name = $1) AND endpoint_id = 'standard' AND tries = 0
   AND state = 'pending'
"""
"""Events that nobody has looked at. Forms wait in the same table."""


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

    async def calls() -> RunTimes:
        return await asyncio.to_thread(measure, service.port, key, CALLERS, CALLS)

    during, seconds = asyncio.run(_beside_burst(service, "burst", path, calls))
    yield Row(f"seconds until {BURST:,} events are looked at", f"{seconds:.1f}")
    most = during.percentile(0.99) / quiet.percentile(0.99)
    yield at_most("p99 of calls beside them to before", most, 2)


def forms(service: Service) -> Iterator[Row]:
    """Forms at a steady rate beside a burst of events, against the same forms before it."""
    create_team_workspace(service, "forms")
    path = service.endpoint("forms", "standard", SECRET)
    form = service.endpoint("forms", "html")
    numbers = itertools.count()

    async def sent(count: int = FORMS) -> RunTimes:
        return await at_rate(
            service.port, FORM_CONNECTIONS, FORM_RATE, count, lambda _: _form(form, next(numbers))
        )

    asyncio.run(sent(FORM_RATE))
    quiet = asyncio.run(sent(FORM_RATE * SECONDS))
    _check(quiet)
    during, seconds = asyncio.run(_beside_burst(service, "forms", path, sent))
    _check(during)
    yield Row(f"milliseconds of a form at {FORM_RATE}/s, p50", f"{quiet.percentile(0.5):.2f}")
    yield Row(f"milliseconds of a form at {FORM_RATE}/s, p99", f"{quiet.percentile(0.99):.2f}")
    yield Row(f"seconds until {BURST:,} events are looked at, with forms beside", f"{seconds:.1f}")
    yield Row("milliseconds of a form beside them, p99", f"{during.percentile(0.99):.2f}")
    yield at_most("p99 of forms beside them to before", during.percentile(0.99) / quiet.percentile(0.99), 2)


async def _beside_burst(
    service: Service, workspace: str, path: str, sent: Callable[[], Awaitable[RunTimes]]
) -> tuple[RunTimes, float]:
    """The times of what is sent again and again until a burst is looked at, and the seconds that took."""
    connection = await service.connect()
    times = RunTimes()
    started = time.perf_counter()
    sending = asyncio.create_task(
        at_rate(service.port, 4, BURST / BATCH, BURST // BATCH, lambda number: _delivery(path, number, BATCH))
    )
    try:
        while not sending.done() or await connection.fetchval(
            COUNT_NEW, workspace
        ):  # what is sent is the pause
            more = await sent()
            times.each += more.each
            for status, count in more.statuses.items():
                times.statuses[status] = times.statuses.get(status, 0) + count
        _check(await sending)
        return times, time.perf_counter() - started
    finally:
        await connection.close()


def _form(path: str, number: int) -> bytes:
    """What a browser sends, of a person of its own."""
    body = urlencode(
        {"name": f"Mara Lind {number}", "email": f"mara@kunde-{number}.example", "interest": "bikes"}
    )
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return (head + body).encode()


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
