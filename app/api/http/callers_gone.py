"""Work for a caller who may leave before it is done."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from starlette.requests import Request

from app.errors import BadRequest, ShuttingDown

Result = TypeVar("Result")


async def unless_gone(request: Request, work: Coroutine[Any, Any, Result]) -> Result:
    """The result of work that changes nothing. It ends when the caller has gone: nobody would read it.

    Raises what the work raises, BadRequest when the caller has gone, and ShuttingDown when the process ends
    before the work does.
    """
    doing = asyncio.ensure_future(work)
    leaving = asyncio.ensure_future(_gone(request))
    try:
        await asyncio.wait((doing, leaving), return_when=asyncio.FIRST_COMPLETED)
        if not doing.done():
            raise BadRequest("The caller has gone.")
        return doing.result()
    except asyncio.CancelledError:
        if request.app.state.draining:
            raise ShuttingDown from None
        raise
    finally:
        leaving.cancel()
        doing.cancel()


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
