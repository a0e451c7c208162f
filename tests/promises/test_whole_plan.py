"""The promises, with every part of plan and directory in use at once."""

import asyncio
import os
import random
import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.plugins.packages import ODD, install
from tests.promises import whole_world as whole
from tests.promises.audit import audit
from tests.promises.test_bulk import batch, what_became
from tests.promises.whole_callers import (
    Editor,
    Insistent,
    Sender,
    come_and_go,
    import_leads,
    kill_now_and_then,
    move_clock,
)
from tests.promises.whole_checks import check_books, explained, said_again
from tests.support.bouncer import bounced, bouncer
from tests.support.callers import callers, insist, insist_on_all
from tests.support.postgres import NEWEST_AND_LONG, Clusters
from tests.support.processes import Service
from tests.support.workspace import empty_workspace, stored_workspace

SETTINGS = {"env": "development", "worker_interval_seconds": "0.05", "request_timeout_seconds": "30"}


@dataclass(frozen=True)
class Place:
    """A database, and the way to it through a PgBouncer, where there is one."""

    dsn: str
    bounced: str | None


@pytest.fixture(params=NEWEST_AND_LONG, ids="postgres{}".format)
def place(clusters: Clusters, request: pytest.FixtureRequest) -> Iterator[Place]:
    """An empty database: on the newest version found, and in the long run on the others."""
    program = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")
    with ExitStack() as stack:
        dsn = stack.enter_context(clusters.clone(request.param))
        if program is None:
            yield Place(dsn, None)
        else:
            directory = stack.enter_context(bouncer(program, clusters.server(request.param)))
            yield Place(dsn, bounced(dsn, directory))


@pytest.fixture
def plugin_steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a package with the odd plugin is installed."""
    directory = tmp_path / "installed"
    install(directory, {"odd": f"{ODD}:Odd"})
    monkeypatch.syspath_prepend(directory)
    return directory


@contextmanager
def two(place: Place, path: Path) -> Iterator[list[Service]]:
    """Two processes, one of them by way of the PgBouncer."""
    more = {**SETTINGS, "plugin_timeout_seconds": "0.3"}
    with ExitStack() as stack:
        direct = stack.enter_context(Service(place.dsn, path, **more))
        other = {**more, "pgbouncer": "true"} if place.bounced else more
        yield [direct, stack.enter_context(Service(place.bounced or place.dsn, path, **other))]


async def set_up(client: httpx2.AsyncClient, seed: int) -> list[int]:
    """Everybody and everything, by the API; the versions of the plan, the first of which is active."""
    caller, dice = Insistent([client], seed), random.Random(seed)
    records: list[tuple[str, str, Any]] = [
        *(("calendars", id_, body) for id_, body in whole.CALENDARS.items()),
        *(("owners", f"rep{n}", whole.owner(n, dice)) for n in range(whole.REPS)),
        *(("teams", id_, whole.team(numbers, dice)) for id_, numbers in whole.TEAMS.items()),
        *(("accounts", f"a{n}", whole.account(n, dice)) for n in range(whole.ACCOUNTS)),
        ("tables", "zip", whole.table(dice)),
    ]
    for resource_type, id_, body in records:
        assert await caller.ask("set up", "PUT", f"/{resource_type}/{id_}", body), (resource_type, id_)
    versions = []
    for document in (whole.PLAN, whole.OTHER_PLAN):
        drafted = await caller.ask("draft", "POST", "/plans", document)
        assert [each for each in drafted["findings"] if each["severity"] == "error"] == []
        versions.append(int(drafted["version"]))
        assert await caller.ask("publish", "POST", f"/plans/{versions[-1]}/publish", {})
    return versions


@dataclass(frozen=True)
class Weather:
    """How long a storm is, and how rough."""

    steps: int
    senders: int
    kills: int
    people: int = 500
    cities: list[str | None] = field(default_factory=lambda: whole.WILD)


async def _storm(place: Place, plugin_steps: Path, file: Path, seed: int, weather: Weather) -> set[str]:
    """What was answered well at least once."""
    async with stored_workspace(place.dsn) as workspace:
        with two(place, plugin_steps) as running:
            async with callers(workspace, running) as clients:
                versions = await set_up(clients[0], seed)
                # Before the first decision: a key from years ago holds no more.
                await clients[0].put("/dev/clock", json={"at": whole.START, "speed": 60})
                senders = [
                    Sender(clients, 100 * seed + n, weather.people, weather.cities)
                    for n in range(weather.senders)
                ]
                editors = [Editor(clients, 100 * seed + 90 + n, versions) for n in range(2)]
                work: asyncio.Future[Any] = asyncio.gather(*(each.work(weather.steps) for each in senders))
                gone, booked, *_ = await asyncio.gather(
                    come_and_go(workspace, work),
                    import_leads(workspace, file, seed, work),
                    move_clock(clients, seed, work),
                    kill_now_and_then(running[0], 1.5, weather.kills, work),
                    *(each.work(work) for each in editors),
                    work,
                )
                returned = [each for sender in senders for each in sender.returned]
                await said_again(clients, returned)
                await explained(clients, returned, random.Random(seed))
                for client in clients:
                    assert whole.CANARY not in (await client.get("/metrics")).text
            for service in running:
                assert whole.CANARY not in service.log()
                assert not service.logged_errors, service.log()
        await check_books(workspace, gone)
    assert sum(each.imported for each in booked) > 0
    statuses = sum((each.statuses for each in (*senders, *editors)), Counter[tuple[str, int]]())
    return {what for what, status in statuses if status < 300}


async def test_a_whole_plan_survives_a_storm(place: Place, plugin_steps: Path, tmp_path: Path) -> None:
    weather = Weather(steps=20, senders=8, kills=1, cities=whole.HASTY)
    answered = await _storm(place, plugin_steps, tmp_path / "book.csv", 1, weather)
    assert {"assign", "batch", "close", "reassign", "put owners", "put accounts", "put tables"} <= answered


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", [2, 3])
async def test_a_whole_plan_survives_longer_storms(
    place: Place, plugin_steps: Path, tmp_path: Path, seed: int
) -> None:
    weather = Weather(steps=250, senders=10, kills=20, people=600)
    answered = await _storm(place, plugin_steps, tmp_path / "book.csv", seed, weather)
    assert answered >= {
        "assign", "batch", "close", "reassign", "claim", "put owners", "put accounts", "delete accounts",
        "move accounts", "put teams", "put tables", "absence", "publish", "rollback",
    }  # fmt: skip


FROZEN = "INSERT INTO clocks VALUES ($1, '2031-05-06T12:00:00Z', '2031-05-06T12:00:00Z', 0)"


async def test_a_batch_decides_like_single_calls(database: str, plugin_steps: Path) -> None:
    dice = random.Random(5)
    bodies = [whole.person(dice.randrange(80), dice, whole.MILD) for _ in range(120)]
    async with stored_workspace(database) as singly:
        together = await empty_workspace(singly.pool, "together")
        with Service(database, plugin_steps, **SETTINGS, plugin_timeout_seconds="20") as service:
            async with singly.connect(service.url) as one, together.connect(service.url) as all_:
                for workspace, client in ((singly, one), (together, all_)):
                    await workspace.pool.execute(FROZEN, workspace.workspace_id)
                    await set_up(client, seed=5)
                dry = await batch(all_, [{**body, "dry_run": True} for body in bodies])
                bulk = await batch(all_, bodies)
                single = await insist_on_all([one], [(None, body) for body in bodies], 1)
            assert not service.logged_errors
        books = await audit(singly), await audit(together)
    assert [what_became(each) for each in bulk] == [what_became(each) for each in single]
    assert [what_became(each) for each in bulk] == [what_became(each) for each in dry]
    assert [each["trace"] for each in bulk] == [each["trace"] for each in single]
    assert {each["outcome"] for each in bulk} == {"assigned", "queued", "automated", "blocked"}
    assert books[0].state.balances == books[1].state.balances


async def test_a_hanging_plugin_delays_no_other_lead(database: str, plugin_steps: Path) -> None:
    dice = random.Random(6)
    hangs = whole.person(1, dice, ["Hangs"])
    hangs["lead"] |= {"source": "odd", "lead_type": "demo_request"}
    async with stored_workspace(database) as workspace:
        other = await empty_workspace(workspace.pool, "other")
        more = {**SETTINGS, "plugin_timeout_seconds": "30", "request_timeout_seconds": "60"}
        with Service(database, plugin_steps, **more) as service:
            async with workspace.connect(service.url) as client, other.connect(service.url) as stranger:
                versions = await set_up(client, seed=6)
                await set_up(stranger, seed=6)
                hanging = asyncio.create_task(client.post("/assign", json=hangs))
                for number in range(2, 12):
                    quick = whole.person(number, dice, [None])
                    quick["lead"].pop("source", None)
                    await insist(stranger, quick)
                    await insist(client, quick)
                await Editor([client], 7, versions).each_once()
                assert not hanging.done()
                hanging.cancel()
            assert not service.logged_errors
        books = await audit(workspace), await audit(other)
    assert [each.decisions for each in books] == [10, 10]
