"""Ten times more leads than can be decided: how many still are, and how fast the others are refused."""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import uvloop

from bench import leads
from bench.load import Connection, post, run
from bench.processes import Service
from bench.scenarios import Row, at_least, at_most, create_team_workspace

RULES = (0, 60, 300, 2000)
SUSTAINED_SECONDS = 3.0
OVERLOADED_SECONDS = 6.0
CONNECTIONS = 400
MAX_RATE = 2500
"""Requests per second that the sender can send while it shares the machine with the service."""
CALM = 5
"""Decisions in a row after which the service has recovered."""


@dataclass(slots=True)
class _Offered:
    """What came of a load: when decisions came, how long refusals took, and the other answers."""

    decided: list[float] = field(default_factory=list)
    refusals: list[float] = field(default_factory=list)
    others: dict[str, int] = field(default_factory=dict)

    def note(self, status: int, body: bytes, began: float) -> None:
        now = time.perf_counter()
        if status == 201:
            self.decided.append(now)
        elif b'"overloaded"' in body:
            self.refusals.append(now - began)
        else:
            code = body.partition(b'"code":"')[2].partition(b'"')[0].decode()
            name = f"{status} {code}"
            self.others[name] = self.others.get(name, 0) + 1


def overload(service: Service) -> Iterator[Row]:
    """The same load, ten times what is sustainable, with rules that no index can rule out."""
    for rules in RULES:
        key = create_team_workspace(service, f"overload-{rules}")
        if rules:
            service.send(key, "POST", "/plans", _slow_plan(rules))
            service.send(key, "POST", "/plans/2/publish", {"comment": "to be measured"})
        yield from uvloop.run(_overload(service.port, key, rules))  # the sender shares the machine


def _slow_plan(rules: int) -> dict[str, object]:
    """A round robin after this many rules, each of which is compared with every lead."""
    steps = [
        {
            "rule": {
                "name": f"r{number}",
                "when": {"title": {"contains": f"head of {number}"}, "city": {"matches": f"x{number}*"}},
                "then": {"queue": "unrouted"},
            }
        }
        for number in range(rules)
    ]
    pipeline = [*steps, {"round_robin": {"team": "inbound"}}, {"queue": {"name": "unrouted"}}]
    return {"queues": {"unrouted": {"claimable_by": "inbound"}}, "pipeline": pipeline}


async def _overload(port: int, key: str, rules: int) -> list[Row]:
    peak = await _sustained(port, key)
    rate = min(MAX_RATE, 10 * peak)
    offered = await _offer(port, key, rate)
    recovered = await _recovery(port, key)
    goodput = len(offered.decided) / OVERLOADED_SECONDS
    with_rules = f"{rules} such rules: "
    figures = f"peak {peak:,.0f}/s, offered {rate:,.0f}/s, decided {goodput:,.0f}/s, refused"
    others = ", ".join(f"{count} x {name}" for name, count in sorted(offered.others.items()))
    rows = [
        Row(f"{with_rules}load", f"{figures} {len(offered.refusals):,}; others: {others or 'none'}"),
        at_least(f"{with_rules}decided at ten times the load, to the peak", goodput / peak, 0.8),
        at_most(f"{with_rules}seconds until the service has recovered", recovered, 2),
    ]
    if offered.refusals:
        ordered = [seconds * 1000 for seconds in sorted(offered.refusals)]
        half, most, nearly_all = (ordered[int(share * len(ordered))] for share in (0.5, 0.95, 0.99))
        longest = f"p50 {half:.1f} ms, p95 {most:.1f} ms, longest {ordered[-1]:.0f} ms"
        rows.append(Row(f"{with_rules}refusals", longest))
        rows.append(at_most(f"{with_rules}p99 of a refusal, milliseconds", nearly_all, 50))
    return rows


async def _sustained(port: int, key: str) -> float:
    """Decisions per second for callers who wait for their answers."""
    probe = await run(port, 16, 64, lambda _: post("/assign", leads.one(), key))
    requests = max(48, int(probe.rate * SUSTAINED_SECONDS))
    times = await run(port, 16, requests, lambda _: post("/assign", leads.one(), key))
    return times.statuses[201] / times.seconds


async def _offer(port: int, key: str, rate: float) -> _Offered:
    """A load of so many requests per second, whatever comes of them."""
    offered, due = _Offered(), asyncio.Queue[None](CONNECTIONS)
    loop = asyncio.get_running_loop()
    opened = [(await loop.create_connection(Connection, "127.0.0.1", port))[1] for _ in range(CONNECTIONS)]

    async def send(connection: Connection) -> None:
        while True:
            await due.get()
            request = post("/assign", leads.one(), key)
            began = time.perf_counter()
            offered.note(*await connection.ask(request), began)

    senders = [asyncio.create_task(send(connection)) for connection in opened]
    begun, sent = time.perf_counter(), 0
    while (elapsed := time.perf_counter() - begun) < OVERLOADED_SECONDS:
        while sent < elapsed * rate:
            sent += 1
            if not due.full():
                due.put_nowait(None)
        await asyncio.sleep(0.002)
    for connection in opened:
        connection.transport.abort()
    for sender in senders:
        sender.cancel()
    await asyncio.wait(senders)
    return offered


async def _recovery(port: int, key: str) -> float:
    """Seconds until decisions come one after another again."""
    loop = asyncio.get_running_loop()
    _, connection = await loop.create_connection(Connection, "127.0.0.1", port)
    begun, calm, since = time.perf_counter(), 0, time.perf_counter()
    while calm < CALM:
        status, _ = await connection.ask(post("/assign", leads.one(), key))
        if status == 201:
            calm += 1
        else:
            calm, since = 0, time.perf_counter()
            await asyncio.sleep(0.05)
    connection.transport.close()
    return since - begun
