"""Standard Webhooks: which deliveries are let in, and what each event says."""

import base64
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from app.webhooks.crm_events import CrmRecord, EndpointTerms, Refused, Verified, WebhookRequest
from app.webhooks.vendors import VENDORS
from tests.webhooks.vendors.deliveries import NOW, delivery, terms
from tests.webhooks.vendors.standard_deliveries import ID, KEY, SECRET, STAMP, event, signature, signed

STANDARD = VENDORS["standard"]
GENUINE = signed(event(owner="ana"))
RAW = GENUINE.body
RIGHT = signature(RAW)


def with_header(name: str, value: bytes | None) -> WebhookRequest:
    headers = {key: each for key, each in GENUINE.headers.items() if key != name}
    return replace(GENUINE, headers=headers if value is None else headers | {name: value})


def signatures(*entries: bytes) -> WebhookRequest:
    return with_header("webhook-signature", b" ".join(entries))


def refusal(request: WebhookRequest, of: EndpointTerms) -> str:
    with pytest.raises(Refused) as refused:
        STANDARD.verify(request, of, NOW)
    return refused.value.code


OTHER = b"whsec_" + base64.b64encode(bytes(32))


@pytest.mark.parametrize(
    ("request_", "secrets", "position"),
    [
        (GENUINE, [SECRET], 0),
        (GENUINE, [OTHER, SECRET], 1),
        (GENUINE, [SECRET.removeprefix(b"whsec_")], 0),
        (GENUINE, [SECRET.rstrip(b"=")], 0),
        (signed(event(), key=b"plain text"), [b"plain text"], 0),
        (signed(event(), key=b"abcd"), [b"abcd"], 0),
        (signatures(signature(RAW, key=b"x"), RIGHT), [SECRET], 0),
        (signatures(RIGHT, signature(RAW, key=b"x")), [SECRET], 0),
        (signatures(b"v1", b"v1,", b",", b"v1,a,b", b"v9," + RIGHT[3:], b"v1,\xff", RIGHT), [SECRET], 0),
        (signatures(b"", b"", RIGHT), [SECRET], 0),
        (signed(event(), stamp=STAMP - 300), [SECRET], 0),
        (signed(event(), stamp=STAMP + 300), [SECRET], 0),
        (signed(b"\xff\xfe not text"), [SECRET], 0),
    ],
)
def test_genuine_delivery_is_let_in(request_: WebhookRequest, secrets: list[bytes], position: int) -> None:
    assert STANDARD.verify(request_, terms(*secrets), NOW) == Verified(position)


NEGATIVE: Mapping[str, tuple[WebhookRequest, str]] = {
    "body plus one space": (replace(GENUINE, body=RAW + b" "), "signature_mismatch"),
    "301 s old": (signed(event(), stamp=STAMP - 301), "timestamp_out_of_range"),
    "301 s in the future": (signed(event(), stamp=STAMP + 301), "timestamp_out_of_range"),
    "time in milliseconds": (signed(event(), stamp=STAMP * 1000), "timestamp_out_of_range"),
    "time changed by one": (
        with_header("webhook-timestamp", str(STAMP + 1).encode()),
        "signature_mismatch",
    ),
    "time missing": (with_header("webhook-timestamp", None), "timestamp_missing"),
    "time empty": (with_header("webhook-timestamp", b""), "timestamp_invalid"),
    "time with a sign": (with_header("webhook-timestamp", b"+1796115600"), "timestamp_invalid"),
    "time not ASCII": (with_header("webhook-timestamp", "١".encode()), "timestamp_invalid"),
    "id changed": (with_header("webhook-id", ID + b"x"), "signature_mismatch"),
    "id missing": (with_header("webhook-id", None), "id_missing"),
    "id empty": (with_header("webhook-id", b""), "id_missing"),
    "signature missing": (with_header("webhook-signature", None), "signature_missing"),
    "signature empty": (signatures(b""), "signature_mismatch"),
    "signature without a version": (signatures(RIGHT[3:]), "signature_mismatch"),
    "signature of another version": (signatures(b"v2," + RIGHT[3:]), "signature_mismatch"),
    "signature with a third part": (signatures(RIGHT + b",x"), "signature_mismatch"),
    "signature not base64": (signatures(b"v1,!!!"), "signature_mismatch"),
    "signature not ASCII": (signatures("v1,ü".encode()), "signature_mismatch"),
    "last character changed": (signatures(RIGHT[:-1] + b"A"), "signature_mismatch"),
    "version v1a of a shared secret": (signatures(b"v1a," + RIGHT[3:]), "signature_mismatch"),
    "another secret": (signed(event(), key=b"other"), "signature_mismatch"),
    "signed by the text of the secret": (signed(event(), key=SECRET), "signature_mismatch"),
}


@pytest.mark.parametrize("case", NEGATIVE)
def test_delivery_is_refused_with(case: str) -> None:
    request, code = NEGATIVE[case]
    assert refusal(request, terms(SECRET)) == code


@pytest.mark.parametrize("secrets", [[], [b""], [b"whsec_"], [b"whpk_"], [b"whpk_AAAA"], [b"whsec_\xff"]])
def test_a_secret_that_everybody_knows_lets_nothing_in(secrets: list[bytes]) -> None:
    assert refusal(signed(event(), key=b""), terms(*secrets)) == "signature_mismatch"


def test_signature_of_a_private_key_is_checked_by_its_public_key() -> None:
    private = Ed25519PrivateKey.from_private_bytes(KEY)
    public = b"whpk_" + base64.b64encode(private.public_key().public_bytes_raw())
    content = b".".join((ID, str(STAMP).encode(), RAW))
    entry = b"v1a," + base64.b64encode(private.sign(content))
    assert STANDARD.verify(signatures(b"v1a,", b"v1a,AAAA", entry), terms(public), NOW) == Verified(0)
    wrong = b"v1a," + base64.b64encode(private.sign(content + b" "))
    assert refusal(signatures(wrong), terms(public)) == "signature_mismatch"
    assert refusal(GENUINE, terms(public)) == "signature_mismatch"


def read(body: Any, id_: bytes = ID) -> list[Any]:
    return list(STANDARD.parse(delivery(body, {"webhook-id": id_}), terms()))


@pytest.mark.parametrize(
    ("body", "kind", "object_", "fields", "must_read"),
    [
        (event(fields={"owner": "ana"}), "updated", "contact", {"owner": "ana"}, False),
        (event(owner="ana"), "updated", "contact", {"owner": "ana"}, False),
        (event("contact.created", email="a@b.c"), "created", "contact", {"email": "a@b.c"}, False),
        (event("contact.created"), "created", "contact", {}, True),
        (event("crm.lead.deleted"), "deleted", "lead", {}, False),
        (event("contact.erased"), "erased", "contact", {}, False),
        (event("Opportunity.Updated", stage="won"), "updated", "deal", {"stage": "won"}, False),
        (event("call.completed", outcome="reached"), "updated", "call", {"outcome": "reached"}, False),
        (event("call.completed"), "gap", "call", {}, True),
        (event("updated", object="Invoice__c", total=1), "updated", "Invoice__c", {"total": 1}, False),
        ({"type": "deal.updated", "id": 17, "stage": "won"}, "updated", "deal", {"stage": "won"}, False),
        ([event(owner="ana")], "updated", "contact", {"owner": "ana"}, False),
    ],
)
def test_event_says(body: Any, kind: str, object_: str, fields: Any, must_read: bool) -> None:
    (found,) = read(body)
    assert (found.kind, found.record) == (kind, CrmRecord(object_, "17"))
    assert (dict(found.fields), found.must_read) == (fields, must_read)


def test_event_says_when_and_by_whose_hand() -> None:
    (found,) = read(event(fields={"a": 1}, previous={"a": 2}, actor=5, origin="Import"))
    assert (found.at, found.actor, found.origin) == (NOW - timedelta(seconds=2), "5", "import")
    assert (found.previous, found.complete) == ({"a": 2}, False)


@pytest.mark.parametrize(
    ("data", "others"),
    [
        ({"merged": ["18", 19, 18]}, [CrmRecord("contact", "18"), CrmRecord("contact", "19")]),
        ({"merged": "18"}, [CrmRecord("contact", "18")]),
        ({"merged": ["17", None, {}, []]}, []),
        ({"converted": [{"object": "deal", "id": 9}]}, [CrmRecord("deal", "9")]),
    ],
)
def test_merge_and_conversion_name_the_others(data: dict[str, Any], others: list[CrmRecord]) -> None:
    (found,) = read(event("contact.merged", **data))
    assert list(found.others) == others


def test_key_is_the_id_of_the_delivery_and_the_place_in_it() -> None:
    one, two = read([event(a=1), event(a=1)])
    assert one.dedupe_key != two.dedupe_key
    assert [each.dedupe_key for each in read([event(b=2), event()])] == [one.dedupe_key, two.dedupe_key]
    assert read(event(a=1), b"other")[0].dedupe_key != one.dedupe_key


@pytest.mark.parametrize("body", [[], {}, [3], {"type": "contact.updated"}, event() | {"data": [4]}])
def test_what_names_no_record_is_left_out(body: Any) -> None:
    assert read(body) == []
