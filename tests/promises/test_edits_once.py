"""One key, one edit: however often it is asked for, it is done once and answered the same."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest

from tests.office import PLAN, Office, open_office

COUNTS = """
SELECT (SELECT count(*) FROM changes WHERE workspace_id = $1),
       (SELECT count(*) FROM plans WHERE workspace_id = $1),
       (SELECT count(*) FROM events WHERE workspace_id = $1),
       (SELECT max(number) FROM journal WHERE workspace_id = $1)
"""
EXPIRE = "UPDATE idempotency SET at = at - interval '8 days' WHERE workspace_id = $1"


@dataclass(frozen=True)
class Edit:
    """A POST that edits, and another body for it, if there is one. `{assignment}` stands for an open one."""

    url: str
    body: Any
    other: Any
    status: int = 201


AWAY = {"from": "2026-12-01T00:00:00Z", "to": "2026-12-08T00:00:00Z"}
EDITS = {
    "absence": Edit("/owners/ana/absences", AWAY, {**AWAY, "kind": "illness"}),
    "draft": Edit("/plans", PLAN, PLAN + "# more\n"),
    "publish": Edit("/plans/2/publish", {"comment": "now"}, {"comment": "now!"}, 200),
    "rollback": Edit("/plans/1/rollback", {}, {"comment": "no"}, 200),
    "event": Edit("/assignments/{assignment}/events", {"type": "closed"}, None, 200),
}


@pytest.fixture
async def office(database: str) -> AsyncIterator[Office]:
    async with open_office(database) as office:
        yield office


async def ready(office: Office, name: str) -> Edit:
    """The edit, with what it needs in place."""
    edit = EDITS[name]
    if name in ("publish", "rollback"):
        assert (await send(office, Edit("/plans", PLAN, None))).status_code == 201
    if name == "rollback":
        first = "UPDATE plans SET activated_at = now() WHERE workspace_id = $1 AND version = 1"
        await office.pool.execute(first, office.workspace_id)
        assert (await office.client.post("/plans/2/publish")).status_code == 200
    if "{assignment}" in edit.url:
        assignment = (await office.assign(external_id="a"))["assignment_id"]
        return Edit(edit.url.format(assignment=assignment), edit.body, edit.other, edit.status)
    return edit


async def send(office: Office, edit: Edit, key: str | None = None, body: Any = None) -> httpx2.Response:
    """Asks for the edit, with its own body or another."""
    sent = edit.body if body is None else body
    headers = {"Idempotency-Key": key} if key else {}
    if isinstance(sent, str):
        headers |= {"Content-Type": "application/yaml"}
        return await office.client.post(edit.url, content=sent.encode(), headers=headers)
    return await office.client.post(edit.url, json=sent, headers=headers)


async def counts(office: Office) -> list[int]:
    """How much was ever done in the workspace: changes, plans, events, and the number of the newest pass."""
    (row,) = await office.pool.fetch(COUNTS, office.workspace_id)
    return list(row)


def replayed(answer: httpx2.Response) -> bool:
    return answer.headers.get("idempotency-replayed") == "true"


@pytest.mark.parametrize("name", EDITS)
async def test_the_same_again_is_answered_and_not_done(office: Office, name: str) -> None:
    edit = await ready(office, name)
    first = await send(office, edit, "k")
    assert first.status_code == edit.status, first.text
    done = await counts(office)
    again = await send(office, edit, '"k"')
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert (replayed(first), replayed(again)) == (False, True)
    assert await counts(office) == done


@pytest.mark.parametrize("name", EDITS)
async def test_another_body_or_route_under_the_same_key_is_refused(office: Office, name: str) -> None:
    edit = await ready(office, name)
    await send(office, edit, "k")
    done = await counts(office)
    decided = {"lead": {"external_id": "b"}}
    route = await office.client.post("/assign", json=decided, headers={"Idempotency-Key": "k"})
    answers = [route] if edit.other is None else [route, await send(office, edit, "k", edit.other)]
    for answer in answers:
        assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")
    assert await counts(office) == done


@pytest.mark.parametrize("name", EDITS)
async def test_twelve_at_once_are_one(office: Office, name: str) -> None:
    edit = await ready(office, name)
    before = await counts(office)
    answers = await asyncio.gather(*(send(office, edit, "k") for _ in range(12)))
    assert {(answer.status_code, answer.content) for answer in answers} == {(edit.status, answers[0].content)}
    assert sorted(map(replayed, answers)) == [False] + [True] * 11
    after = await counts(office)
    assert after[3] == before[3] + 1
    assert after[0] - before[0] == (0 if name == "event" else 1)


async def test_a_replayed_publication_puts_nothing_back_in_force(office: Office) -> None:
    edit = await ready(office, "publish")
    first = await send(office, edit, "k")
    await send(office, Edit("/plans", PLAN, None))
    await office.client.post("/plans/3/publish")
    again = await send(office, edit, "k")
    assert again.content == first.content
    assert (await office.get("/plans/active"))["version"] == 3


async def test_what_was_refused_may_be_tried_again(office: Office) -> None:
    edit = Edit("/owners/zoe/absences", AWAY, None)
    assert (await send(office, edit, "k")).status_code == 404
    await office.put("owners", "zoe", {"name": "Zoe"})
    assert (await send(office, edit, "k")).status_code == 201


@pytest.mark.parametrize("name", ["absence", "event"])
async def test_a_key_holds_for_seven_days(office: Office, name: str) -> None:
    edit = await ready(office, name)
    await send(office, edit, "k")
    await office.pool.execute(EXPIRE, office.workspace_id)
    again = await send(office, edit, "k")
    assert (again.status_code, replayed(again)) == (edit.status, False)
    assert replayed(await send(office, edit, "k"))


async def test_an_event_on_a_closed_lead_keeps_its_key_too(office: Office) -> None:
    edit = await ready(office, "event")
    await send(office, edit)
    first = await send(office, edit, "k")
    assert (first.status_code, replayed(first)) == (200, False)
    assert replayed(await send(office, edit, "k"))


async def test_a_replayed_decision_has_the_header_too(office: Office) -> None:
    answers = [
        await office.client.post(
            "/assign", json={"lead": {"external_id": "a"}}, headers={"Idempotency-Key": "k"}
        )
        for _ in range(2)
    ]
    assert list(map(replayed, answers)) == [False, True]
