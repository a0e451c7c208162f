"""What a form sent: read strictly, with the proof that it is a form of ours."""

import hmac
from collections.abc import Mapping, Sequence
from typing import Annotated, Any
from urllib.parse import parse_qsl, urlsplit

from fastapi import Depends
from starlette.requests import Request

from app.api.http.idempotency import named_key
from app.api.http.routing import read
from app.contract.limits import BodyLimits
from app.errors import BadRequest, Forbidden, UnsupportedMediaType, refused_at
from app.settings import Settings
from app.store.path.idempotency import IdempotencyKey

MEDIA_TYPE = "application/x-www-form-urlencoded"
MAX_FIELDS = 1000
CSRF_FIELD, CSRF_HEADER = "csrf", "x-csrf-token"
KEY_FIELD = "idempotency_key"


class Form:
    """The fields of a form that was sent."""

    def __init__(self, request: Request, fields: Mapping[str, Sequence[str]]) -> None:
        self._request, self._fields = request, fields

    def text(self, name: str, *, max_length: int = 2000) -> str:
        """The text of a field without blanks around it; an empty one if it was not sent.

        Raises ValidationFailed for a longer one, and for a field that was sent twice.
        """
        found = self._fields.get(name, ())
        if len(found) > 1:
            raise refused_at((name,), "not_allowed", "was sent twice")
        text = found[0].strip() if found else ""
        if len(text) > max_length:
            raise refused_at((name,), "too_long", f"must have at most {max_length} characters")
        return text

    def required(self, name: str, *, max_length: int = 2000) -> str:
        """The text of a field. Raises ValidationFailed if it is empty, and like `text`."""
        text = self.text(name, max_length=max_length)
        if not text:
            raise refused_at((name,), "required", "must be filled in")
        return text

    def all(self, name: str) -> Sequence[str]:
        """Every value of a field, such as those of checkboxes."""
        return self._fields.get(name, ())

    def idempotency_key(self) -> IdempotencyKey | None:
        """The key that was made with the page: a second tap gets the answer to the first one."""
        text = self.text(KEY_FIELD, max_length=255)
        if not text:
            return None
        return named_key(self._request, text, {name: list(each) for name, each in self._fields.items()})


async def form_of(request: Request) -> Form:
    """The form of a request to a route that takes one."""
    form = request.scope["form"]
    assert isinstance(form, Form)  # noqa: S101 - the route sets it before its endpoint runs
    return form


FormParameter = Annotated[Form, Depends(form_of)]


async def read_form(request: Request, limits: BodyLimits, csrf: str | None) -> Form:
    """The form of a request, checked to come from a page of ours: `csrf` is the token of its session.

    Raises Forbidden, BadRequest, UnsupportedMediaType or TooLarge.
    """
    check_origin(request)
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    raw = await read(request, limits)
    if raw and media != MEDIA_TYPE:
        raise UnsupportedMediaType(f"Send {MEDIA_TYPE}.")
    fields = _parse(raw)
    sent = fields.pop(CSRF_FIELD, [request.headers.get(CSRF_HEADER, "")])[0]
    if csrf is not None and not hmac.compare_digest(sent.encode(), csrf.encode()):
        raise Forbidden("This page is of an earlier session. Reload it, and try again.")
    return Form(request, fields)


def check_origin(request: Request) -> None:
    """Raises Forbidden unless a browser says that the request comes from a page of this service."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        if site == "same-origin":
            return
    elif (origin := request.headers.get("origin")) is not None and _is_ours(origin, request):
        return
    raise Forbidden("The request does not come from a page of the console.")


def _is_ours(origin: str, request: Request) -> bool:
    settings: Settings = request.app.state.settings
    if settings.public_base_url is not None and origin == _origin(settings.public_base_url):
        return True
    parts = urlsplit(origin)
    return parts.scheme in ("http", "https") and parts.netloc == request.headers.get("host", "")


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _parse(raw: bytes) -> dict[str, list[str]]:
    fields: dict[str, list[str]] = {}
    try:
        pairs: Sequence[tuple[Any, Any]] = parse_qsl(
            raw.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS
        )
    except ValueError:
        raise BadRequest("The form cannot be read.") from None
    for name, value in pairs:
        if "\0" in value:
            raise BadRequest("The form contains a NUL character.")
        fields.setdefault(name, []).append(value)
    return fields
