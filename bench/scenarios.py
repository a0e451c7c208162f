"""The comparisons. Each ratio is measured in one run, with both sides in alternation."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from statistics import median

from bench import leads
from bench.load import RunTimes, post, run
from bench.processes import Service, bare

TEAM = 20
ROUNDS = 5
QUEUE = {"queues": {"unrouted": {"claimable_by": "inbound"}}}


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: what was measured, the result, the goal, and whether it was reached."""

    what: str
    figure: str
    goal: str = ""
    reached: bool | None = None


def create_team_workspace(service: Service, name: str, rules: int = 0) -> str:
    """Create a workspace with one team of twenty, and a plan that begins with this many rules."""
    key = service.workspace(name)
    for number in range(TEAM):
        service.send(key, "PUT", f"/owners/rep-{number}", {"name": f"Rep {number}"})
    members = [{"owner": f"rep-{number}"} for number in range(TEAM)]
    service.send(key, "PUT", "/teams/inbound", {"name": "Inbound", "members": members})
    service.send(key, "POST", "/plans", plan(rules))
    service.send(key, "POST", "/plans/1/publish", {"comment": "to be measured"})
    return key


def plan(rules: int) -> dict[str, object]:
    """A round robin after this many rules, each for a campaign that no lead comes from."""
    steps = [
        {"rule": {"name": f"r{number}", "when": {"campaign": f"c{number}"}, "then": {"queue": "unrouted"}}}
        for number in range(rules)
    ]
    follow_up = [{"do": [{"type": "task", "title": "Call {lead.first_name} now", "due": "15m"}]}]
    pipeline = [*steps, {"round_robin": {"team": "inbound"}}, {"queue": {"name": "unrouted"}}]
    return {**QUEUE, "pipeline": pipeline, "follow_up": follow_up}


def measure(port: int, key: str, connections: int, requests: int, *, batch: bool = False) -> RunTimes:
    """Send unique leads, one by one or by the hundred. Raises RuntimeError if any request fails."""
    make: Callable[[int], bytes] = (
        (lambda _: post("/assign/batch", leads.hundred(), key))
        if batch
        else (lambda _: post("/assign", leads.one(), key))
    )
    return measure_each(port, connections, requests, make)


def measure_each(port: int, connections: int, requests: int, make: Callable[[int], bytes]) -> RunTimes:
    """Send requests of one's own making. Raises RuntimeError if any fails."""
    times = asyncio.run(run(port, connections, requests, make))
    if set(times.statuses) - {200, 201}:
        raise RuntimeError(f"answers by status: {times.statuses}")
    return times


def alternate(*sides: Callable[[], RunTimes]) -> list[list[RunTimes]]:
    """Measure the sides in alternation, so that a slow moment affects all of them."""
    rounds = [[side() for side in sides] for _ in range(ROUNDS)]
    return [list(side) for side in zip(*rounds, strict=True)]


def speed(service: Service) -> Iterator[Row]:
    """(a) nothing, (b) one decision, (c) a hundred of them, at 1 and at 32 connections."""
    key = create_team_workspace(service, "speed")
    with bare() as nothing:
        measure(service.port, key, 32, 2000)
        measure(nothing, key, 32, 2000)
        for connections, requests in ((1, 400), (32, 4000)):
            bares, ones, hundreds = alternate(
                partial(measure, nothing, key, connections, requests),
                partial(measure, service.port, key, connections, requests),
                partial(measure, service.port, key, min(connections, 4), 20, batch=True),
            )
            yield from _figures(connections, bares, ones, hundreds)
            yield from _goals(connections, bares, ones, hundreds)


def _figures(
    connections: int, bares: list[RunTimes], ones: list[RunTimes], hundreds: list[RunTimes]
) -> Iterator[Row]:
    for name, side, leads_each in (
        ("(a) endpoint that does nothing", bares, 1),
        ("(b) POST /assign", ones, 1),
        ("(c) POST /assign/batch of 100", hundreds, 100),
    ):
        rate = median([times.rate * leads_each for times in side])
        half, most = (median([times.percentile(share) for times in side]) for share in (0.5, 0.99))
        unit = "leads/s" if leads_each > 1 else "requests/s"
        yield Row(
            f"{name}, {connections} connections", f"{rate:,.0f} {unit}, p50 {half:.2f} ms, p99 {most:.2f} ms"
        )


def _goals(
    connections: int, bares: list[RunTimes], ones: list[RunTimes], hundreds: list[RunTimes]
) -> Iterator[Row]:
    pairs = list(zip(bares, ones, hundreds, strict=True))
    at = f"{connections} connection" + "s" * (connections > 1)
    spread = median([b.percentile(0.99) / b.percentile(0.5) for b in ones])
    bulk = median([c.rate * 100 / b.rate for _, b, c in pairs])
    if connections == 1:
        slower_by = median([b.percentile(0.5) / a.percentile(0.5) for a, b, _ in pairs])
        yield at_most(f"p50 of (b) to (a), {at}", slower_by, 7)
        yield at_most(f"p99 to p50 of (b), {at}", spread, 2)
        yield at_least(f"leads/s of (c) to (b), {at}", bulk, 3)
    else:
        yield at_least(f"rate of (b) to (a), {at}", median([b.rate / a.rate for a, b, _ in pairs]), 0.3)
        yield at_most(f"p99 to p50 of (b), {at}", spread, 5)
        yield at_least(f"leads/s of (c) to (b), {at}", bulk, 2.5)


def many_rules(service: Service) -> Iterator[Row]:
    """10,000 rules against 10."""
    few, many = (
        create_team_workspace(service, "rules-10", 10),
        create_team_workspace(service, "rules-10000", 10_000),
    )
    for key in (few, many):
        measure(service.port, key, 8, 200)
    sides = alternate(
        lambda: measure(service.port, few, 8, 1000), lambda: measure(service.port, many, 8, 1000)
    )
    yield slower("10,000 rules to 10 rules, time of a decision", sides, 1.2)


def long_table(service: Service) -> Iterator[Row]:
    """A table of 100,000 rows against one of ten."""
    few, many = (
        create_table_workspace(service, range(10_110, 10_120)),
        create_table_workspace(service, range(100_000)),
    )
    for key in (few, many):
        measure(service.port, key, 8, 200)
    sides = alternate(
        lambda: measure(service.port, few, 8, 1000), lambda: measure(service.port, many, 8, 1000)
    )
    yield slower("100,000 rows of a table to 10 rows, time of a decision", sides, 1.2)


def create_table_workspace(service: Service, codes: range) -> str:
    """Create a workspace whose leads are matched to a row of a table with these postal codes."""
    key = create_team_workspace(service, f"rows-{len(codes)}")
    rows = [["DE", f"{code:05}", {"team": "inbound"}] for code in codes]
    service.send(key, "PUT", "/tables/zip", {"columns": ["country", "postal_code"], "rows": rows})
    on = {"country": "eq", "postal_code": "longest_prefix"}
    written = plan(0)
    pipeline = [{"rule": {"name": "zip", "table": "zip", "match_on": on}}, {"queue": {"name": "unrouted"}}]
    service.send(key, "POST", "/plans", {**written, "pipeline": pipeline})
    service.send(key, "POST", "/plans/2/publish", {"comment": "to be measured"})
    return key


def open_snapshot(service: Service) -> Iterator[Row]:
    """The speed while a transaction stays open for 10,000 commit groups, against before."""
    key = create_team_workspace(service, "snapshot")
    measure(service.port, key, 1, 500)
    before = [measure(service.port, key, 1, 300) for _ in range(ROUNDS)]

    async def with_open_snapshot() -> list[RunTimes]:
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


def slower(what: str, sides: list[list[RunTimes]], goal: float) -> Row:
    """The ratio of the second side's median latency to the first's."""
    first, second = ([times.percentile(0.5) for times in side] for side in sides)
    return at_most(what, median(second) / median(first), goal)


def at_most(what: str, ratio: float, goal: float) -> Row:
    """A figure with an upper limit."""
    return Row(what, f"{ratio:.2f}", f"at most {goal:g}", ratio <= goal)


def at_least(what: str, ratio: float, goal: float) -> Row:
    """A figure with a lower limit."""
    return Row(what, f"{ratio:.2f}", f"at least {goal:g}", ratio >= goal)
