"""Jotform: the parts of a multipart form. `rawRequest` holds the answers as JSON; `pretty` cannot be read.

The part `webhookURL` repeats our own address, which is the only secret there is.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final
from urllib.parse import unquote_to_bytes

from app.forms.vendors.base import REDACTED, Delivery, FormRequest, FormTerms, PlainForm, Unreadable
from app.forms.vendors.bodies import first_text, parse_json, read_body
from app.forms.vendors.fields import CONTEXT, context, map_fields
from app.forms.vendors.form_field import FormField
from app.webhooks.vendors.payloads import dedupe_key, moment

_QUESTION: Final = re.compile(r"q([0-9]{1,6})_(.+)", re.DOTALL)
_PARTS: Final[Mapping[str, str]] = {
    "first": "first_name", "last": "last_name", "city": "city", "state": "state", "postal": "postal_code",
    "country": "country",
}  # fmt: skip
_KNOWN: Final[Mapping[str, str]] = {**CONTEXT, **{f"\0{part}": name for part, name in _PARTS.items()}}
_NAME: Final = frozenset(("prefix", "first", "middle", "last", "suffix"))
_PHONE: Final = ("full", "country", "area", "phone")
_URL_IN_JSON: Final = re.compile(rb'("webhookURL"\s*:\s*")(?:[^"\\]|\\.)*')


class Jotform(PlainForm):
    """Implements FormKind."""

    kind = "jotform"

    def redact(self, request: FormRequest) -> FormRequest:
        """Without our own address."""
        parts = [each.partition(b"=") for each in request.body.split(b"&")]
        body = b"&".join(
            name + sign + (REDACTED if unquote_to_bytes(name).lower() == b"webhookurl" else value)
            for name, sign, value in parts
        )
        body = _URL_IN_JSON.sub(rb"\1" + REDACTED, body)
        return FormRequest(request.method, request.headers, request.query, body)

    def parse(self, request: FormRequest, terms: FormTerms) -> Sequence[Delivery]:
        """One lead."""
        sent = read_body(request).fields
        raw = sent.get("rawRequest")
        document = parse_json(raw) if isinstance(raw, str) else raw
        if not isinstance(document, dict):
            raise Unreadable("has no rawRequest that can be read")
        form_id, id_ = first_text(sent.get("formID")), first_text(sent.get("submissionID"))
        fields = [
            *context(
                form_id=form_id, form_name=first_text(sent.get("formTitle")), ip=first_text(sent.get("ip"))
            ),
            *_answers(document),
        ]
        found = map_fields(fields, terms.mapping, _KNOWN)
        answers = sorted(f"{name}={value}" for name, value in document.items() if _QUESTION.fullmatch(name))
        return [
            Delivery(
                "lead",
                id_ or dedupe_key("jotform", form_id, document.get("submitDate"), answers),
                lead=found.lead,
                at=moment(first_text(document.get("submitDate"))),
                flags=found.flags,
                unmapped=found.unmapped,
            )
        ]


def _answers(document: Mapping[str, Any]) -> Iterator[FormField]:
    """The answers, by the unique name of their question. Other keys are Jotform's own."""
    for key, value in document.items():
        question = _QUESTION.fullmatch(key)
        if question is None:
            continue
        name = question[2]
        if not isinstance(value, dict):
            yield FormField(key, value, label=name)
        elif value.keys() <= _NAME or "addr_line1" in value or "postal" in value:
            for part, text in value.items():
                known = f"\0{part}" if part in _PARTS else f"{key}.{part}"
                yield FormField(known, text, name=f"{name}_{part}")
        elif value.keys() >= {"day", "month", "year"}:
            yield FormField(key, _date(value), label=name)
        elif value.keys() & {"phone", "full", "area"}:
            yield FormField(key, first_text(value.get("full")) or _joined(value), label=name, type="phone")
        else:
            yield FormField(key, list(value.values()), label=name)


def _joined(phone: Mapping[str, Any]) -> str:
    parts = {part: text for part in _PHONE if (text := first_text(phone.get(part)))}
    if parts.get("country", "").isdigit():
        parts["country"] = f"+{parts['country']}"
    return " ".join(parts.values())


def _date(parts: Mapping[str, Any]) -> str:
    year, month, day = (first_text(parts.get(part)) for part in ("year", "month", "day"))
    return f"{year}-{month.zfill(2)}-{day.zfill(2)}" if year and month and day else ""
