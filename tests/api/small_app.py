"""A small app made of the same parts as the real one: routes, keys, problems, and the outermost layer."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import httpx2
import orjson
from fastapi import APIRouter, FastAPI
from starlette.requests import Request

from app import errors, keys
from app.api.http import problems as problem_details
from app.api.http.auth import Authentication, public, requires
from app.api.http.middleware import RequestMiddleware
from app.api.http.parameters import CallerParameter
from app.api.http.rate_limits import RateLimits
from app.api.http.routing import StrictRoute
from app.contract.faults import problem_document
from app.contract.limits import KIB, BodyLimits
from app.contract.requests import AssignRequest, BatchRequest, validate_items
from app.keys import StoredKey
from app.rates import UNLIMITED, Rates

LOCAL = ("127.0.0.1", 4321)
LEAD = {"lead": {"email": "jane@acme.example"}}

router = APIRouter(route_class=StrictRoute)


@router.post("/assign")
@requires("assign", decides_leads=True)
async def assign(body: AssignRequest, request: Request, caller: CallerParameter) -> dict[str, Any]:
    """Echoes the parsed request."""
    sent = await request.json()
    return {
        "workspace": caller.workspace_id,
        "lead": body.lead.model_dump(exclude_none=True),
        "keys": sorted(sent),
    }


@router.post("/assign/batch")
@requires("assign", body=BodyLimits(size=512 * KIB, isolate_items="items"), decides_leads=True)
async def batch(body: BatchRequest) -> list[Any]:
    """Each item's name, or its problem."""
    return [
        problem_document(item) if isinstance(item, errors.ValidationFailed) else item.lead.external_id
        for item in validate_items(body)
    ]


@router.post("/impatient")
@requires("assign", "claim", body=BodyLimits(seconds=0.05))
async def impatient(body: AssignRequest) -> None:
    """Waits only a moment for its body."""


@router.get("/leads/{lead_id}")
@requires("leads:read")
async def lead(lead_id: UUID, limit: int = 10) -> dict[str, Any]:
    """A path and a query parameter."""
    return {"id": str(lead_id), "limit": limit}


@router.get("/words/{word}")
@requires("leads:read")
async def words(word: str) -> dict[str, Any]:
    """Raises the given error."""
    raised: dict[str, Exception] = {
        "conflict": errors.InUse("It is taken."),
        "overloaded": errors.Overloaded(),
        "bug": ValueError("jane@acme.example is in this message"),
    }
    if word in raised:
        raise raised[word]
    return {"word": word}


@router.get("/healthz")
@public()
async def healthz() -> dict[str, str]:
    """Open to all."""
    return {"status": "ok"}


@dataclass
class Stored:
    """The stored keys, and how many queries read them."""

    keys: dict[str, StoredKey] = field(default_factory=dict)
    asked: int = 0
    away: bool = False

    async def find(self, ids: Sequence[str]) -> dict[str, StoredKey]:
        """What the store's look-up would do."""
        self.asked += 1
        if self.away:
            raise ConnectionError
        return {key_id: self.keys[key_id] for key_id in ids if key_id in self.keys}

    def issue(
        self,
        *scopes: str,
        workspace: int = 1,
        owner: str | None = None,
        revoked: bool = False,
        rates: Rates = UNLIMITED,
    ) -> str:
        """A new key as its caller holds it."""
        key = keys.issue("test")
        self.keys[key.id] = StoredKey(
            key.id, workspace, key.secret_hash(), frozenset(scopes), owner, revoked, rates=rates
        )
        return key.text()


@dataclass
class Lines:
    """A log that can be read."""

    lines: list[dict[str, object]] = field(default_factory=list)

    def info(self, event: str, **fields: object) -> None:
        """Keeps the line."""
        self.lines.append({"event": event, **fields})

    def error(self, event: str, **fields: object) -> None:
        """Keeps the line."""
        self.lines.append({"event": event, **fields})


@dataclass
class Clock:
    """A clock that the test moves."""

    at: float = 1000.0

    def __call__(self) -> float:
        """Now."""
        return self.at


@dataclass
class Small:
    """A small app with the middleware of the real one."""

    stored: Stored = field(default_factory=Stored)
    log: Lines = field(default_factory=Lines)
    clock: Clock = field(default_factory=Clock)
    observed: list[tuple[str, str, int]] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    development: bool = True
    development_workspace: int | None = 7

    def __post_init__(self) -> None:
        self.app = FastAPI(redirect_slashes=False, openapi_url=None)
        self.authentication = self.app.state.authentication = Authentication(
            self.stored.find,
            find_development_workspace=self.find_development_workspace if self.development else None,
            clock=self.clock,
            failed=self.failed.append,
        )
        self.app.state.rate_limits = RateLimits(self.refused.append, self.clock)
        self.app.include_router(router)
        problem_details.install(self.app)
        self.app.add_middleware(RequestMiddleware, log=self.log, observe=self.observe)

    async def find_development_workspace(self) -> int | None:
        """The workspace of `dev-key`, as the store has it."""
        return self.development_workspace

    def observe(self, route: str, method: str, status: int, seconds: float) -> None:
        """Counts a request."""
        assert seconds >= 0
        self.observed.append((route, method, status))

    def client(
        self,
        key: str | None = "dev-key",
        *,
        peer: tuple[str, int] = LOCAL,
        server: str = "http://127.0.0.1:8000",
    ) -> httpx2.AsyncClient:
        """A client that calls with this key from this peer."""
        transport = httpx2.ASGITransport(app=self.app, client=peer, raise_app_exceptions=False)
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        return httpx2.AsyncClient(transport=transport, base_url=server, headers=headers)


async def post(small: Small, content: Any, url: str = "/assign", **headers: str) -> httpx2.Response:
    """What comes back for this body; keywords are headers."""
    sent = {
        "content-type": "application/json",
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    async with small.client() as client:
        return await client.post(url, content=content, headers=sent)


def lead_bytes(**fields: Any) -> bytes:
    """A request with these fields of the lead."""
    return orjson.dumps({"lead": {"external_id": "a", **fields}})
