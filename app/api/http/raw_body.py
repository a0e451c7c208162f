"""Bodies that are no JSON document: plans as YAML, and lines of JSON."""

from collections.abc import Collection

from starlette.requests import Request

from app.api.http.routing import read
from app.contract.limits import BodyLimits
from app.errors import UnsupportedMediaType


async def raw_body(request: Request, media: Collection[str], limits: BodyLimits) -> bytes:
    """The bytes of a body of one of these media types.

    Raises UnsupportedMedia, TooLarge, SlowBody, BadRequest.
    """
    sent = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if sent not in media:
        raise UnsupportedMediaType(f"Send {' or '.join(media)}.")
    if any(name == b"content-encoding" and value != b"identity" for name, value in request.scope["headers"]):
        raise UnsupportedMediaType("Send the body without compression.")
    return await read(request, limits)


def documented(media: Collection[str], schema: object) -> dict[str, object]:
    """Such a body in the OpenAPI document."""
    return {"requestBody": {"required": True, "content": {each: {"schema": schema} for each in media}}}
