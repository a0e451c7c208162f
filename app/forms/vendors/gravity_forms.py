"""Gravity Forms, the webhooks add-on: JSON or a form, by any method, with all fields or chosen ones.

With all fields the keys are the numbers of the fields: `1.3` is the first name of the name field 1, `5.1` and
`5.2` are ticks of the checkboxes 5. Everything is a text, and an empty one is no answer.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, timedelta
from typing import Any, Final

from app.forms.vendors.base import REMEMBERED, Delivery, FormRequest, FormTerms, PlainForm, Unreadable
from app.forms.vendors.bodies import first_text, read_body, texts_of
from app.forms.vendors.fields import CONTEXT, context, map_fields
from app.forms.vendors.form_field import FormField, fields_of
from app.values.countries import country_code
from app.values.dates import read_date
from app.webhooks.vendors.payloads import dedupe_key, identifier

_NUMBERED: Final = re.compile(r"(?:input_)?([0-9]{1,6})(?:[._]([0-9]{1,4}))?")
_NAME: Final = {"2": "prefix", "3": "first_name", "4": "middle_name", "6": "last_name", "8": "suffix"}
_ADDRESS: Final = {
    "1": "street", "2": "street_2", "3": "city", "4": "state", "5": "postal_code", "6": "country",
}  # fmt: skip
_KNOWN: Final[Mapping[str, str]] = {
    **CONTEXT,
    **{f"\0{name}": name for name in ("first_name", "last_name", "city", "state", "postal_code", "country")},
}
_OF_THE_ENTRY: Final = frozenset(
    (
        "id", "entry_id", "entry_date", "form_id", "form_title", "post_id", "date_created", "date_updated",
        "is_starred", "is_read", "is_approved", "ip", "source_url", "user_agent", "currency",
        "payment_status", "payment_date", "payment_amount", "payment_method", "transaction_id",
        "transaction_type", "is_fulfilled", "created_by", "status", "source_id",
    )
)  # fmt: skip
WITHOUT_ID: Final = timedelta(minutes=10)
"""How long a body without an id and a time of its own counts as a repeat of its like."""


class GravityForms(PlainForm):
    """Implements FormKind."""

    kind = "gravity_forms"
    methods = frozenset(("GET", "POST", "PUT", "PATCH", "DELETE"))

    def parse(self, request: FormRequest, terms: FormTerms) -> Sequence[Delivery]:
        """One lead, or one for each element of a list."""
        body = read_body(request)
        entries = body.document if isinstance(body.document, list) else [body.document]
        if not entries or not all(isinstance(each, dict) for each in entries):
            raise Unreadable("has no entry")
        return [_delivery(each, terms, body.flags) for each in entries]


def _delivery(entry: Mapping[str, Any], terms: FormTerms, flags: Sequence[str]) -> Delivery:
    form_id = first_text(entry.get("form_id"))
    fields = [
        *context(form_id=form_id, form_name=entry.get("form_title"), ip=entry.get("ip")),
        *_answers(entry, terms),
    ]
    found = map_fields(fields, terms.mapping, _KNOWN).with_page(entry.get("source_url"))
    at = read_date(first_text(entry.get("date_created")) or first_text(entry.get("entry_date"))).within(UTC)
    id_ = identifier(entry.get("id")) or identifier(entry.get("entry_id"))
    return Delivery(
        "lead",
        f"{form_id}:{id_ or dedupe_key('gravity', at, sorted(map(str, entry.items())))}",
        lead=found.lead,
        at=at,
        flags=(*flags, *found.flags),
        unmapped=found.unmapped,
        repeats_for=REMEMBERED if id_ or at else WITHOUT_ID,
    )


def _answers(entry: Mapping[str, Any], terms: FormTerms) -> Iterator[FormField]:
    named = {place for places in terms.mapping.fields.values() for place in places}
    groups: dict[str, dict[str, Any]] = {}
    others: dict[str, Any] = {}
    for key, value in entry.items():
        numbered = _NUMBERED.fullmatch(key)
        if key in _OF_THE_ENTRY:
            continue
        if numbered is None or numbered[2] is None or key in named:
            others[numbered[1] if numbered and key not in named else key] = value
        else:
            groups.setdefault(numbered[1], {})[numbered[2]] = value
    for number, parts in groups.items():
        yield from _group(number, parts)
    yield from fields_of(others)


def _group(number: str, parts: Mapping[str, Any]) -> Iterator[FormField]:
    """The parts of a name, of an address, of a consent, or the ticks of checkboxes."""
    kinds = None
    if parts.keys() <= _NAME.keys() and parts.keys() & {"3", "6"}:
        kinds = _NAME
    elif parts.keys() <= _ADDRESS.keys() and country_code(first_text(parts.get("6"))):
        kinds = _ADDRESS
    if kinds is not None:
        for part, value in parts.items():
            yield FormField(f"\0{kinds[part]}", value, name=f"{number}.{part}")
    elif _is_consent(parts):
        yield FormField(number, first_text(parts.get("1")), label=first_text(parts.get("2")), type="consent")
    else:
        ordered = sorted(parts.items(), key=lambda each: int(each[0]))
        yield FormField(number, [text for _, value in ordered for text in texts_of(value)])


def _is_consent(parts: Mapping[str, Any]) -> bool:
    """A consent field has the tick, the sentence and the number of the sentence's version."""
    tick, sentence, version = (first_text(parts.get(each)) for each in ("1", "2", "3"))
    return parts.keys() == {"1", "2", "3"} and tick in ("", "1") and " " in sentence and version.isdigit()
