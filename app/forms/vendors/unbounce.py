"""Unbounce: a form with the parts `data.json` and `data.xml`, or one document of JSON or XML.

Every value is a list. No id is sent: page, date, time and the visitor's address name a submission. Times are
in UTC.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from app.forms.vendors.base import REMEMBERED, Delivery, FormRequest, FormTerms, PlainForm, Unreadable
from app.forms.vendors.bodies import Body, first_text, parse_json, read_body
from app.forms.vendors.fields import CONTEXT, context, map_fields
from app.forms.vendors.form_field import fields_of
from app.values.dates import read_date
from app.webhooks.vendors.payloads import dedupe_key

FROM_XML: Final = "data_json_unreadable"
"""The flag of a lead that was read from `data.xml`, because `data.json` could not be read."""
WITHOUT_DATE: Final = timedelta(hours=1)
"""How long a body without a date counts as a repeat of its like: the time of day comes every day."""
_AROUND: Final = frozenset(
    (
        "page_url", "page_name", "page_id", "page_uuid", "variant", "ip_address", "time_submitted",
        "date_submitted", "data.json", "data.xml",
    )
)  # fmt: skip


class Unbounce(PlainForm):
    """Implements FormKind."""

    kind = "unbounce"

    def parse(self, request: FormRequest, terms: FormTerms) -> Sequence[Delivery]:
        """One lead."""
        body = read_body(request)
        outer = body.fields
        data, flags = _data(outer, body)
        answers = {name: _single(value) for name, value in data.items() if name not in _AROUND}
        around = {name: first_text(data.get(name)) or first_text(outer.get(name)) for name in _AROUND}
        fields = [
            *context(
                page_id=around["page_uuid"] or around["page_id"],
                page_name=around["page_name"],
                variant=around["variant"],
                ip=around["ip_address"],
            ),
            *fields_of(answers),
        ]
        found = map_fields(fields, terms.mapping, CONTEXT).with_page(around["page_url"])
        return [
            Delivery(
                "lead",
                _id(around, answers, found.lead.get("email")),
                lead=found.lead,
                at=_at(around),
                flags=(*body.flags, *flags, *found.flags),
                unmapped=found.unmapped,
                repeats_for=REMEMBERED if around["date_submitted"] else WITHOUT_DATE,
            )
        ]


def _data(outer: Mapping[str, Any], body: Body) -> tuple[Mapping[str, Any], tuple[str, ...]]:
    """What the visitor sent, from JSON, or else from the same data in XML."""
    if not {"data.json", "data.xml", "data"} & outer.keys():
        if body.is_form and not outer.keys() - _AROUND:
            raise Unreadable("has no data")
        return _flat(outer), ()
    for name in ("data.json", "data"):
        data = outer.get(name)
        try:
            document = parse_json(data) if isinstance(data, str) else data
        except Unreadable:
            continue
        if isinstance(document, dict) and document:
            return document, ()
    xml = first_text(outer.get("data.xml"))
    if not xml:
        raise Unreadable("has no data that can be read")
    read = read_body(FormRequest(headers={"content-type": b"application/xml"}, body=xml.encode()))
    return _flat(read.fields), (FROM_XML,)


def _flat(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """The fields, without elements around all of them."""
    for _ in range(3):
        inner = next(iter(document.values())) if len(document) == 1 else None
        if not isinstance(inner, dict):
            break
        document = inner
    return document


def _single(value: Any) -> Any:
    return value[0] if isinstance(value, list) and len(value) == 1 else value


def _at(around: Mapping[str, str]) -> datetime | None:
    if not around["date_submitted"] or not around["time_submitted"]:
        return None
    return read_date(f"{around['date_submitted']} {around['time_submitted']}").within(UTC)


def _id(around: Mapping[str, str], answers: Mapping[str, Any], email: Any) -> str:
    # Without an address, what was sent tells two visitors of one minute apart.
    who = str(email).strip().lower() if email else sorted(map(str, answers.items()))
    page = around["page_uuid"] or around["page_id"] or around["page_url"]
    return dedupe_key("unbounce", page, around["date_submitted"], around["time_submitted"], who)
