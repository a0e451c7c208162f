"""One workspace does its worst. What single calls of another notice, as a ratio to their quiet times."""

import asyncio
import multiprocessing
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

import orjson

from bench import leads
from bench.load import Connection, RunTimes, post, run
from bench.processes import Service
from bench.scenarios import Row, at_most, create_team_workspace

ABUSERS = 16
CALLS = 150
WARM_UP_SECONDS = 2.0
CALM_SECONDS = 30.0
LISTED = 3000
PAGE = 1000
LISTS = (
    "/assignments",
    "/actions",
    "/changes",
    "/owners",
    "/teams",
    "/teams/inbound/ledger",
    "/queues/unrouted/leads",
)
MEDIA = "application/x-ndjson"


def isolation(service: Service) -> Iterator[Row]:
    """Each abuse by sixteen connections of one key, while two connections of another workspace call."""
    greedy, modest = (create_team_workspace(service, name) for name in ("greedy", "modest"))
    _fill(service, greedy)
    asyncio.run(_calls(service.port, modest))
    quiet = asyncio.run(_calls(service.port, modest))
    yield Row("quiet", f"p50 {quiet.percentile(0.5):.1f} ms, p99 {quiet.percentile(0.99):.1f} ms")
    for name, request in _abuses(greedy).items():
        _wait_until_calm(service.port, modest, quiet)
        times = _beside(service.port, modest, request)
        refused = sum(count for status, count in times.statuses.items() if status >= 500)
        half, most = (times.percentile(share) for share in (0.5, 0.99))
        yield Row(f"{name}: single calls", f"p50 {half:.1f} ms, p99 {most:.1f} ms, {refused} refused")
        yield at_most(f"{name}: p99 of single calls, to quiet", most / quiet.percentile(0.99), 10)


def _abuses(key: str) -> dict[str, bytes]:
    dry = [{"lead": leads.new_lead(), "dry_run": True} for _ in range(1000)]
    large = [{"lead": {**leads.new_lead(), "message": "x" * 6000}} for _ in range(1000)]
    invalid = [{"lead": {"shoe_size": number, "nmae": "x", "emial": 1}} for number in range(1000)]
    accounts = b"\n".join(
        orjson.dumps({"id": f"a{number}", "name": f"Account {number}", "domains": [f"a{number}.example"]})
        for number in range(20_000)
    )
    return {
        "dry runs of 1,000 leads": post("/assign/batch", orjson.dumps({"items": dry}), key),
        "batches of 7 MB": post("/assign/batch", orjson.dumps({"items": large}), key),
        "batches of invalid items": post("/assign/batch", orjson.dumps({"items": invalid}), key),
        "20,000 accounts": post("/accounts/bulk", accounts, key).replace(b"application/json", MEDIA.encode()),
        "metrics": _get("/metrics", key),
        **{f"lists of {path}": _get(f"{path}?limit={PAGE}", key) for path in LISTS},
    }


def _get(path: str, key: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {key}\r\n\r\n".encode()


def _fill(service: Service, key: str) -> None:
    """Give a workspace something to list."""
    for _ in range(LISTED // 1000):
        items = [{"lead": leads.new_lead()} for _ in range(1000)]
        service.send(key, "POST", "/assign/batch", {"items": items})


def _wait_until_calm(port: int, key: str, quiet: RunTimes) -> None:
    """What the last abuse has begun goes on without it. It must not count for the next one."""
    until = time.monotonic() + CALM_SECONDS
    while time.monotonic() < until:
        if asyncio.run(_calls(port, key)).percentile(0.9) <= quiet.percentile(0.99):
            return


def _beside(port: int, key: str, abuse: bytes) -> RunTimes:
    """The abuse comes from a process of its own: what it costs to send must not hold up the calls here."""
    abuser = multiprocessing.get_context("spawn").Process(target=_abuse, args=(port, abuse), daemon=True)
    abuser.start()
    try:
        time.sleep(WARM_UP_SECONDS)
        return asyncio.run(_calls(port, key))
    finally:
        abuser.kill()
        abuser.join()


def _abuse(port: int, request: bytes) -> None:
    asyncio.run(_abuse_on_all(port, request))


async def _abuse_on_all(port: int, request: bytes) -> None:
    loop = asyncio.get_running_loop()
    opened = [(await loop.create_connection(Connection, "127.0.0.1", port))[1] for _ in range(ABUSERS)]
    await asyncio.gather(*(_again_and_again(connection, request) for connection in opened))


async def _again_and_again(connection: Connection, request: bytes) -> None:
    with suppress(ConnectionError):
        while True:
            await connection.ask(request)


async def _calls(port: int, key: str) -> RunTimes:
    make: Callable[[int], bytes] = lambda _: post("/assign", leads.one(), key)  # noqa: E731
    return await run(port, 2, CALLS, make)
