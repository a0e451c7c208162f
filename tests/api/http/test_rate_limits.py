"""How often a key and a workspace may call: S-08 of the security statements."""

import math
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from app.api.http.auth import Caller
from app.api.http.rate_limits import IDLE_SECONDS, STALE_SECONDS, RateLimits
from app.errors import QuotaExceeded, RateLimited
from app.keys import issue
from app.rates import DAY_SECONDS, Rate, Rates, parse_rate, quota_of
from app.store import api_keys
from app.store.rate_levels import delete_full_levels, exchange_uses
from tests.api.small_app import LEAD, Clock, Small
from tests.support.workspace import Workspace

pytestmark = pytest.mark.alone

SLOW = Rate(10.0, 20)
KEY = Rates(key=SLOW)


async def call(small: Small, key: str, times: int = 1) -> list[int]:
    """The statuses of so many requests that read."""
    async with small.client(key) as client:
        return [(await client.get("/words/hello")).status_code for _ in range(times)]


async def test_a_key_that_calls_too_often_waits_and_then_goes_on(small: Small) -> None:
    key = small.stored.issue("leads:read", rates=KEY)
    assert await call(small, key, 21) == [200] * 20 + [429]
    async with small.client(key) as client:
        answer = await client.get("/words/hello")
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.json()["code"], answer.json()["limit"]) == ("rate_limited", "key")
    assert answer.headers["retry-after"] == "1"
    assert answer.headers["ratelimit"] == '"key";r=0;t=1'
    small.clock.at += 1
    assert await call(small, key, 11) == [200] * 10 + [429]
    assert small.refused == ["key"] * 3


async def test_other_keys_are_not_affected(small: Small) -> None:
    busy = small.stored.issue("leads:read", rates=KEY)
    quiet = small.stored.issue("leads:read", rates=KEY)
    await call(small, busy, 30)
    assert await call(small, quiet) == [200]


async def test_keys_of_one_workspace_share_its_rate_and_those_of_another_do_not(small: Small) -> None:
    rates = Rates(workspace=SLOW)
    first, second = (small.stored.issue("leads:read", rates=rates) for _ in range(2))
    other = small.stored.issue("leads:read", workspace=2, rates=rates)
    assert await call(small, first, 15) == [200] * 15
    assert await call(small, second, 6) == [200] * 5 + [429]
    assert await call(small, other) == [200]
    assert small.refused == ["workspace"]


async def test_a_request_that_is_refused_is_not_read(small: Small) -> None:
    key = small.stored.issue("assign", rates=Rates(key=Rate(0.1, 1)))
    read = []

    async def body() -> AsyncIterator[bytes]:
        read.append(True)
        yield b"{}"

    async with small.client(key) as client:
        assert (await client.post("/assign", json=LEAD)).status_code == 200
        refused = await client.post("/assign", content=body())
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "10")
    assert read == []


async def test_what_is_left_is_told_with_each_answer(small: Small) -> None:
    rates = Rates(key=SLOW, workspace=Rate(5.0, 50))
    async with small.client(small.stored.issue("leads:read", rates=rates)) as client:
        await client.get("/words/hello")
        answer = await client.get("/words/hello")
    assert answer.headers["ratelimit-policy"] == '"key";q=20;w=2, "workspace";q=50;w=10'
    assert answer.headers["ratelimit"] == '"key";r=18;t=1, "workspace";r=48;t=1'


async def test_a_key_without_limits_is_told_nothing(small: Small) -> None:
    async with small.client(small.stored.issue("leads:read")) as client:
        answers = [await client.get("/words/hello") for _ in range(50)]
    assert {answer.status_code for answer in answers} == {200}
    assert "ratelimit" not in answers[0].headers


async def test_a_batch_costs_what_its_items_cost(small: Small) -> None:
    key = small.stored.issue("assign", "leads:read", rates=KEY)
    items = [{"lead": {"external_id": str(number)}} for number in range(100)]
    async with small.client(key) as client:
        assert (await client.post("/assign/batch", json={"items": items})).status_code == 200
        refused = await client.post("/assign/batch", json={"items": items})
        # 20 were there, 100 were taken: at 10 a second the next one is free after 8.1 seconds.
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "9")
        small.clock.at += 9
        assert (await client.post("/assign", json=LEAD)).status_code == 200


async def test_a_long_body_costs_more_than_a_short_one(small: Small) -> None:
    key = small.stored.issue("assign", rates=Rates(key=Rate(1.0, 3)))
    long = {"lead": {"external_id": "a", "attributes": {str(n): "x" * 8000 for n in range(7)}}}
    async with small.client(key) as client:
        assert [(await client.post("/assign", json=each)).status_code for each in (long, LEAD)] == [200, 429]


async def test_one_batch_at_a_time_is_served_on_credit() -> None:
    clock, refused = Clock(), list[str]()
    limits = RateLimits(refused.append, clock)
    caller = Caller(1, "a", frozenset(), rates=KEY)
    # Both were admitted before the body of either was read.
    limits.admit(caller, decides=True)
    limits.admit(caller, decides=True)
    limits.charge(caller, 999)
    with pytest.raises(RateLimited):
        limits.charge(caller, 999)
    assert refused == ["key"]
    clock.at += 98.3
    limits.admit(caller, decides=True)


async def test_a_changed_rate_holds_within_five_seconds(small: Small) -> None:
    text = small.stored.issue("leads:read", rates=KEY)
    await call(small, text, 25)
    ((key_id, stored),) = small.stored.keys.items()
    small.stored.keys[key_id] = type(stored)(
        stored.id, 1, stored.secret_hash, stored.scopes, None, False, rates=Rates(key=Rate(1000.0, 2000))
    )
    small.clock.at += 5
    await call(small, text)
    small.clock.at += 0.1
    assert await call(small, text, 90) == [200] * 90


async def test_a_quota_of_leads_refuses_leads_only(small: Small) -> None:
    key = small.stored.issue("assign", "leads:read", rates=Rates(quota=quota_of(4, 1)))
    async with small.client(key) as client:
        dry = {"items": [{**LEAD, "dry_run": True}] * 3 + [LEAD] * 2}
        assert (await client.post("/assign/batch", json=dry)).status_code == 200
        assert [(await client.post("/assign", json=LEAD)).status_code for _ in range(2)] == [200, 200]
        refused = await client.post("/assign", json=LEAD)
        assert (refused.status_code, refused.json()["code"]) == (429, "quota_exceeded")
        assert refused.json()["quota"] == 4
        wait = int(refused.headers["retry-after"])
        assert wait == DAY_SECONDS // 4
        free_at = datetime.fromisoformat(refused.json()["free_at"])
        assert abs((free_at - datetime.now(UTC)).total_seconds() - wait) < 60
        assert await call(small, key) == [200]
        small.clock.at += wait
        assert [(await client.post("/assign", json=LEAD)).status_code for _ in range(2)] == [200, 429]
    assert small.refused == ["quota"] * 2


class Together:
    """Processes that share their rates in one database, in a time that the test moves."""

    def __init__(self, workspace: Workspace, rates: Rates, count: int) -> None:
        self.pool = workspace.pool
        self.clock = Clock()
        self.start = datetime.now(UTC)
        self.caller = Caller(1, "shared", frozenset(), rates=rates)
        self.processes = [RateLimits(lambda _: None, self.clock) for _ in range(count)]
        self.running = list(range(count))

    async def run(self, seconds: int, demands: dict[int, int]) -> list[int]:
        """Call each process so often a second, evenly. How many requests each of them served."""
        served = [0] * len(self.processes)
        for tick in range(seconds * 100):
            self.clock.at += 0.01
            for number in self.running:
                asked = demands.get(number, 0)
                for _ in range((tick + 1) * asked // 100 - tick * asked // 100):
                    served[number] += self.admits(number)
                # Their exchanges are spread over the second.
                if tick % 100 == number * 100 // len(self.processes):
                    await self.exchange(number)
        return served

    def admits(self, number: int) -> bool:
        try:
            self.processes[number].admit(self.caller, decides=False)
        except RateLimited:
            return False
        return True

    async def exchange(self, number: int) -> None:
        uses = self.processes[number].uses()
        at = self.start + timedelta(seconds=self.clock.at)
        self.processes[number].apply(await exchange_uses(self.pool, uses, at) if uses else {})


@pytest.mark.parametrize(
    "demands", [{0: 200, 1: 200}, {0: 180, 1: 20}, {0: 300, 1: 60, 2: 60}, {0: 45, 1: 45}]
)
async def test_processes_together_keep_the_rate(workspace: Workspace, demands: dict[int, int]) -> None:
    together = Together(workspace, Rates(key=Rate(50.0, 100)), len(demands))
    await together.run(5, demands)
    for _ in range(3):
        served = sum(await together.run(5, demands))
        assert 0.8 * 250 <= served <= 1.2 * 250


async def test_rates_follow_the_clock_again_after_it_had_jumped_ahead(workspace: Workspace) -> None:
    together = Together(workspace, Rates(key=Rate(50.0, 100)), 1)
    together.start += timedelta(days=400)
    await together.run(5, {0: 100})
    together.start -= timedelta(days=400)
    await together.run(5, {0: 100})
    served = (await together.run(5, {0: 100}))[0]
    assert 0.8 * 250 <= served <= 1.2 * 250


async def test_a_rate_that_is_not_reached_refuses_nobody_in_any_process(workspace: Workspace) -> None:
    together = Together(workspace, Rates(key=Rate(50.0, 100)), 2)
    assert await together.run(10, {0: 30, 1: 5}) == [300, 50]
    # The caller goes over to the other process.
    assert sum(await together.run(10, {0: 5, 1: 30})) >= 0.9 * 350


async def test_the_rest_gets_the_whole_rate_when_a_process_dies(workspace: Workspace) -> None:
    together = Together(workspace, Rates(key=Rate(50.0, 100)), 2)
    await together.run(5, {0: 100, 1: 100})
    together.running = [0]
    await together.run(5, {0: 100})
    served = (await together.run(5, {0: 100}))[0]
    assert 0.8 * 250 <= served <= 1.2 * 250


async def test_a_new_process_learns_within_a_second_that_a_quota_is_used_up(workspace: Workspace) -> None:
    clock = Clock()
    caller = Caller(1, "a", frozenset(), rates=Rates(quota=quota_of(100, 1)))
    first, second = (RateLimits(lambda _: None, clock) for _ in range(2))
    first.admit(caller, decides=True)
    first.charge(caller, 0, 100)
    for process in (first, second):
        clock.at += 1
        if process is second:
            second.admit(caller, decides=True)
            second.charge(caller, 0, 1)
        process.apply(await exchange_uses(workspace.pool, process.uses()))
    with pytest.raises(QuotaExceeded):
        second.admit(caller, decides=True)


async def test_each_process_keeps_the_rate_alone_while_the_database_is_away(workspace: Workspace) -> None:
    together = Together(workspace, Rates(key=Rate(50.0, 100)), 2)
    await together.run(5, {0: 100, 1: 100})
    process = together.processes[0]
    served = 0
    for second in range(40):
        together.clock.at += 1
        served += sum(together.admits(0) for _ in range(100)) if second >= 20 else 0
        process.uses()
        process.exchange_failed()
    assert 0.8 * 1000 <= served - 100 <= 1.2 * 1000
    assert STALE_SECONDS < 20
    # Afterwards nobody pays for what was used meanwhile.
    assert (await together.run(4, {0: 100}))[0] >= 0.8 * 200


async def test_what_is_not_used_takes_no_memory_and_no_row(workspace: Workspace) -> None:
    together = Together(workspace, Rates(key=Rate(50.0, 100)), 1)
    together.start = datetime.now(UTC) - timedelta(hours=1, seconds=together.clock.at)
    await together.run(2, {0: 60})
    assert await workspace.pool.fetchval("SELECT count(*) FROM rate_levels") == 1
    await delete_full_levels(workspace.pool)
    assert await workspace.pool.fetchval("SELECT count(*) FROM rate_levels") == 0
    together.clock.at += IDLE_SECONDS + 10
    await together.exchange(0)
    assert together.processes[0].count() == 0


async def test_stored_rates_limit_a_running_service(workspace: Workspace) -> None:
    key = issue("test")
    async with workspace.pool.acquire() as connection:
        await api_keys.insert_key(connection, workspace.workspace_id, key, ["ops"], None, "", rate=(0.001, 3))
    async with workspace.caller(key.text()) as client:
        answers = [await client.get("/owners") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert int(answers[-1].headers["retry-after"]) > 900
    assert answers[0].headers["ratelimit-policy"].startswith('"key";q=3;w=3000, "workspace";q=20000')
    metrics = (await workspace.client.get("/metrics")).text
    assert 'lead_assignment_requests_rate_limited_total{limit="key"} 1.0' in metrics


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("50/s", (50, 1)),
        ("600/min", (600, 60)),
        ("5000/day", (5000, 86_400)),
        ("0/s", None),
        ("-1/s", None),
        ("50", None),
        ("50/year", None),
        ("١/s", None),
        ("9999999999/s", None),
    ],
)
def test_a_rate_is_a_count_and_a_time(text: str, expected: tuple[int, int] | None) -> None:
    assert parse_rate(text) == expected


def test_a_rate_is_shown_as_it_is_written() -> None:
    shown = [str(Rate(count / seconds, 7)) for count, seconds in ((50, 1), (1, 60), (90, 60), (5000, 86_400))]
    assert shown == ["50/s, burst 7", "1/min, burst 7", "90/min, burst 7", "5000/day, burst 7"]
    assert str(Rate(math.pi, 7)) == "3.14159/s, burst 7"
