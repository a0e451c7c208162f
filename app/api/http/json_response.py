"""JSON responses, pages of lists, and ETags."""

from collections.abc import AsyncIterable, Callable, Sequence
from typing import Any, Generic, TypeVar

import orjson
from starlette.responses import Response

from app.pace import few_threads, paced

Model = TypeVar("Model")
Item = TypeVar("Item")


class Json(Response, Generic[Model]):
    """A response whose JSON body has the form of `Model`; the OpenAPI document takes it from there."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        return content if isinstance(content, bytes) else encode(content)


class NoContent(Response):
    """A response without a body."""

    def __init__(self) -> None:
        super().__init__(status_code=204)


class KeptJson:
    """Large answers that are the same for everybody: made once, in a thread, and kept as they are sent."""

    def __init__(self) -> None:
        self._kept: dict[str, bytes] = {}

    async def answer(self, name: str, make: Callable[[], object]) -> Json[Any]:
        """The answer of this name."""
        if name not in self._kept:
            await few_threads().run(name, self._make, name, make)
        return Json(self._kept[name])

    def _make(self, name: str, make: Callable[[], object]) -> None:
        if name not in self._kept:
            self._kept[name] = encode(make())


def encode(body: Any) -> bytes:
    """The bytes of a JSON body. Timestamps in UTC end in Z."""
    return orjson.dumps(body, option=orjson.OPT_UTC_Z)


async def page_of(
    items: Sequence[Item],
    limit: int,
    to_json: Callable[[Item], object],
    cursor: Callable[[Item], object],
) -> Json[Any]:
    """A page of at most `limit` items. One more item was read, to see whether another page follows.

    Long pages are made in slices. `to_json` may return a dataclass, which is written field by field.
    """
    shown, more = items[:limit], len(items) > limit
    following = str(cursor(shown[-1])) if more else None
    return Json({"items": await in_parts(paced(map(to_json, shown))), "next": following})


async def in_parts(items: AsyncIterable[object]) -> orjson.Fragment:
    """A list within a body, each item encoded by itself: all of them can have megabytes."""
    encoded = bytearray(b"[")
    async for item in items:
        if len(encoded) > 1:
            encoded += b","
        encoded += encode(item)
    encoded += b"]"
    return orjson.Fragment(bytes(encoded))


def etag(revision: int) -> dict[str, str]:
    """The ETag header of a revision."""
    return {"ETag": f'"{revision}"'}
