"""The scopes of every route (S-01, S-02)."""

from collections.abc import AsyncIterator, Iterator

import httpx2
import pytest
import pytest_asyncio
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from app.api.http.auth import Access, Authentication, access_of
from app.keys import SCOPES
from app.main import create_app
from app.settings import Settings
from tests.api.declared import undeclared_target
from tests.api.small_app import Stored
from tests.support.workspace import Workspace, client_of, empty_workspace, running_app

PUBLIC = {"/healthz", "/readyz", "/forms/{path}", "/webhooks/{path}"}
SOMETHING = "01890000-0000-7000-8000-000000000000"
BODIES = (b"", b"{}", b"{", b"\xff\xfe", b'{"lead": {"email": "a@b.example"}}', b"x" * 300_000)
Route = tuple[str, str, Access]


def routes_of(app: FastAPI) -> Iterator[Route]:
    """Method, path and declared access of everything the app answers."""
    for context in iter_route_contexts(app.routes):
        route = context.original_route
        for method in sorted(getattr(route, "methods", None) or ()):
            yield method, str(context.path), access_of(route.endpoint)  # type: ignore[attr-defined]


APP = create_app(Settings(env="production", console=False))
ROUTES = sorted(set(routes_of(APP)), key=lambda route: (route[1], route[0]))
GUARDED = [route for route in ROUTES if route[2].scopes]
NAMES = [f"{method} {path}" for method, path, _ in GUARDED]


@pytest.fixture
def stored() -> Stored:
    """Keys without a database: a caller without access is refused before any query."""
    found = Stored()
    APP.state.authentication = Authentication(found.find)
    return found


def address(path: str) -> str:
    """The path with something in each place for an id."""
    parts = (SOMETHING if part.startswith("{") else part for part in path.split("/"))
    return "/".join(parts)


def test_every_route_declares_who_may_call() -> None:
    assert undeclared_target(APP) == []


def test_only_these_are_open_to_all() -> None:
    assert {path for _, path, access in ROUTES if not access.scopes} == PUBLIC
    assert {"/assign", "/leads/{lead_id}", "/assignments/{assignment_id}", "/metrics"} <= {
        path for _, path, _ in GUARDED
    }


@pytest.mark.parametrize("route", GUARDED, ids=NAMES)
async def test_any_body_without_a_key_gets_401(stored: Stored, route: Route) -> None:
    method, path, _ = route
    async with client_of(APP, None) as client:
        for body in BODIES:
            for headers in ({}, {"Content-Type": "application/json"}, {"Content-Type": "text/plain"}):
                answer = await client.request(method, address(path), content=body, headers=headers)
                assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
    assert stored.asked == 0


@pytest.mark.parametrize("route", GUARDED, ids=NAMES)
async def test_each_scope_that_is_not_granted_gets_403(stored: Stored, route: Route) -> None:
    method, path, access = route
    for scope in SCOPES - {*access.scopes, "admin"}:
        async with client_of(APP, stored.issue(scope)) as client:
            for body in (b"", b"{"):
                answer = await client.request(method, address(path), content=body)
                assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


@pytest_asyncio.fixture
async def served(database: str) -> AsyncIterator[tuple[FastAPI, Stored]]:
    """The app with an empty workspace; keys are made without asking it."""
    async with running_app(database) as app:
        found = Stored()
        app.state.authentication = Authentication(found.find)
        assert (await empty_workspace(app.state.pool, "workspace")).workspace_id == 1  # that of the keys
        yield app, found


async def test_each_scope_that_is_granted_opens_its_routes(served: tuple[FastAPI, Stored]) -> None:
    app, keys = served
    for method, path, access in GUARDED:
        for scope in sorted({*access.scopes, "admin"}):
            async with client_of(app, keys.issue(scope)) as client:
                answer = await answered(client, method, path)
            assert answer.status_code not in {401, 403, 500} or is_development_only(answer), (method, path)


async def answered(client: httpx2.AsyncClient, method: str, path: str) -> httpx2.Response:
    headers = {"Content-Type": "application/json"}
    return await client.request(method, address(path), content=b"{}", headers=headers)


def is_development_only(answer: httpx2.Response) -> bool:
    """Nobody can set the clock in production."""
    return answer.status_code == 403 and answer.json()["code"] == "development_only"


async def test_the_api_is_described_to_those_with_a_key_only(stored: Stored) -> None:
    async with client_of(APP, stored.issue("assign")) as client:
        first, second = [await client.get("/openapi.json") for _ in range(2)]
    assert first.status_code == 200
    assert first.json() == second.json()
    described = {(method.upper(), path) for path, each in first.json()["paths"].items() for method in each}
    probes = {("HEAD", "/healthz"), ("HEAD", "/readyz")}
    rare = {(method, "/forms/{path}") for method in ("PUT", "PATCH", "DELETE")}
    hidden = {("GET", "/openapi.json")} | probes | rare
    assert described == {(method, path) for method, path, _ in ROUTES} - hidden
    async with client_of(APP, None) as client:
        for path in ("/docs", "/docs/start.js", "/redoc", "/docs/oauth2-redirect"):
            assert (await client.get(path)).status_code == 404
        assert (await client.get("/openapi.json")).status_code == 401


@pytest.mark.parametrize("route", ["/healthz", "/readyz"])
async def test_probes_may_ask_with_head(workspace: Workspace, route: str) -> None:
    async with workspace.caller(None) as client:
        assert (await client.head(route)).status_code == 200


@pytest.mark.alone
async def test_process_that_drains_is_not_ready(workspace: Workspace) -> None:
    workspace.app.state.draining = True
    async with workspace.caller(None) as client:
        answer = await client.get("/readyz")
        assert (answer.status_code, answer.json()["code"]) == (503, "shutting_down")
        assert answer.headers["retry-after"]
        assert (await client.get("/healthz")).status_code == 200
