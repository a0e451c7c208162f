"""One key, one edit: repeated requests edit once and get the same response."""

import asyncio
from dataclasses import dataclass, replace
from typing import Any

import httpx2
import pytest

from tests.support.factories import PLAN
from tests.support.workspace import Workspace

COUNTS = """
SELECT (SELECT count(*) FROM changes WHERE workspace_id = $1),
       (SELECT count(*) FROM plans WHERE workspace_id = $1),
       (SELECT count(*) FROM events WHERE workspace_id = $1),
       (SELECT max(number) FROM journal WHERE workspace_id = $1)
"""
EXPIRE = "UPDATE idempotency_keys SET at = at - interval '8 days' WHERE workspace_id = $1"


@dataclass(frozen=True)
class Edit:
    """A POST that edits, and another valid body if there is one. `{assignment}` is an open assignment."""

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
    "event": Edit("/assignments/{assignment}/events", {"type": "note"}, {"type": "closed"}, 200),
}


async def ready(workspace: Workspace, name: str) -> Edit:
    """The edit, with the records it needs."""
    edit = EDITS[name]
    if name in ("publish", "rollback"):
        assert (await send(workspace, Edit("/plans", PLAN, None))).status_code == 201
    if name == "rollback":
        first = "UPDATE plans SET activated_at = now() WHERE workspace_id = $1 AND version = 1"
        await workspace.pool.execute(first, workspace.workspace_id)
        assert (await workspace.client.post("/plans/2/publish")).status_code == 200
    if "{assignment}" in edit.url:
        assignment = (await workspace.assign(external_id="a"))["assignment_id"]
        return Edit(edit.url.format(assignment=assignment), edit.body, edit.other, edit.status)
    return edit


async def send(workspace: Workspace, edit: Edit, key: str | None = None, body: Any = None) -> httpx2.Response:
    """Asks for the edit, with its own body or another."""
    sent = edit.body if body is None else body
    headers = {"Idempotency-Key": key} if key else {}
    if isinstance(sent, str):
        headers |= {"Content-Type": "application/yaml"}
        return await workspace.client.post(edit.url, content=sent.encode(), headers=headers)
    return await workspace.client.post(edit.url, json=sent, headers=headers)


async def counts(workspace: Workspace) -> list[int]:
    """How much was ever done in the workspace: changes, plans, events, and the number of the newest pass."""
    (row,) = await workspace.pool.fetch(COUNTS, workspace.workspace_id)
    return list(row)


def said(answer: httpx2.Response) -> tuple[int, dict[str, Any]]:
    """The status and the body of an answer. The body of an event says itself whether it is a replay."""
    return answer.status_code, {**answer.json(), "replayed": None}


def replayed(answer: httpx2.Response) -> bool:
    return answer.headers.get("idempotency-replayed") == "true"


@pytest.mark.parametrize("name", EDITS)
async def test_a_repeated_edit_is_answered_and_not_done_again(workspace: Workspace, name: str) -> None:
    edit = await ready(workspace, name)
    first = await send(workspace, edit, "k")
    assert first.status_code == edit.status, first.text
    done = await counts(workspace)
    again = await send(workspace, edit, '"k"')
    assert said(again) == said(first)
    assert (replayed(first), replayed(again)) == (False, True)
    assert await counts(workspace) == done


@pytest.mark.parametrize("name", EDITS)
async def test_another_body_or_route_under_the_same_key_is_refused(workspace: Workspace, name: str) -> None:
    edit = await ready(workspace, name)
    await send(workspace, edit, "k")
    done = await counts(workspace)
    decided = {"lead": {"external_id": "b"}}
    route = await workspace.client.post("/assign", json=decided, headers={"Idempotency-Key": "k"})
    answers = [route] if edit.other is None else [route, await send(workspace, edit, "k", edit.other)]
    for answer in answers:
        assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")
    assert await counts(workspace) == done


@pytest.mark.parametrize("name", EDITS)
async def test_twelve_concurrent_edits_of_one_key_are_one(workspace: Workspace, name: str) -> None:
    edit = await ready(workspace, name)
    before = await counts(workspace)
    answers = await asyncio.gather(*(send(workspace, edit, "k") for _ in range(12)))
    assert all(said(answer) == said(answers[0]) for answer in answers)
    assert answers[0].status_code == edit.status
    assert sorted(map(replayed, answers)) == [False] + [True] * 11
    after = await counts(workspace)
    assert after[3] == before[3] + 1
    assert after[0] - before[0] == (0 if name == "event" else 1)


async def test_a_replayed_publication_activates_nothing(workspace: Workspace) -> None:
    edit = await ready(workspace, "publish")
    first = await send(workspace, edit, "k")
    await send(workspace, Edit("/plans", PLAN, None))
    await workspace.client.post("/plans/3/publish")
    again = await send(workspace, edit, "k")
    assert again.content == first.content
    assert (await workspace.get("/plans/active"))["version"] == 3


async def test_a_refused_edit_can_be_retried(workspace: Workspace) -> None:
    edit = Edit("/owners/zoe/absences", AWAY, None)
    assert (await send(workspace, edit, "k")).status_code == 404
    await workspace.put("owners", "zoe", {"name": "Zoe"})
    assert (await send(workspace, edit, "k")).status_code == 201


@pytest.mark.parametrize("name", ["absence", "event"])
async def test_a_key_holds_for_seven_days(workspace: Workspace, name: str) -> None:
    edit = await ready(workspace, name)
    await send(workspace, edit, "k")
    await workspace.pool.execute(EXPIRE, workspace.workspace_id)
    again = await send(workspace, edit, "k")
    assert (again.status_code, replayed(again)) == (edit.status, False)
    assert replayed(await send(workspace, edit, "k"))


async def test_an_event_on_a_closed_lead_keeps_its_key_too(workspace: Workspace) -> None:
    edit = await ready(workspace, "event")
    await send(workspace, replace(edit, body={"type": "closed"}))
    first = await send(workspace, edit, "k")
    assert (first.status_code, replayed(first)) == (200, False)
    assert replayed(await send(workspace, edit, "k"))


async def test_a_replayed_decision_has_the_header_too(workspace: Workspace) -> None:
    answers = [
        await workspace.client.post(
            "/assign", json={"lead": {"external_id": "a"}}, headers={"Idempotency-Key": "k"}
        )
        for _ in range(2)
    ]
    assert list(map(replayed, answers)) == [False, True]
