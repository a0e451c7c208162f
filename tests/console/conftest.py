"""What tests of the console share: two prepared workspaces, and one browser with one server for all."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import contextmanager
from typing import Any

import pytest
import pytest_asyncio
import uvicorn

from app.api.http.protocol import protocol_of
from tests.conftest import WITH_WORKSPACE
from tests.console.browser import CHROMIUM, Screen, open_screen
from tests.console.pair import Pair, open_pair
from tests.support.postgres import Clusters
from tests.support.workspace import Filled


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def pair(
    clusters: Clusters, pytestconfig: pytest.Config, filled_template: Filled
) -> AsyncIterator[Pair]:
    """Two workspaces, for tests that only look, or that change what no other test looks at."""
    with clusters.clone(pytestconfig.getoption("--postgres"), WITH_WORKSPACE) as dsn:
        async with open_pair(filled_template._replace(dsn=dsn)) as opened:
            yield opened


class _Server(uvicorn.Server):
    """A server in the loop of the tests, which keep their signals."""

    @contextmanager
    def capture_signals(self) -> Any:
        yield


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def address(pair: Pair) -> AsyncIterator[str]:
    """Where the service of the pair listens."""
    config = uvicorn.Config(
        pair.app, port=0, lifespan="off", http=protocol_of(pair.app), log_config=None, ws="none"
    )
    server = _Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - the server tells nobody
        await asyncio.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    await serving


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def browser() -> AsyncIterator[Any]:
    """Chromium, started once."""
    if shutil.which(CHROMIUM) is None:
        pytest.skip("there is no /usr/bin/chromium")
    from playwright.async_api import async_playwright

    async with async_playwright() as started:
        browser = await started.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        yield browser
        await browser.close()


@pytest_asyncio.fixture
async def screen(browser: Any, address: str, pair: Pair) -> AsyncIterator[Screen]:
    """A page of the browser. At the end it must have seen no error, and nothing from elsewhere."""
    async with open_screen(browser, address, pair) as opened:
        yield opened
