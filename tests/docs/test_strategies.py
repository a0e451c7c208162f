"""Each strategy of the documentation answers as its page shows, in a running service."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from fastapi import FastAPI

from app.store import workspaces
from tests.support.stories import Exchange, differences, exchanges
from tests.support.workspace import client_of, issue_key, running_app

PAGE = (Path(__file__).parents[2] / "docs" / "strategies.md").read_text(encoding="utf-8")
PEOPLE, *PARTS = PAGE.split("\n## A strategy of your own\n")[0].split("\n## ")
NAMES = [part.splitlines()[0].strip("`") for part in PARTS]


@pytest_asyncio.fixture
async def app(database: str) -> AsyncIterator[FastAPI]:
    """The running service."""
    async with running_app(database) as app:
        yield app


async def answers(app: FastAPI, story: list[Exchange]) -> list[Any]:
    """What comes back for each request, in a new workspace; a plan is put in force."""
    async with app.state.pool.acquire() as connection:
        workspace = await workspaces.create_workspace(connection, "page")
    key = await issue_key(app.state.pool, workspace.id, "admin")
    came = []
    async with client_of(app, key) as client:
        for each in story:
            kind = "application/yaml" if each.path == "/plans" else "application/json"
            answer = await client.request(
                each.method, each.path, content=each.body, headers={"content-type": kind}
            )
            assert answer.is_success, answer.text
            came.append(answer.json())
            if each.path == "/plans":
                assert came[-1]["findings"] == []
                published = await client.post(
                    f"/plans/{came[-1]['version']}/publish", json={"comment": "try"}
                )
                assert published.is_success, published.text
    return came


@pytest.mark.parametrize("part", PARTS, ids=NAMES)
async def test_a_strategy_answers_as_its_part_of_the_page_shows(app: FastAPI, part: str) -> None:
    story = [*exchanges(PEOPLE), *exchanges(part)]
    came = await answers(app, story)
    shown = [(each.shown, answer) for each, answer in zip(story, came, strict=True) if each.shown is not None]
    assert shown
    for returned, answer in shown:
        assert differences(returned, answer) == []
        # What is shown of a trace is all of it.
        assert returned.get("trace", answer["trace"]) == answer["trace"]
