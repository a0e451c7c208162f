"""What is kept of providers: answers until they expire, and which of them are not called for a while."""

import asyncio
import re
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from typing import Any

import pytest

from app.store import clocks
from tests.enrichment.test_filling import RULES
from tests.support.answering import HOST, Answer, Asked, Service, answering
from tests.support.processes import PATIENCE
from tests.support.workspace import NOON, Filled, Workspace, open_filled

pytestmark = pytest.mark.alone

BY_COMPANY = "/firms?name={company}"


def plan(service: Service, *, query: str = BY_COMPANY, deadline: str = "5s", more: str = "") -> str:
    """A plan that asks this service."""
    return f"""{RULES}
enrichment:
  deadline: {deadline}
  providers:
    - provider: http
      name: firms
      timeout: 5s
      fill: {{employees: people}}
      settings: {{url: "{service.base}{query}"}}
      {more}
"""


async def set_time(workspace: Workspace, at: datetime) -> None:
    async with workspace.pool.acquire() as connection:
        await clocks.set_clock(connection, workspace.workspace_id, at, speed=0)


def steps(workspace: Workspace) -> Callable[..., Any]:
    """A lead of a company at a time after noon: its decision."""
    number = 0

    async def lead(after: timedelta = timedelta(), **fields: Any) -> dict[str, Any]:
        nonlocal number
        number += 1
        await set_time(workspace, NOON + after)
        return await workspace.assign(email=f"p{number}@firm{number}.example", **fields)

    return lead


async def test_one_answer_serves_every_way_to_write_a_company(workspace: Workspace) -> None:
    async with answering(lambda _: (200, {"people": 900}), workspace.app.state.target_http) as service:
        await workspace.publish(plan(service))
        lead = steps(workspace)
        names = ("Alpenholz GmbH", " alpenholz  gmbh ", "ALPENHOLZ GMBH")
        queues = [(await lead(company=name))["queue"] for name in names]
    registry = workspace.app.state.metrics.registry
    labels = {"provider": "http", "outcome": "found"}
    assert registry.get_sample_value("lead_assignment_enrichment_calls_total", labels) == 1
    assert registry.get_sample_value("lead_assignment_enrichment_kept_total", labels) == 2
    assert (queues, service.paths) == (["big"] * 3, ["/firms?name=Alpenholz%20GmbH"])


async def test_unknown_company_is_asked_for_again_after_its_time(workspace: Workspace) -> None:
    async with answering(lambda _: (404, {}), workspace.app.state.target_http) as service:
        await workspace.publish(plan(service, more="cache_empty: 1h"))
        lead = steps(workspace)
        first = await lead(company="Nobody")
        await lead(timedelta(minutes=9), company="Nobody")
        assert len(service.asked) == 1
        await lead(timedelta(minutes=61), company="Nobody")
    assert (len(service.asked), first["degraded"]) == (2, [])


async def test_value_that_is_too_old_is_told_and_not_used(workspace: Workspace) -> None:
    answers: list[Answer] = [(200, {"people": 900})]
    http = workspace.app.state.target_http
    async with answering(lambda _: answers[-1], http) as service:
        await workspace.publish(plan(service, more="cache: 30d"))
        lead = steps(workspace)
        assert (await lead(company="Alpenholz"))["queue"] == "big"
        answers.append((503, {}))
        kept = await lead(timedelta(days=19), company="Alpenholz")
        late = await lead(timedelta(days=31), company="Alpenholz")
    assert (kept["queue"], kept["degraded"]) == ("big", [])
    assert (late["queue"], late["degraded"]) == ("desk", ["firms"])
    assert late["degraded_codes"] == {"firms": "expired"}
    assert "employees" not in late["normalized"]


async def test_value_is_asked_for_again_before_it_expires(workspace: Workspace) -> None:
    async with answering(lambda _: (200, {"people": 900}), workspace.app.state.target_http) as service:
        await workspace.publish(plan(service, more="cache: 30d"))
        lead = steps(workspace)
        await lead(company="Alpenholz")
        await lead(timedelta(days=21), company="Alpenholz")
        rows = "SELECT asked_at FROM enrichment_answers WHERE workspace_id = $1"
        until = time.monotonic() + PATIENCE
        while (await workspace.fetch(rows))[0]["asked_at"] < NOON + timedelta(days=20):
            assert time.monotonic() < until
            await asyncio.sleep(0.01)
    assert len(service.asked) == 2


async def test_refused_query_is_not_repeated_and_holds_nobody_back(workspace: Workspace) -> None:
    def answer(asked: Asked) -> Answer:
        return (422, {}) if "Odd" in asked.path else (200, {"people": 900})

    async with answering(answer, workspace.app.state.target_http) as service:
        await workspace.publish(plan(service, more="max_failures: 1"))
        lead = steps(workspace)
        refused = [await lead(company="Odd") for _ in range(2)]
        other = await lead(company="Alpenholz")
    assert [each["degraded"] for each in (*refused, other)] == [["firms"], ["firms"], []]
    assert refused[1]["degraded_codes"] == {"firms": "status_422"}
    assert len(service.asked) == 2


@pytest.mark.parametrize(
    ("failure", "seconds", "code"),
    [
        ((401, {}), 15, "status_401"),
        ((403, {}), 15, "status_403"),
        ((429, {}, "Retry-After: 60\r\n"), 60, "status_429"),
        ((429, {}), 15, "status_429"),
    ],
)
async def test_provider_that_says_no_is_not_called_until_its_time(
    workspace: Workspace, failure: Answer, seconds: int, code: str
) -> None:
    answers = [failure]
    async with answering(lambda _: answers[-1], workspace.app.state.target_http) as service:
        await workspace.publish(plan(service))
        lead = steps(workspace)
        first = await lead(company="One")
        held = await lead(timedelta(seconds=seconds - 1), company="Two")
        assert len(service.asked) == 1
        answers.append((200, {"people": 900}))
        again = await lead(timedelta(seconds=seconds), company="Three")
        after = await lead(timedelta(seconds=seconds + 1), company="Four")
    assert [each["degraded_codes"] for each in (first, held)] == [{"firms": code}] * 2
    assert ([again["queue"], after["queue"]], len(service.asked)) == (["big", "big"], 3)


async def test_failures_in_a_row_open_the_breaker(workspace: Workspace) -> None:
    answers: list[Answer] = [(500, {})]
    async with answering(lambda _: answers[-1], workspace.app.state.target_http) as service:
        await workspace.publish(plan(service, more="max_failures: 3"))
        lead = steps(workspace)
        for number in range(5):
            await lead(company=f"Firm {number}")
        assert len(service.asked) == 3
        probe = await lead(timedelta(seconds=15), company="Probe")
        await lead(timedelta(seconds=16), company="Held")
        assert (len(service.asked), probe["degraded_codes"]) == (4, {"firms": "status_500"})
        answers.append((200, {"people": 900}))
        await lead(timedelta(seconds=31), company="Works")
    assert len(service.asked) == 5
    assert await workspace.fetch("SELECT FROM enrichment_breakers WHERE workspace_id = $1") == []


async def test_one_call_of_all_processes_finds_out_whether_a_provider_works(filled: Filled) -> None:
    async with AsyncExitStack() as stack:
        processes = [await stack.enter_async_context(open_filled(filled)) for _ in range(3)]
        one = processes[0]
        service = await stack.enter_async_context(
            answering(lambda _: (429, {}, "Retry-After: 60\r\n"), one.app.state.target_http)
        )
        for each in processes[1:]:
            http, same = each.app.state.target_http, one.app.state.target_http
            http.allowed, http.resolve, http.context = same.allowed, same.resolve, same.context
        await one.publish(plan(service))
        await set_time(one, NOON)
        for number, each in enumerate(processes):
            await each.assign(email=f"a{number}@x{number}.example", company=f"Early {number}")
        assert len(service.asked) == 1
        await set_time(one, NOON + timedelta(seconds=61))
        await asyncio.gather(
            *(
                each.assign(email=f"b{number}{n}@y{number}{n}.example", company=f"Late {number} {n}")
                for n in range(4)
                for number, each in enumerate(processes)
            )
        )
    assert len(service.asked) == 2


async def test_what_was_asked_about_a_person_goes_with_the_person(workspace: Workspace) -> None:
    async with answering(lambda _: (200, {"people": 900}), workspace.app.state.target_http) as service:
        await workspace.publish(plan(service, query="/people/{email}"))
        leads = [await workspace.assign(email=f"{name}@firm.example") for name in ("mia", "leo")]
        rows = "SELECT query, answer FROM enrichment_answers WHERE workspace_id = $1"
        assert len(await workspace.fetch(rows)) == 2
        erased = await workspace.client.delete(f"/leads/{leads[0]['lead_id']}")
        assert erased.status_code in {200, 202, 204}, erased.text
        assert len(await workspace.fetch(rows)) == 1


async def test_secret_goes_to_its_host_and_is_never_shown(workspace: Workspace) -> None:
    async with answering(lambda _: (200, {"people": 900}), workspace.app.state.target_http) as service:
        with_secret = plan(service).replace('{company}"', '{company}", secret: firms, header: X-Token')
        await workspace.publish(with_secret)
        missing = await workspace.assign(email="a@one.example", company="One")
        assert (missing["degraded_codes"], service.asked) == ({"firms": "secret_missing"}, [])
        for host, status in (("other.example", 201), (HOST, 200)):
            body = {"host": host, "secret": "Bearer t0ken"}
            answer = await workspace.client.put("/enrichment/secrets/firms", json=body)
            assert answer.status_code == status, answer.text
            later = await workspace.assign(email=f"a@{host}", company=f"Firm of {host}")
            assert (later["degraded"] == []) == (host == HOST)
        state = await workspace.client.get("/enrichment")
    assert [each.headers["x-token"] for each in service.asked] == ["Bearer t0ken"]
    assert state.json()["secrets"][0]["host"] == HOST
    assert "t0ken" not in state.text + answer.text
    assert state.json()["failing"] == []
    gone = await workspace.client.delete("/enrichment/secrets/firms")
    again = await workspace.client.delete("/enrichment/secrets/firms")
    assert (gone.status_code, again.status_code) == (204, 404)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"host": "a b", "secret": "x"}, "host"),
        ({"host": "user@firms.example", "secret": "x"}, "host"),
        ({"host": "firms.example/x", "secret": "x"}, "host"),
        ({"host": "firms.example", "secret": "x\r\nY: z"}, "secret"),
        ({"host": "firms.example"}, "secret"),
    ],
)
async def test_secret_that_cannot_be_sent_is_refused(
    workspace: Workspace, body: dict[str, str], field: str
) -> None:
    answer = await workspace.client.put("/enrichment/secrets/firms", json=body)
    assert (answer.status_code, answer.json()["errors"][0]["path"]) == (422, field)


async def test_failing_provider_is_listed(workspace: Workspace) -> None:
    async with answering(lambda _: (401, {}), workspace.app.state.target_http) as service:
        await workspace.publish(plan(service))
        await workspace.assign(email="a@one.example", company="One")
    (failing,) = (await workspace.get("/enrichment"))["failing"]
    assert (failing["provider"], failing["state"], failing["code"]) == ("firms", "open", "status_401")
    gauge = re.compile(r'enrichment_breaker_open\{provider="firms",workspace="[^"]+"\} 1\.0')
    assert gauge.search((await workspace.client.get("/metrics")).text)
    health = await workspace.get("/metrics/health")
    (found,) = [each for each in health["findings"] if each["code"] == "provider_denied"]
    assert (found["subject"], found["evidence"]["code"]) == (
        {"kind": "provider", "id": "firms"},
        "status_401",
    )
    await workspace.publish(RULES)
    assert (await workspace.get("/enrichment"))["failing"] == []
    assert not re.search("breaker_open{", (await workspace.client.get("/metrics")).text)
