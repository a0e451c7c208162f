"""The promises, with every part of plan and directory in use at once."""

import asyncio
import os
import random
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import orjson
import pytest

from app.lifecycle.verify import verify
from tests.bouncer import bouncer
from tests.plug_ins.packages import ODD, install
from tests.postgres import FOUND, Clusters
from tests.processes import Service
from tests.promises import whole_world as whole
from tests.promises.audit import audit
from tests.promises.whole_callers import (
    Editor,
    Insistent,
    Sender,
    Told,
    come_and_go,
    import_leads,
    kill_now_and_then,
    move_clock,
)
from tests.promises.world import World, callers, world

SETTINGS = {"env": "development", "work_every_seconds": "0.05", "deadline_seconds": "30"}


@dataclass(frozen=True)
class Place:
    """A database, and the way to it through a PgBouncer, where there is one."""

    dsn: str
    bounced: str | None


@pytest.fixture(params=FOUND, ids="postgres{}".format)
def place(clusters: Clusters, request: pytest.FixtureRequest) -> Iterator[Place]:
    """An empty database on each version found."""
    program = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")
    with ExitStack() as stack:
        dsn = stack.enter_context(clusters.clone(request.param))
        if program is None:
            yield Place(dsn, None)
        else:
            address = stack.enter_context(bouncer(program, clusters.server(request.param)))
            yield Place(dsn, address + urlsplit(dsn).path)


@pytest.fixture
def plugged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a package with the odd plug-in is installed."""
    directory = tmp_path / "installed"
    install(directory, {"odd": f"{ODD}:Odd"})
    monkeypatch.syspath_prepend(directory)
    return directory


@contextmanager
def two(place: Place, path: Path) -> Iterator[list[Service]]:
    """Two processes, one of them by way of the PgBouncer."""
    more = {**SETTINGS, "plug_in_seconds": "0.5"}
    with ExitStack() as stack:
        direct = stack.enter_context(Service(place.dsn, path, **more))
        other = {**more, "pgbouncer": "true"} if place.bounced else more
        yield [direct, stack.enter_context(Service(place.bounced or place.dsn, path, **other))]


async def set_up(at: World, client: httpx2.AsyncClient, seed: int) -> list[int]:
    """Everybody and everything, by the API; the versions of the plan, the first of which is active."""
    caller, dice = Insistent([client], seed), random.Random(seed)
    records: list[tuple[str, str, Any]] = [
        *(("calendars", id_, body) for id_, body in whole.CALENDARS.items()),
        *(("owners", f"rep{n}", whole.owner(n, dice)) for n in range(whole.REPS)),
        *(("teams", id_, whole.team(numbers, dice)) for id_, numbers in whole.TEAMS.items()),
        *(("accounts", f"a{n}", whole.account(n, dice)) for n in range(whole.ACCOUNTS)),
        ("tables", "zip", whole.table(dice)),
    ]
    for noun, id_, body in records:
        assert await caller.ask("set up", "PUT", f"/{noun}/{id_}", body), (noun, id_)
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
    people: int = 200


async def _storm(place: Place, plugged: Path, file: Path, seed: int, weather: Weather) -> set[str]:
    """What was answered well at least once."""
    async with world(place.dsn) as at:
        with two(place, plugged) as running:
            async with callers(at, running) as clients:
                versions = await set_up(at, clients[0], seed)
                senders = [Sender(clients, 100 * seed + n, weather.people) for n in range(weather.senders)]
                editors = [Editor(clients, 100 * seed + 90 + n, versions) for n in range(2)]
                work: asyncio.Future[Any] = asyncio.gather(*(each.work(weather.steps) for each in senders))
                gone, booked, *_ = await asyncio.gather(
                    come_and_go(at, work),
                    import_leads(at, file, seed, work),
                    move_clock(clients, seed, work),
                    kill_now_and_then(running[0], 1.5, weather.kills, work),
                    *(each.work(work) for each in editors),
                    work,
                )
                told = [each for sender in senders for each in sender.told]
                await _said_again(clients, told)
                await _explained(clients, told, random.Random(seed))
                for client in clients:
                    assert whole.CANARY not in (await client.get("/metrics")).text
            for service in running:
                assert whole.CANARY not in service.log()
                assert not service.stumbled, service.log()
        await _books(at, gone)
    assert sum(each.imported for each in booked) > 0
    statuses = sum((each.statuses for each in (*senders, *editors)), Counter[tuple[str, int]]())
    return {what for what, status in statuses if status < 300}


async def _said_again(clients: Sequence[httpx2.AsyncClient], told: Sequence[Told]) -> None:
    """Each key stands for the decision that it stood for."""
    caller = Insistent(clients, 0)
    for key, url, body, before in told:
        again = await caller.ask("again", "POST", url, body, key)
        if "items" in again:
            items = [{**item["decision"], "replayed": True} for item in before["items"]]
            assert [item["decision"] for item in again["items"]] == items
        else:
            assert again == {**before, "replayed": True}


async def _explained(
    clients: Sequence[httpx2.AsyncClient], told: Sequence[Told], dice: random.Random
) -> None:
    """Some decisions are made again from what they were made from, and come out the same."""
    ids = [answer["assignment_id"] for _, _, _, answer in told if "items" not in answer]
    caller = Insistent(clients, 0)
    for id_ in dice.sample(ids, min(40, len(ids))):
        again = await caller.ask("explain", "GET", f"/assignments/{id_}/explain", None)
        assert again["same"], id_


DECIDED = """
SELECT sequence, owner_id, cause, inputs FROM assignments WHERE workspace_id = $1 ORDER BY sequence
"""
ACTIVE = """
SELECT version, record_id, (after ->> 'active')::boolean AS active FROM changes
 WHERE workspace_id = $1 AND noun = 'owners' ORDER BY version
"""


async def _books(at: World, gone: Sequence[tuple[int, int]]) -> None:
    """The books add up, each decision can be made again, and nobody gone got anything."""
    await audit(at)
    report = await verify(at.pool, at.workspace_id)
    assert report.clean, "\n".join(report.lines())
    assert report.moment is not None
    assert report.moment.counts.difference == 0
    decided = await at.fetch(DECIDED)
    assert {"assign", "reassign", "claim", "import", "release"} >= {row["cause"] for row in decided}
    assert len(gone) > 1
    for left, came_back in gone:
        assert "rep0" not in {row["owner_id"] for row in decided[left:came_back]}
    changes = await at.fetch(ACTIVE)
    active: dict[str, bool] = {}
    for row in decided:
        version = orjson.loads(row["inputs"])["directory"]
        while changes and changes[0]["version"] <= version:
            change = changes.pop(0)
            active[change["record_id"]] = change["active"]
        assert row["owner_id"] is None or active[row["owner_id"]], row["sequence"]


async def test_a_storm_over_the_whole_plan(place: Place, plugged: Path, tmp_path: Path) -> None:
    weather = Weather(steps=25, senders=6, kills=1)
    answered = await _storm(place, plugged, tmp_path / "book.csv", 1, weather)
    assert {"assign", "batch", "close", "reassign", "put owners", "put accounts", "put tables"} <= answered


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", [2, 3])
async def test_longer_storms_over_the_whole_plan(
    place: Place, plugged: Path, tmp_path: Path, seed: int
) -> None:
    weather = Weather(steps=250, senders=10, kills=20, people=600)
    answered = await _storm(place, plugged, tmp_path / "book.csv", seed, weather)
    assert answered >= {
        "assign", "batch", "close", "reassign", "claim", "put owners", "put accounts", "delete accounts",
        "move accounts", "put teams", "put tables", "absence", "publish", "rollback",
    }  # fmt: skip
