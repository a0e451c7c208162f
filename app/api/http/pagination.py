"""Lists in pages: `after` is where the last page ended, `next` where the next one begins."""

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, TypeVar

import orjson
from fastapi import Query
from starlette.responses import Response

After = Annotated[str, Query(max_length=255, description="`next` of the page before.")]
AfterNumber = Annotated[int, Query(ge=0, le=2**63 - 1, description="`next` of the page before.")]
Limit = Annotated[int, Query(ge=1, le=1000)]

Item = TypeVar("Item")


def page_of(
    items: Sequence[Item],
    limit: int,
    show: Callable[[Item], Mapping[str, Any]],
    cursor: Callable[[Item], object],
) -> Response:
    """The page made of at most `limit + 1` items that were asked for, to see whether more follow."""
    shown, more = items[:limit], len(items) > limit
    following = str(cursor(shown[-1])) if more else None
    return answer({"items": [show(item) for item in shown], "next": following})


def answer(body: Mapping[str, Any], status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON answer; times in UTC with a Z."""
    return Response(written(body), status, dict(headers or {}), media_type="application/json")


def written(body: Mapping[str, Any]) -> bytes:
    """The bytes of a JSON answer."""
    return orjson.dumps(body, option=orjson.OPT_UTC_Z)
