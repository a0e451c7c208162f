"""The types of endpoint parameters that every route can use."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from fastapi import Body, Depends, Path, Query
from starlette.requests import Request

from app.api.http.auth import Caller, caller_of
from app.api.http.idempotency import idempotency_key
from app.api.http.preconditions import precondition
from app.directory.console_links import ConsoleLinks
from app.directory.records import Precondition
from app.dispatch.dispatcher import Dispatcher
from app.plan_check.capabilities import Capabilities
from app.plan_check.parse import Strategies
from app.store.connection.pool import Pool
from app.store.path.idempotency import IdempotencyKey

MAX_INT32 = 2**31 - 1
MAX_INT64 = 2**63 - 1


def from_state(name: str) -> Callable[[Request], Awaitable[Any]]:
    """A dependency: what the application keeps under this name."""

    async def read(request: Request) -> Any:
        return getattr(request.app.state, name)

    return read


CallerParameter = Annotated[Caller, Depends(caller_of)]
PoolParameter = Annotated[Pool, Depends(from_state("pool"))]
DispatchParameter = Annotated[Dispatcher, Depends(from_state("dispatch"))]
StrategiesParameter = Annotated[Strategies, Depends(from_state("strategies"))]
CapabilitiesParameter = Annotated[Capabilities, Depends(from_state("capabilities"))]
LinksParameter = Annotated[ConsoleLinks, Depends(from_state("console_links"))]
IdempotencyKeyParameter = Annotated[IdempotencyKey | None, Depends(idempotency_key)]
PreconditionParameter = Annotated[Precondition, Depends(precondition)]

PathId = Annotated[str, Path(min_length=1, max_length=255)]
After = Annotated[str, Query(max_length=255, description="`next` of the previous page.")]
AfterNumber = Annotated[int, Query(ge=0, le=MAX_INT64, description="`next` of the previous page.")]
Limit = Annotated[int, Query(ge=1, le=1000, description="The size of the page.")]
Patch = Annotated[dict[str, Any], Body()]
"""A JSON merge patch (RFC 7396)."""
