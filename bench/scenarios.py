"""What is compared with what. Each ratio is taken within one run, the two sides in turn."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from statistics import median

from bench import leads
from bench.ground import Service, bare
from bench.load import Took, post, run

TEAM = 20
ROUNDS = 5
QUEUE = {"queues": {"unrouted": {"claimable_by": "inbound"}}}


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: what was measured, what came out, what was to be reached, and whether it was."""

    what: str
    figure: str
    goal: str = ""
    reached: bool | None = None


def staffed(service: Service, name: str, rules: int = 0) -> str:
    """A new workspace with one team of twenty and a plan, of which `rules` rules come first."""
    key = service.workspace(name)
    for number in range(TEAM):
        service.send(key, "PUT", f"/owners/rep-{number}", {"name": f"Rep {number}"})
    members = [{"owner": f"rep-{number}"} for number in range(TEAM)]
    service.send(key, "PUT", "/teams/inbound", {"name": "Inbound", "members": members})
    service.send(key, "POST", "/plans", plan(rules))
    service.send(key, "POST", "/plans/1/publish", {"comment": "to be measured"})
    return key


def plan(rules: int) -> dict[str, object]:
    """A round robin behind so many rules, each for a campaign that no lead comes from."""
    steps = [
        {"rule": {"name": f"r{number}", "when": {"campaign": f"c{number}"}, "then": {"queue": "unrouted"}}}
        for number in range(rules)
    ]
    follow_up = [{"do": [{"type": "task", "title": "Call {lead.first_name} now", "due": "15m"}]}]
    pipeline = [*steps, {"round_robin": {"team": "inbound"}}, {"queue": {"name": "unrouted"}}]
    return {**QUEUE, "pipeline": pipeline, "follow_up": follow_up}


def measure(port: int, key: str, connections: int, requests: int, *, batch: bool = False) -> Took:
    """Unique leads, one by one or by the hundred. Raises RuntimeError for any answer that is no success."""
    make: Callable[[int], bytes] = (
        (lambda _: post("/assign/batch", leads.hundred(), key))
        if batch
        else (lambda _: post("/assign", leads.one(), key))
    )
    took = asyncio.run(run(port, connections, requests, make))
    if set(took.statuses) - {200, 201}:
        raise RuntimeError(f"answers by status: {took.statuses}")
    return took


def in_turn(*sides: Callable[[], Took]) -> list[list[Took]]:
    """Each side measured once a round, one after the other, so that a slow moment hits all alike."""
    rounds = [[side() for side in sides] for _ in range(ROUNDS)]
    return [list(side) for side in zip(*rounds, strict=True)]


def middle(values: Iterator[float] | list[float]) -> float:
    """The median."""
    return median(list(values))


def speed(service: Service) -> Iterator[Row]:
    """(a) nothing, (b) one decision, (c) a hundred of them, at 1 and at 32 connections."""
    key = staffed(service, "speed")
    with bare() as nothing:
        measure(service.port, key, 32, 2000)
        measure(nothing, key, 32, 2000)
        for connections, requests in ((1, 400), (32, 4000)):
            bares, ones, hundreds = in_turn(
                partial(measure, nothing, key, connections, requests),
                partial(measure, service.port, key, connections, requests),
                partial(measure, service.port, key, min(connections, 4), 20, batch=True),
            )
            yield from _figures(connections, bares, ones, hundreds)
            yield from _goals(connections, bares, ones, hundreds)


def _figures(connections: int, bares: list[Took], ones: list[Took], hundreds: list[Took]) -> Iterator[Row]:
    for name, side, leads_each in (
        ("(a) endpoint that does nothing", bares, 1),
        ("(b) POST /assign", ones, 1),
        ("(c) POST /assign/batch of 100", hundreds, 100),
    ):
        rate = middle([took.rate * leads_each for took in side])
        half, most = (middle([took.percentile(share) for took in side]) for share in (0.5, 0.99))
        unit = "leads/s" if leads_each > 1 else "requests/s"
        yield Row(
            f"{name}, {connections} connections", f"{rate:,.0f} {unit}, p50 {half:.2f} ms, p99 {most:.2f} ms"
        )


def _goals(connections: int, bares: list[Took], ones: list[Took], hundreds: list[Took]) -> Iterator[Row]:
    pairs = list(zip(bares, ones, hundreds, strict=True))
    at = f"{connections} connection" + "s" * (connections > 1)
    spread = middle([b.percentile(0.99) / b.percentile(0.5) for b in ones])
    bulk = middle([c.rate * 100 / b.rate for _, b, c in pairs])
    if connections == 1:
        slower_by = middle([b.percentile(0.5) / a.percentile(0.5) for a, b, _ in pairs])
        yield at_most(f"p50 of (b) to (a), {at}", slower_by, 7)
        yield at_most(f"p99 to p50 of (b), {at}", spread, 2)
        yield at_least(f"leads/s of (c) to (b), {at}", bulk, 3)
    else:
        yield at_least(f"rate of (b) to (a), {at}", middle([b.rate / a.rate for a, b, _ in pairs]), 0.3)
        yield at_most(f"p99 to p50 of (b), {at}", spread, 5)
        yield at_least(f"leads/s of (c) to (b), {at}", bulk, 2.5)


def many_rules(service: Service) -> Iterator[Row]:
    """10,000 rules against 10."""
    few, many = staffed(service, "rules-10", 10), staffed(service, "rules-10000", 10_000)
    for key in (few, many):
        measure(service.port, key, 8, 200)
    sides = in_turn(lambda: measure(service.port, few, 8, 1000), lambda: measure(service.port, many, 8, 1000))
    yield slower("10,000 rules to 10 rules, time of a decision", sides, 1.2)


def long_table(service: Service) -> Iterator[Row]:
    """A table of 100,000 rows against one of ten."""
    few, many = looking_up(service, range(10_110, 10_120)), looking_up(service, range(100_000))
    for key in (few, many):
        measure(service.port, key, 8, 200)
    sides = in_turn(lambda: measure(service.port, few, 8, 1000), lambda: measure(service.port, many, 8, 1000))
    yield slower("100,000 rows of a table to 10 rows, time of a decision", sides, 1.2)


def looking_up(service: Service, codes: range) -> str:
    """A workspace whose leads find their row in a table with these postal codes."""
    key = staffed(service, f"rows-{len(codes)}")
    rows = [["DE", f"{code:05}", {"team": "inbound"}] for code in codes]
    service.send(key, "PUT", "/tables/zip", {"columns": ["country", "postal_code"], "rows": rows})
    on = {"country": "eq", "postal_code": "longest_prefix"}
    written = plan(0)
    pipeline = [{"rule": {"name": "zip", "table": "zip", "match_on": on}}, {"queue": {"name": "unrouted"}}]
    service.send(key, "POST", "/plans", {**written, "pipeline": pipeline})
    service.send(key, "POST", "/plans/2/publish", {"comment": "to be measured"})
    return key


def open_snapshot(service: Service) -> Iterator[Row]:
    """A transaction that is left open during 10,000 passes, against before."""
    key = staffed(service, "snapshot")
    measure(service.port, key, 1, 500)
    before = [measure(service.port, key, 1, 300) for _ in range(ROUNDS)]

    async def with_open_snapshot() -> list[Took]:
        connection = await service.connect()
        await connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1")
        await connection.fetchval("SELECT count(*) FROM workspaces")
        await asyncio.to_thread(measure, service.port, key, 1, 10_000)
        after = [await asyncio.to_thread(measure, service.port, key, 1, 300) for _ in range(ROUNDS)]
        await connection.close()
        return after

    yield slower(
        "a transaction open during 10,000 passes, to none", [before, asyncio.run(with_open_snapshot())], 1.5
    )


def slower(what: str, sides: list[list[Took]], goal: float) -> Row:
    """How many times longer the second side's median request took than the first's."""
    first, second = ([took.percentile(0.5) for took in side] for side in sides)
    return at_most(what, middle(second) / middle(first), goal)


def at_most(what: str, ratio: float, goal: float) -> Row:
    """A figure that should not be above its goal."""
    return Row(what, f"{ratio:.2f}", f"at most {goal:g}", ratio <= goal)


def at_least(what: str, ratio: float, goal: float) -> Row:
    """A figure that should not be below its goal."""
    return Row(what, f"{ratio:.2f}", f"at least {goal:g}", ratio >= goal)
