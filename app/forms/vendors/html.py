"""Plain HTML forms: what a browser sends, urlencoded or multipart, and a page in return.

The page is one of the endpoint's list. The form names it, and whatever else stands in that field leads to the
default page. The visitor sees the same, whether or not a lead could be made of the form.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

from app.forms.vendors.base import (
    REMEMBERED,
    VISITOR_ADDRESS,
    Delivery,
    FormAnswer,
    FormRequest,
    FormTerms,
    PlainForm,
    Unreadable,
)
from app.forms.vendors.bodies import Body, read_body, texts_of
from app.forms.vendors.fields import map_fields
from app.forms.vendors.form_field import fields_of
from app.forms.vendors.generic import UNREADABLE_BYTES
from app.intake.junk import HONEYPOT_FILLED

SECOND_PRESS: Final = timedelta(minutes=10)
"""So long the same form by the same person is a second press of the button."""
_PAGE: Final = b"<!doctype html><title>Thank you</title><p>Thank you. We have received your message.</p>"


class HtmlForm(PlainForm):
    """Implements FormKind."""

    kind = "html"
    kept_headers: Sequence[str] = ("referer", VISITOR_ADDRESS)

    def parse(self, request: FormRequest, terms: FormTerms) -> Sequence[Delivery]:
        """One delivery. Its id is the one-time field, else who sent what."""
        body = read_body(request)
        if not isinstance(body.document, dict):
            raise Unreadable("is no form")
        options = terms.options
        fields = {**body.query, **body.fields}
        for name in (options.get("redirect_field") or "redirect", "_charset_"):
            fields.pop(name, None)
        once = texts_of(fields.pop(options.get("once_field") or "", None))
        trapped = bool(texts_of(fields.pop(options.get("honeypot") or "", None)))
        mapped = map_fields(fields_of(fields), terms.mapping)
        page = request.headers.get("referer", b"").decode("latin-1")
        lead = dict(mapped.with_page(page if page.startswith(("https://", "http://")) else None).lead)
        if address := request.headers.get(VISITOR_ADDRESS):
            lead.setdefault("ip", address.decode("latin-1"))
        return [
            Delivery(
                "lead",
                f"once:{once[0]}" if once else _fingerprint(lead, fields, body),
                lead={**lead, "honeypot": True} if trapped else lead,
                flags=(*body.flags, *mapped.flags, *((HONEYPOT_FILLED,) if trapped else ())),
                unmapped={
                    **mapped.unmapped,
                    **({UNREADABLE_BYTES: dict(body.unreadable)} if body.unreadable else {}),
                },
                repeats_for=REMEMBERED if once else SECOND_PRESS,
            )
        ]

    def accepted(self, request: FormRequest, terms: FormTerms) -> FormAnswer:
        """The page that the form names, or the default one."""
        redirects: Mapping[str, str] = terms.options.get("redirects") or {}
        address = redirects.get(_named_page(request, terms.options)) or redirects.get(
            terms.options.get("default_redirect") or next(iter(redirects), "")
        )
        if address is None:
            return FormAnswer(200, _PAGE, "text/html; charset=utf-8")
        return FormAnswer(303, headers={"Location": address})


def _named_page(request: FormRequest, options: Mapping[str, Any]) -> str:
    try:
        body = read_body(replace(request, headers=dict(request.headers)))
    except Unreadable:
        return ""
    named = {**body.query, **body.fields}.get(options.get("redirect_field") or "redirect")
    return named if isinstance(named, str) else ""


def _fingerprint(lead: Mapping[str, Any], fields: Mapping[str, Any], body: Body) -> str:
    """Who sent what. The address counts in whatever case it is written."""
    said = json.dumps([fields, dict(body.unreadable)], default=str, sort_keys=True)
    person = str(lead.get("email") or lead.get("phone") or "").strip().lower()
    return hashlib.sha256(f"{person}\n{said}".encode()).hexdigest()
