"""The interactive page of the API comes from our own server, and only where it is wanted."""

import re

import pytest

from app.main import create_app
from app.settings import Settings
from tests.support.workspace import client_of


@pytest.mark.parametrize("settings", [Settings(), Settings(env="production", api_docs=True)])
async def test_page_and_document_are_open_where_they_are_served(settings: Settings) -> None:
    async with client_of(create_app(settings), None) as client:
        page = await client.get("/docs")
        assert page.headers["content-type"].startswith("text/html")
        links = re.findall(r'(?:src|href)="([^"]+)"', page.text)
        assert len(links) == 3
        for link in links:
            assert link.startswith("/docs/")
            assert (await client.get(link)).status_code == 200
        assert (await client.get("/docs/other.js")).status_code == 404
        document = (await client.get("/openapi.json")).json()
    assert "/assign" in document["paths"]
    assert not [path for path in document["paths"] if path.startswith("/docs")]


async def test_page_may_load_nothing_from_elsewhere() -> None:
    async with client_of(create_app(Settings()), None) as client:
        policy = (await client.get("/docs")).headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self';")
    assert "http" not in policy


@pytest.mark.parametrize("settings", [Settings(env="production"), Settings(api_docs=False)])
async def test_docs_page_is_absent_where_it_is_not_served(settings: Settings) -> None:
    async with client_of(create_app(settings), None) as client:
        assert (await client.get("/docs")).status_code == 404
