"""What fetching needs of a form tool, and why it fails."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, Literal, Protocol

import orjson

from app.forms.vendors.base import Delivery, FormTerms
from app.outbox.safe_http import Document

Ask = Callable[[str, Mapping[str, str]], Awaitable[Document]]
"""Asks the tool for a path with its query, with further headers. Raises Failed with `unavailable`."""
Class = Literal[
    "rate_limited", "unavailable", "unexpected", "token_invalid", "not_permitted", "lead_not_found"
]
"""Why a lead could not be fetched.

- `rate_limited`:   the tool wants to be asked later, and so do all leads of the endpoint.
- `unavailable`:    there was no answer, or one of a tool in trouble.
- `unexpected`:     the answer is not what the tool documents.
- `token_invalid`:  the token is refused. Nothing is asked until there is another one.
- `not_permitted`:  the token lacks a permission, which may be given to it.
- `lead_not_found`: the tool knows no such lead, or not for this token.
"""
TEMPORARY: Final[frozenset[Class]] = frozenset(("rate_limited", "unavailable", "unexpected", "not_permitted"))
"""After these another attempt may succeed."""


class Failed(Exception):
    """A lead could not be fetched. `wait` are the seconds that the tool wants to be left alone."""

    def __init__(self, code: Class, wait: float | None = None) -> None:
        super().__init__(code)
        self.code: Class = code
        self.wait = wait


class FetchKind(Protocol):
    """How leads of one kind of form tool are fetched."""

    host: str
    """The address that paths are asked at."""

    def proven(self, path: str, token: bytes, secret: bytes | None) -> str:
        """The path as it is asked for with a token. `secret` is the endpoint's newest, None without one."""
        ...

    async def fetch(self, ask: Ask, told: Delivery, terms: FormTerms, cache_key: object) -> Delivery:
        """The lead of a delivery that tells ids. What is cached is of `cache_key` alone.

        Raises Failed, and Unreadable for an answer that is no lead.
        """
        ...


def document_of(answer: Document) -> Mapping[str, Any]:
    """The JSON object of an answer, empty if it is something else."""
    try:
        found = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}


def failed_by_status(answer: Document) -> Failed:
    """What a status means for tools that say no more."""
    match answer.status:
        case 401:
            return Failed("token_invalid")
        case 403:
            return Failed("not_permitted")
        case 404 | 410:
            return Failed("lead_not_found")
        case 429:
            return Failed("rate_limited", answer.retry_after)
        case status if status >= 500:
            return Failed("unavailable", answer.retry_after)
    return Failed("unexpected")
