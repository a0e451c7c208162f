"""HubSpot forms in three shapes: the contact of a workflow's webhook, the submission API, and the read API.

A workflow sends the contact in its legacy form. It is signed with the secret of an app, or brings a key in a
header or in the query; both are the endpoint's secret. A workflow does not repeat after a 4xx other than 429,
and reads Retry-After in milliseconds.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import unquote_to_bytes

from app.forms.vendors.base import (
    REDACTED,
    Delivery,
    FormAnswer,
    FormRequest,
    FormTerms,
    PlainForm,
    Proof,
    Unreadable,
    Verified,
)
from app.forms.vendors.bodies import read_json
from app.forms.vendors.fields import CONTEXT, MappedFields, context, map_fields
from app.forms.vendors.form_field import FormField
from app.forms.vendors.proof import check_signature
from app.webhooks.vendors.base import check_timestamp, equal, fitting_secret
from app.webhooks.vendors.payloads import dedupe_key, identifier, items_of, listed, mapping, moment, text

_SEVERAL: Final = re.compile(r"[^;\s][^;\n]*(?:;[^;\s][^;\n]*)+")
"""Several choices: `a;b`. A sentence has a blank behind its semicolon."""
_KEY_NAMES: Final = re.compile(rb"(?i)(?:key|token|secret|auth|signature|code)")
_KNOWN: Final[Mapping[str, str]] = {
    **CONTEXT,
    "firstname": "first_name", "lastname": "last_name", "email": "email", "phone": "phone",
    "mobilephone": "phone", "company": "company", "jobtitle": "title", "website": "website",
    "country": "country", "state": "state", "city": "city", "zip": "postal_code",
    "hs_language": "language", "industry": "industry", "numemployees": "employees",
    "annualrevenue": "annual_revenue", "message": "attributes.message",
    "\0ip": "ip", "hs_google_click_id": "click_ids.gclid", "hs_facebook_click_id": "click_ids.fbclid",
    **{
        f"company.{name}": meaning
        for name, meaning in {
            "name": "company", "domain": "website", "website": "website", "industry": "industry",
            "numberofemployees": "employees", "annualrevenue": "annual_revenue", "country": "country",
            "state": "state", "city": "city", "zip": "postal_code",
        }.items()
    },
}  # fmt: skip
_CONTACT: Final = "0-1"
_COMPANY: Final = "0-2"
"""HubSpot's types of contacts and companies."""
_OF_HUBSPOT: Final = ("hs_", "hubspot_", "num_", "currentlyinworkflow", "lastmodifieddate", "createdate")
"""Properties that HubSpot keeps about a contact. They are no answers."""
MAX_PROPERTIES: Final = 2000


class HubSpotForm(PlainForm):
    """Implements FormKind."""

    kind = "hubspot_form"
    proof: Proof = "when_configured"
    retries = frozenset((429,))

    def verify(self, request: FormRequest, terms: FormTerms, now: datetime) -> Verified:
        """Codes: `signature_missing`, `signature_mismatch`, `timestamp_…`."""
        signature = request.headers.get("x-hubspot-signature-v3") or request.headers.get(
            "x-hubspot-signature"
        )
        if signature:
            signed = _signed(request, now)
            return check_signature(terms.secrets, signature, lambda secret: [each(secret) for each in signed])
        values = list(request.headers.values())
        given = [value.strip() for each in values for value in (each, each.partition(b" ")[2])]
        given += [unquote_to_bytes(each.partition(b"=")[2]) for each in request.query.split(b"&")]

        def fits(secret: bytes) -> bool:
            return any([equal(each, secret) for each in given])  # noqa: C419 - all are compared

        return Verified(fitting_secret(terms.secrets, fits, "signature_missing"))

    def redact(self, request: FormRequest) -> FormRequest:
        """Without the key that a workflow brings in the query."""
        parts = [each.partition(b"=") for each in request.query.split(b"&")]
        query = b"&".join(
            name + sign + (REDACTED if _KEY_NAMES.search(name) else value) for name, sign, value in parts
        )
        return FormRequest(request.method, request.headers, query, request.body)

    def parse(self, request: FormRequest, terms: FormTerms) -> Sequence[Delivery]:
        """One lead for each submission."""
        document = read_json(request)
        results = document.get("results") if isinstance(document, dict) else None
        found = [_delivery(each, terms) for each in items_of(results if results is not None else document)]
        if not found:
            raise Unreadable("has no submission")
        return found

    def not_now(self, status: int, wait_seconds: int) -> FormAnswer:
        return FormAnswer(status, headers={"Retry-After": str(wait_seconds * 1000)})


def _signed(request: FormRequest, now: datetime) -> list[Callable[[bytes], bytes]]:
    """What each version of HubSpot's signature makes of a secret. Raises Refused for a time far from now."""
    whole = request.method.encode() + request.address.encode("utf-8", "replace") + request.body
    if "x-hubspot-signature-v3" in request.headers:
        stamp = check_timestamp(
            request.headers.get("x-hubspot-request-timestamp"), timedelta(milliseconds=1), now
        )
        return [lambda secret: base64.b64encode(hmac.digest(secret, whole + stamp, "sha256"))]
    return [
        lambda secret: hashlib.sha256(secret + whole).hexdigest().encode(),
        lambda secret: hashlib.sha256(secret + request.body).hexdigest().encode(),
    ]


def _delivery(item: Mapping[str, Any], terms: FormTerms) -> Delivery:
    if isinstance(item.get("properties"), dict):
        return _contact(item, terms)
    if "values" in item or "conversionId" in item:
        return _submission(item, listed(item.get("values")), item.get("pageUrl"), terms)
    if "fields" in item:
        around = mapping(item.get("context"))
        return _submission(item, listed(item.get("fields")), around.get("pageUri"), terms)
    raise Unreadable("has neither properties, nor fields, nor values")


def _contact(item: Mapping[str, Any], terms: FormTerms) -> Delivery:
    """The contact of a workflow. The newest of its submissions says which one this is."""
    properties = {
        name: mapping(value).get("value") if isinstance(value, dict) else value
        for name, value in list(mapping(item["properties"]).items())[:MAX_PROPERTIES]
    }
    vid = identifier(item.get("vid")) or identifier(item.get("canonical-vid")) or identifier(item.get("id"))
    submissions = [mapping(each) for each in listed(item.get("form-submissions"))]
    newest = max(submissions, key=lambda each: _number(each.get("timestamp")), default={})
    named = identifier(newest.get("conversion-id")) or identifier(newest.get("timestamp"))
    fields = [
        *context(
            form_id=identifier(newest.get("form-id")),
            form_name=newest.get("title"),
            page_name=newest.get("page-title"),
        ),
        *(FormField(name, _split(value)) for name, value in properties.items() if not _is_kept_by(name)),
        *_of_company(item),
        *(FormField("email", each) for each in _addresses(item)),
    ]
    found = _mapped(fields, terms).with_page(newest.get("page-url"))
    found.with_page(properties.get("hs_analytics_first_url"), properties.get("hs_analytics_first_referrer"))
    return Delivery(
        "lead",
        f"{vid or ''}:{named or dedupe_key('hubspot', sorted(map(str, properties.items())))}",
        record=vid or "",
        lead=found.lead,
        at=moment(newest.get("timestamp")),
        flags=found.flags,
        unmapped=found.unmapped,
    )


def _submission(item: Mapping[str, Any], answers: list[Any], page: Any, terms: FormTerms) -> Delivery:
    """A submission as it is sent to HubSpot, or read from it."""
    around = mapping(item.get("context"))
    pairs = [(_property(each), each.get("value"), each) for each in map(mapping, answers)]
    fields = [
        *context(form_id=identifier(item.get("formId")), page_name=around.get("pageName")),
        FormField("\0ip", around.get("ipAddress")),
        *(FormField(name, _split(value), type=text(each.get("fieldType"))) for name, value, each in pairs),
    ]
    found = _mapped(_together(fields), terms).with_page(page)
    found.lead.update(_consent(item))
    conversion = identifier(item.get("conversionId"))
    submitted, hutk = identifier(item.get("submittedAt")), identifier(around.get("hutk"))
    if conversion is None:
        content = dedupe_key("hubspot", *sorted(f"{name}={value}" for name, value, _ in pairs))
        conversion = f"{hutk}:{submitted}" if hutk and submitted else f"{submitted or ''}:{content}"
    return Delivery(
        "lead",
        conversion,
        lead=found.lead,
        at=moment(item.get("submittedAt")),
        flags=found.flags,
        unmapped=found.unmapped,
    )


def _mapped(fields: Sequence[FormField], terms: FormTerms) -> MappedFields:
    """Only what HubSpot keeps as consent is one, never a property or a field of such a name."""
    return map_fields(fields, terms.mapping, _KNOWN, asks_consent=False)


def _property(answer: Mapping[str, Any]) -> str:
    """The name of a property, of a contact unless its type says that it is one of the company.

    The type stands beside the name, or in front of it, as in `0-2/name`.
    """
    type_, slash, rest = (identifier(answer.get("name")) or "").partition("/")
    name = rest if slash and type_ in (_CONTACT, _COMPANY) else type_ + slash + rest
    of_company = _COMPANY in (type_ if slash else "", identifier(answer.get("objectTypeId")))
    return f"company.{name}" if of_company else name


def _of_company(item: Mapping[str, Any]) -> Iterator[FormField]:
    """The properties of the company that the contact belongs to."""
    held = mapping(mapping(item.get("associated-company")).get("properties"))
    for name, value in list(held.items())[:MAX_PROPERTIES]:
        if f"company.{name}" in _KNOWN:
            yield FormField(
                f"company.{name}", mapping(value).get("value") if isinstance(value, dict) else value
            )


def _together(fields: list[FormField]) -> list[FormField]:
    """Several values of one name, as the read API has them, are one field."""
    found: dict[str, FormField] = {}
    for each in fields:
        before = found.get(each.key)
        if before is not None and before.value is not None:
            both = [*listed(before.value), *listed(each.value)]
            found[each.key] = FormField(each.key, both, type=each.type)
        else:
            found[each.key] = each
    return list(found.values())


def _consent(item: Mapping[str, Any]) -> dict[str, Any]:
    """What the visitor agreed to. A legitimate interest is no consent."""
    consent = mapping(mapping(item.get("legalConsentOptions")).get("consent"))
    said = [each.get("value") for each in map(mapping, listed(consent.get("communications")))]
    # HubSpot's subscription types are those of e-mails.
    return {"consent": {"email": any(each is True for each in said)}} if said else {}


def _addresses(item: Mapping[str, Any]) -> Iterator[str]:
    for profile in map(mapping, listed(item.get("identity-profiles"))):
        for each in map(mapping, listed(profile.get("identities"))):
            if text(each.get("type")).upper() == "EMAIL" and text(each.get("value")):
                yield text(each.get("value"))


def _is_kept_by(name: str) -> bool:
    return name not in _KNOWN and name != "hs_analytics_source" and name.startswith(_OF_HUBSPOT)


def _split(value: Any) -> Any:
    if (
        isinstance(value, str)
        and len(value) <= 2000
        and "@" not in value
        and _SEVERAL.fullmatch(value.strip())
    ):
        return [part.strip() for part in value.split(";") if part.strip()]
    return value


def _number(value: Any) -> int:
    found = identifier(value)
    return int(found) if found and found.isdecimal() and found.isascii() else 0
