"""Meta Lead Ads. A notification holds ids only; what the person wrote is fetched from the Graph API.

One body may speak of several pages and leads, and comes again for 36 hours until it is answered with 200.
"""

import hmac
import html
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from app.forms.vendors.base import (
    Delivery,
    FormAnswer,
    FormRequest,
    FormTerms,
    PlainForm,
    Proof,
    Unreadable,
    Verified,
)
from app.forms.vendors.bodies import read_json, texts_of
from app.forms.vendors.fields import map_fields
from app.forms.vendors.form_field import FormField
from app.forms.vendors.proof import asked_in, check_signature
from app.values.booleans import read_boolean
from app.webhooks.vendors.base import equal
from app.webhooks.vendors.payloads import dedupe_key, identifier, listed, mapping, moment, text

VALUE_MISSING: Final = "value_missing"
_CHALLENGE: Final = re.compile(r"[A-Za-z0-9_.-]{1,200}")
_ONLY_FOURS: Final = re.compile(r"4{6,}")
_DUMMY: Final = re.compile(r"^\W*(?:test lead\W*)?dummy data for\b", re.IGNORECASE)
_TEST_ADDRESSES: Final = frozenset(("test@meta.com", "test@fb.com"))
_ESCAPE: Final = re.compile(r"\\?u00(3[ce])", re.IGNORECASE)
_QUESTIONS: Final[Mapping[str, str]] = {
    "full_name": "name", "first_name": "first_name", "last_name": "last_name", "email": "email",
    "work_email": "email", "phone_number": "phone", "phone": "phone", "work_phone_number": "phone",
    "company_name": "company", "job_title": "title", "city": "city", "state": "state", "province": "state",
    "country": "country", "zip_code": "postal_code", "post_code": "postal_code", "zip": "postal_code",
}  # fmt: skip
AROUND: Final = (
    "form_id", "form_name", "page_id", "ad_id", "ad_name", "adset_id", "adset_name", "adgroup_id",
    "campaign_id", "platform", "is_organic", "retailer_item_id",
)  # fmt: skip
_KNOWN: Final[Mapping[str, str]] = {
    **_QUESTIONS,
    **{f"\0{name}": f"attributes.{name}" for name in AROUND},
    "\0campaign_name": "campaign",
}


class Meta(PlainForm):
    """Implements FormKind."""

    kind = "meta"
    proof: Proof = "required"

    def handshake(self, request: FormRequest, terms: FormTerms) -> FormAnswer | None:
        """`hub.challenge` comes back if `hub.verify_token` is the option `verify_token`, or a secret."""
        if request.method not in ("GET", "HEAD"):
            return None
        sent = asked_in(request.query)
        challenge = sent.get("hub.challenge", "")
        if sent.get("hub.mode") != "subscribe" or not _CHALLENGE.fullmatch(challenge):
            return None
        token = terms.options.get("verify_token")
        expected = [token.encode()] if isinstance(token, str) and token else list(terms.secrets)
        given = sent.get("hub.verify_token", "").encode("latin-1")
        if not any([equal(given, each) for each in expected]):  # noqa: C419 - all are compared
            return FormAnswer(403)
        return FormAnswer(200, challenge.encode())

    def verify(self, request: FormRequest, terms: FormTerms, now: datetime) -> Verified:
        del now
        return check_signature(
            terms.secrets,
            request.headers.get("x-hub-signature-256"),
            lambda secret: [b"sha256=" + hmac.digest(secret, request.body, "sha256").hex().encode()],
        )

    def parse(self, request: FormRequest, terms: FormTerms) -> Sequence[Delivery]:
        """One delivery for each lead that is named. A lead as the Graph returns it is one, too."""
        document = mapping(read_json(request))
        if "field_data" in document:
            return [read_fetched(document, terms)]
        entries = document.get("entry")
        if not isinstance(entries, list):
            raise Unreadable("has no entry")
        found = [each for entry in map(mapping, entries) for each in _changes(entry)]
        return list({each.id: each for each in found}.values())


def read_fetched(
    lead: Mapping[str, Any], terms: FormTerms, notified: Mapping[str, Any] | None = None
) -> Delivery:
    """The lead as the Graph returns it. `notified` are the ids of the notification. Raises Unreadable."""
    id_ = identifier(lead.get("id")) or identifier(mapping(notified).get("leadgen_id"))
    answers = [mapping(each) for each in listed(lead.get("field_data"))]
    if id_ is None or not isinstance(lead.get("field_data"), list):
        raise Unreadable("is not a lead of the Graph API")
    around = {**mapping(notified), **lead}
    fields = [
        *(FormField(f"\0{name}", _plain(around.get(name)), name=name) for name in (*AROUND, "campaign_name")),
        *sorted(_answers(answers), key=lambda each: not each.key.startswith("work_")),
        *_ticks(lead),
    ]
    found = map_fields(fields, terms.mapping, _KNOWN)
    return Delivery(
        "lead",
        id_,
        lead={**found.lead, "submission_id": id_},
        at=_moment(lead.get("created_time")),
        is_test=_is_test(id_, answers),
        flags=found.flags,
        unmapped=found.unmapped,
    )


def _changes(entry: Mapping[str, Any]) -> Iterator[Delivery]:
    for position, change in enumerate(map(mapping, listed(entry.get("changes")))):
        value = change.get("value")
        if text(change.get("field")) not in ("leadgen", ""):
            continue
        ids = mapping(value)
        id_ = identifier(ids.get("leadgen_id"))
        if id_ is None:
            missing = dedupe_key("meta", entry.get("id"), entry.get("time"), position)
            yield Delivery("fetch", missing, code=VALUE_MISSING)
            continue
        at = _moment(ids.get("created_time"))
        if _ONLY_FOURS.fullmatch(id_):
            # The test button of the portal: there is nothing to fetch.
            yield Delivery("ignore", id_, at=at, is_test=True)
            continue
        named = ("page_id", "form_id", "ad_id", "adgroup_id")
        fetch = {name: found for name in named if (found := identifier(ids.get(name)))}
        fetch.setdefault("page_id", identifier(entry.get("id")) or "")
        yield Delivery("fetch", id_, at=at, fetch={"leadgen_id": id_, **fetch})


def _answers(answers: Sequence[Mapping[str, Any]]) -> list[FormField]:
    found = []
    for each in answers:
        values = each.get("values", each.get("value"))
        single = values[0] if isinstance(values, list) and len(values) == 1 else values
        if name := identifier(each.get("name")):
            found.append(FormField(name, single))
    return found


def _ticks(lead: Mapping[str, Any]) -> Iterator[FormField]:
    """The ticks below the form's own disclaimer."""
    for each in map(mapping, listed(lead.get("custom_disclaimer_responses"))):
        if key := identifier(each.get("checkbox_key")):
            ticked = read_boolean(each.get("is_checked"))
            yield FormField(key, each.get("is_checked") if ticked is None else ticked, type="checkbox")


def _is_test(id_: str, answers: Sequence[Mapping[str, Any]]) -> bool:
    if _ONLY_FOURS.fullmatch(id_):
        return True
    written = [word for each in answers for word in texts_of(each.get("values", each.get("value")))]
    plain = [
        html.unescape(_ESCAPE.sub(lambda found: chr(int(found[1], 16)), each)).strip() for each in written
    ]
    return any(_DUMMY.match(each) or each.lower() in _TEST_ADDRESSES for each in plain)


def _plain(value: Any) -> Any:
    return value if isinstance(value, bool | str) or value is None else identifier(value)


def _moment(value: Any) -> datetime | None:
    """Seconds in a notification, ISO 8601 in a lead."""
    return moment(value)
