"""`http`: any service that answers a GET with JSON."""

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar
from urllib.parse import quote

import httpx2
import orjson
from pydantic import Field, field_validator

from app.enrichment.provider import (
    AccessDenied,
    CallLater,
    ProviderConfig,
    ProviderError,
    QueryRefused,
    Tools,
)
from app.outbox.safe_http import AddressRefused, TooLarge, parse_url
from app.plan.findings import fault

_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_TOKEN = re.compile(r"[A-Za-z0-9-]{1,100}")
_OWN_HEADERS = frozenset(("host", "connection", "content-length", "transfer-encoding"))
LONGEST_CALL = 10.0
"""Seconds. What a plan allows is shorter, and ends a call from outside."""
_NOTHING = frozenset((204, 404))


class HttpConfig(ProviderConfig):
    """The URL that is called, and the header that has the secret."""

    url: Annotated[str, Field(max_length=2000, description="With fields of the lead in braces.")]
    header: Annotated[str, Field(description="The header of the secret.")] = "Authorization"
    secret: Annotated[str | None, Field(min_length=1, max_length=255)] = None

    @field_validator("header")
    @classmethod
    def _is_header(cls, name: str) -> str:
        if not _TOKEN.fullmatch(name) or name.lower() in _OWN_HEADERS:
            raise fault("invalid_format", "Must be the name of a header, and none that a call has anyway.")
        return name

    @field_validator("url")
    @classmethod
    def _has_query(cls, text: str) -> str:
        try:
            url = parse_url(_PLACEHOLDER.sub("x", text))
        except AddressRefused as refused:
            raise fault("invalid_format", f"The URL {refused.detail}.") from None
        before = text.partition("{")[0]
        if "{" not in text or (before.count("/") < 3 and "?" not in before):
            raise fault("invalid_format", "The URL must have a field of the lead in braces, after the host.")
        if url.scheme != "https":
            raise fault("invalid_format", "The URL must start with https://.")
        return text

    @property
    def host(self) -> str:
        """The host that is called."""
        return parse_url(_PLACEHOLDER.sub("x", self.url)).host


class HttpProvider:
    """Calls a URL made of fields of the lead."""

    name = "http"
    Config: ClassVar[type[ProviderConfig]] = HttpConfig
    fills: Mapping[str, str] = {}
    cached = True

    def reads(self, config: HttpConfig) -> Sequence[str]:
        """The fields in the URL."""
        return tuple(dict.fromkeys(_PLACEHOLDER.findall(config.url)))

    def secrets(self, config: HttpConfig) -> Mapping[str, str]:
        """The secret of the header."""
        return {config.secret: config.host} if config.secret is not None else {}

    async def fetch(self, query: Mapping[str, str], config: HttpConfig, tools: Tools) -> Any:
        """The JSON that the service answers."""
        url = _PLACEHOLDER.sub(lambda found: quote(query[found[1]], safe=""), config.url)
        headers = {"Accept": "application/json"}
        if config.secret is not None:
            if config.secret not in tools.secrets:
                raise AccessDenied("secret_missing")
            headers[config.header] = tools.secrets[config.secret]
        try:
            answer = await tools.http.get(url, headers, LONGEST_CALL)
        except AddressRefused as refused:
            raise AccessDenied(refused.code) from None
        except TooLarge:
            raise ProviderError("answer_too_long") from None
        except httpx2.TimeoutException:
            raise ProviderError("timeout") from None
        except (OSError, httpx2.TransportError):
            raise ProviderError("connection_failed") from None
        _check_status(answer.status, answer.retry_after)
        if answer.status in _NOTHING:
            return None
        try:
            return orjson.loads(answer.body)
        except orjson.JSONDecodeError:
            raise ProviderError("answer_unreadable") from None


def _check_status(status: int, retry_after: float | None) -> None:
    """Raises the error that a status stands for."""
    code = f"status_{status}"
    if status in _NOTHING or status == 200:
        return
    if status in (401, 403):
        raise AccessDenied(code)
    if status == 429:
        raise CallLater(code, retry_after)
    if status == 408 or status >= 500 or status < 400:
        raise ProviderError(code)
    raise QueryRefused(code)
