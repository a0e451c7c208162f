"""Forms of WordPress: Elementor, WPForms and Contact Form 7, as their webhook plug-ins send them.

Keys are the labels, or `fields[id][value]` with the label beside it, or `wpforms[fields][n]`. Nothing is
signed, and an id is rare: without one, the same answers are the same submission for ten minutes.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

from app.forms.vendors.base import REMEMBERED, Delivery, FormRequest, FormTerms, PlainForm, Unreadable
from app.forms.vendors.bodies import first_text, nested, read_body
from app.forms.vendors.fields import CONTEXT, context, map_fields
from app.forms.vendors.form_field import FormField, fields_of
from app.webhooks.vendors.payloads import dedupe_key, mapping

WITHOUT_ID: Final = timedelta(minutes=10)
_PARTS: Final[Mapping[str, str]] = {
    "first": "first_name", "last": "last_name", "city": "city", "state": "state", "postal": "postal_code",
    "country": "country", "primary": "email",
}  # fmt: skip
_KNOWN: Final[Mapping[str, str]] = {**CONTEXT, **{f"\0{part}": name for part, name in _PARTS.items()}}
_DETAILS: Final = frozenset(("id", "type", "title", "name", "label", "value", "raw_value", "required"))
_TECHNICAL: Final = re.compile(
    r"_wpcf7.*|_wp_http_referer|_?wpnonce|action|nonce|token|post_id|queried_id|refererr?_title|submit"
    r"|g-recaptcha-response|h-captcha-response|cf-turnstile-response",
    re.IGNORECASE,
)
_OF_ELEMENTOR: Final = frozenset(("Date", "Time", "User Agent", "Powered by"))
_NO_LABEL: Final = "No Label "
"""What Elementor puts before the id of a field without a label."""
_AROUND: Final[Mapping[str, tuple[str, ...]]] = {
    "form_id": ("form_id", "_wpcf7", "id"),
    "form_name": ("form_name", "form_title", "name"),
    "ip": ("remote_ip", "Remote IP", "ip", "user_ip"),
    "page": ("page_url", "Page URL", "_url", "url", "url_referer"),
    "entry": ("entry_id", "submission_id", "serial_number"),
}


class _PluginForm(PlainForm):
    def parse(self, request: FormRequest, terms: FormTerms) -> Sequence[Delivery]:
        """One lead."""
        body = read_body(request)
        sent = nested(body.fields) if body.is_form else dict(body.fields)
        if not sent:
            raise Unreadable("has no fields")
        around = _around(sent)
        answers = [*_detailed(sent), *_plain(sent)]
        fields = [
            *context(form_id=around["form_id"], form_name=around["form_name"], ip=around["ip"]),
            *answers,
        ]
        found = map_fields(fields, terms.mapping, _KNOWN).with_page(around["page"])
        said = sorted(f"{each.key}={each.value}" for each in answers)
        email = str(found.lead.get("email", "")).lower()
        form, entry = around["form_id"], around["entry"]
        return [
            Delivery(
                "lead",
                f"{form}:{entry}" if entry else dedupe_key(self.kind, form, email, said),
                lead=found.lead,
                flags=(*body.flags, *found.flags),
                unmapped=found.unmapped,
                repeats_for=REMEMBERED if entry else WITHOUT_ID,
            )
        ]


class Elementor(_PluginForm):
    """Implements FormKind."""

    kind = "elementor"


class WPForms(_PluginForm):
    """Implements FormKind."""

    kind = "wpforms"


class ContactForm7(_PluginForm):
    """Implements FormKind."""

    kind = "contact_form_7"


def _around(sent: Mapping[str, Any]) -> dict[str, str]:
    """What the plug-in says of the form and the visitor, in the body itself, in `form` or in `meta`."""
    form, meta, wpforms = (mapping(sent.get(name)) for name in ("form", "meta", "wpforms"))
    found = {}
    for name, keys in _AROUND.items():
        own = [sent.get(key) for key in keys if key not in ("id", "name", "url")]
        inner = [place.get(key) for place in (form, wpforms) for key in keys]
        of_meta = [mapping(meta.get(key)).get("value", meta.get(key)) for key in keys]
        found[name] = next((text for each in (*own, *inner, *of_meta) if (text := first_text(each))), "")
    return found


def _detailed(sent: Mapping[str, Any]) -> Iterator[FormField]:
    """The fields below `fields`, each with its label and type, or with nothing but its value."""
    for place in (sent, mapping(sent.get("wpforms")), mapping(sent.get("form"))):
        for name in ("fields", "form_fields"):
            held = place.get(name)
            pairs = (
                list(held.items())
                if isinstance(held, dict)
                else list(enumerate(held))
                if isinstance(held, list)
                else []
            )
            for id_, value in pairs[:1000]:
                yield from _field(str(id_), value)


def _field(id_: str, value: Any) -> Iterator[FormField]:
    if not isinstance(value, dict):
        yield FormField(id_, value)
    elif value.keys() & {"value", "raw_value"} or value.keys() <= _DETAILS:
        label = next(
            (text for name in ("title", "label", "name") if (text := first_text(value.get(name)))), ""
        )
        answer = value.get("value") if first_text(value.get("value")) else value.get("raw_value")
        key, type_ = first_text(value.get("id")) or id_, first_text(value.get("type"))
        parts = [part for part in value if part in _PARTS and first_text(value[part])]
        for part in parts:
            yield FormField(f"\0{part}", value[part], name=f"{label or key}_{part}")
        if type_ == "checkbox" and isinstance(answer, str) and "\n" in answer.strip():
            answer = [line.strip() for line in answer.splitlines() if line.strip()]
        if not (parts and type_ == "name"):
            yield FormField(key, answer, label=label, type=type_)
    else:
        for part, each in value.items():
            yield FormField(f"\0{part}" if part in _PARTS else f"{id_}.{part}", each, name=f"{id_}_{part}")


def _plain(sent: Mapping[str, Any]) -> Iterator[FormField]:
    """The fields whose keys are their labels."""
    around = {key for keys in _AROUND.values() for key in keys if key not in ("id", "name", "url")}
    skipped = around | {"fields", "form", "meta", "wpforms", "form_fields"}
    if "Powered by" in sent or "User Agent" in sent:
        skipped |= _OF_ELEMENTOR
    answers = {
        name.removeprefix(_NO_LABEL): value
        for name, value in sent.items()
        if name not in skipped and not _TECHNICAL.fullmatch(name)
    }
    yield from fields_of(answers)
