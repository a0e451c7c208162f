"""Bodies that are not one JSON document: plans as YAML, tables as CSV, and lines of JSON."""

from collections.abc import Collection, Mapping
from typing import Any

from starlette.requests import Request

from app.api.http.routing import charge, read
from app.contract.limits import BodyLimits
from app.errors import UnsupportedMediaType

TEXT = {"type": "string", "format": "binary"}
"""The schema of a body that is sent as it is."""


async def raw_body(request: Request, media: Collection[str], limits: BodyLimits) -> bytes:
    """The bytes of a body of one of these media types.

    Raises UnsupportedMediaType, TooLarge, RequestTimeout or BadRequest.
    """
    if media_type(request) not in media:
        raise UnsupportedMediaType(f"Send {' or '.join(media)}.")
    if any(name == b"content-encoding" and value != b"identity" for name, value in request.scope["headers"]):
        raise UnsupportedMediaType("Send the body without compression.")
    raw = await read(request, limits)
    charge(request, len(raw))
    return raw


def media_type(request: Request) -> str:
    """The media type of the body, without its parameters."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def documented(schemas: Mapping[str, object], description: str) -> dict[str, Any]:
    """The description of such a body in the OpenAPI document, with a schema for each media type."""
    content = {media: {"schema": schema} for media, schema in schemas.items()}
    return {"requestBody": {"required": True, "description": description, "content": content}}
