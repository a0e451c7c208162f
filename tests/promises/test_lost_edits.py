"""The line to Postgres breaks at the COMMIT of an edit: the answer says what became of it."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import httpx2
import pytest

from tests.office import Office, open_office
from tests.promises.proxy import Break, Proxy, proxied

AWAY = {"from": "2026-12-01T00:00:00Z", "to": "2026-12-08T00:00:00Z"}
ABSENCES = "/owners/ana/absences"


def first(how: Break) -> Callable[[int], Break]:
    """This happens to one COMMIT only."""
    return lambda number: how if number == 1 else Break.NOT


@asynccontextmanager
async def office_behind(database: str) -> AsyncIterator[tuple[Office, Proxy]]:
    """A running service that reaches its database by way of a proxy."""
    async with proxied(database) as (dsn, proxy), open_office(dsn, work_every_seconds=3600) as office:
        yield office, proxy


async def add(office: Office, key: str | None = None) -> httpx2.Response:
    """Enters an absence."""
    headers = {"Idempotency-Key": key} if key else {}
    return await office.client.post(ABSENCES, json=AWAY, headers=headers)


@pytest.mark.parametrize(
    ("how", "status", "code", "entered"),
    [(Break.BEFORE, 503, "database_away", 0), (Break.AFTER, 201, None, 1)],
    ids=["not done", "done"],
)
async def test_a_lost_reply_is_cleared_up(
    database: str, how: Break, status: int, code: str | None, entered: int
) -> None:
    async with office_behind(database) as (office, proxy):
        proxy.break_commits(first(how))
        answer = await add(office)
        proxy.break_commits(first(Break.NOT))
        assert (answer.status_code, answer.json().get("code")) == (status, code)
        assert len((await office.get(ABSENCES))["items"]) == entered


async def test_what_cannot_be_found_out_is_said_so_and_may_be_asked_again(database: str) -> None:
    async with office_behind(database) as (office, proxy):
        # The first COMMIT is that of the look at the key.
        proxy.break_commits(lambda number: Break.AFTER if number > 1 else Break.NOT)
        answer = await add(office, "k")
        proxy.break_commits(first(Break.NOT))
        assert (answer.status_code, answer.json()["code"]) == (503, "outcome_unknown")
        assert int(answer.headers["retry-after"]) > 0
        again = await add(office, "k")
        assert (again.status_code, again.headers["idempotency-replayed"]) == (201, "true")
        assert [item["id"] for item in (await office.get(ABSENCES))["items"]] == [again.json()["id"]]
