"""Deliveries of form tools, and what becomes of them."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import pytest

from app.forms.vendors import FORM_KINDS
from app.forms.vendors.base import Delivery, FormMap, FormRequest, FormTerms, Refused, Unreadable

NOW = datetime(2026, 12, 1, 9, 0, tzinfo=UTC)
SECRET, OLD_SECRET = b"s3cret-of-the-form", b"the-one-before"
TERMS = FormTerms((SECRET, OLD_SECRET))
FORM = b"application/x-www-form-urlencoded"


def sent(body: Any, headers: Mapping[str, bytes] | None = None, **more: Any) -> FormRequest:
    """A delivery of JSON, or of bytes as they are."""
    raw = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
    return FormRequest("POST", {"content-type": b"application/json", **(headers or {})}, body=raw, **more)


def form(fields: Mapping[str, Any] | Sequence[tuple[str, str]]) -> FormRequest:
    """A delivery of a form."""
    return FormRequest("POST", {"content-type": FORM}, body=urlencode(fields, doseq=True).encode())


def parsed(
    kind: str,
    request: FormRequest,
    fields: Mapping[str, Sequence[str]] | None = None,
    **options: Any,
) -> list[Delivery]:
    """What a delivery says, after its secrets are gone."""
    terms = FormTerms(mapping=FormMap(fields=fields or {}), options=options)
    return list(FORM_KINDS[kind].parse(FORM_KINDS[kind].redact(request), terms))


def one(kind: str, request: FormRequest, fields: Mapping[str, Sequence[str]] | None = None) -> Delivery:
    """The only thing that a delivery says."""
    (found,) = parsed(kind, request, fields)
    return found


def is_unreadable(kind: str, request: FormRequest) -> bool:
    """Whether nothing can be made of a delivery."""
    with pytest.raises(Unreadable):
        parsed(kind, request)
    return True


def refusal(kind: str, request: FormRequest, terms: FormTerms = TERMS, now: datetime = NOW) -> str:
    """Why a delivery is refused."""
    with pytest.raises(Refused) as refused:
        FORM_KINDS[kind].verify(request, terms, now)
    return refused.value.code


def accepts(kind: str, request: FormRequest, now: datetime = NOW) -> int | None:
    """The position of the secret that let a delivery in."""
    return FORM_KINDS[kind].verify(request, TERMS, now).secret
