"""HubSpot: which deliveries are let in, and what each event says."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.webhooks.crm_events import CrmRecord, EndpointTerms, Refused, Verified, WebhookRequest
from app.webhooks.vendors import VENDORS
from tests.webhooks.vendors.deliveries import BASE_URL, NOW, PATH, delivery, only, parse, terms
from tests.webhooks.vendors.hubspot_deliveries import (
    SECRET,
    STAMP,
    change,
    merge,
    signed_v3,
)

HUBSPOT = VENDORS["hubspot"]
BODY = [change()]
GENUINE = signed_v3(BODY)
TERMS = terms(SECRET)
V1 = terms(SECRET, options={"allow_v1": True})


def with_headers(request: WebhookRequest, **changed: bytes | None) -> WebhookRequest:
    headers = dict(request.headers)
    for name, value in changed.items():
        key = "x-hubspot-" + name.replace("_", "-")
        if value is None:
            headers.pop(key, None)
        else:
            headers[key] = value
    return replace(request, headers=headers)


def refusal(request: WebhookRequest, of: EndpointTerms = TERMS, now: datetime = NOW) -> str:
    with pytest.raises(Refused) as refused:
        HUBSPOT.verify(request, of, now)
    return refused.value.code


def test_genuine_delivery_is_let_in() -> None:
    assert HUBSPOT.verify(GENUINE, TERMS, NOW) == Verified(0)


def test_older_secret_still_fits_while_a_new_one_is_introduced() -> None:
    assert HUBSPOT.verify(GENUINE, terms(b"new", SECRET), NOW) == Verified(1)


SIGNATURE = GENUINE.headers["x-hubspot-signature-v3"]
NEGATIVE: Mapping[str, tuple[WebhookRequest, str]] = {
    "body plus one space": (replace(GENUINE, body=GENUINE.body + b" "), "signature_mismatch"),
    "300,001 ms old": (signed_v3(BODY, stamp=STAMP - 300_001), "timestamp_out_of_range"),
    "300,001 ms in the future": (signed_v3(BODY, stamp=STAMP + 300_001), "timestamp_out_of_range"),
    "a year in the future": (signed_v3(BODY, stamp=STAMP + 31_536_000_000), "timestamp_out_of_range"),
    "timestamp changed by one": (
        with_headers(GENUINE, request_timestamp=str(STAMP + 1).encode()),
        "signature_mismatch",
    ),
    "timestamp in seconds": (signed_v3(BODY, stamp=STAMP // 1000), "timestamp_out_of_range"),
    "timestamp missing": (with_headers(GENUINE, request_timestamp=None), "timestamp_missing"),
    "timestamp empty": (with_headers(GENUINE, request_timestamp=b""), "timestamp_invalid"),
    "timestamp not a number": (with_headers(GENUINE, request_timestamp=b"now"), "timestamp_invalid"),
    "timestamp not ASCII": (with_headers(GENUINE, request_timestamp="١٢٣".encode()), "timestamp_invalid"),
    "timestamp of 5,000 digits": (with_headers(GENUINE, request_timestamp=b"9" * 5000), "timestamp_invalid"),
    "another method signed": (signed_v3(BODY, method="PUT"), "signature_mismatch"),
    "http signed": (signed_v3(BODY, uri="http://hooks.example.com" + PATH), "signature_mismatch"),
    "another host signed": (signed_v3(BODY, uri="https://hooks.example.org" + PATH), "signature_mismatch"),
    "trailing slash signed": (signed_v3(BODY, uri=BASE_URL + PATH + "/"), "signature_mismatch"),
    "query not signed": (replace(GENUINE, path=PATH + "?a=b"), "signature_mismatch"),
    "another secret": (signed_v3(BODY, secret=b"other"), "signature_mismatch"),
    "last character changed": (
        with_headers(GENUINE, signature_v3=SIGNATURE[:-1] + b"A"),
        "signature_mismatch",
    ),
    "padding bits changed": (
        with_headers(GENUINE, signature_v3=SIGNATURE[:-2] + bytes([SIGNATURE[-2] ^ 1]) + b"="),
        "signature_mismatch",
    ),
    "signature not ASCII": (with_headers(GENUINE, signature_v3="ü".encode()), "signature_mismatch"),
    "signature Latin-1": (with_headers(GENUINE, signature_v3=b"\xfc\xff"), "signature_mismatch"),
    "signature empty": (with_headers(GENUINE, signature_v3=b""), "signature_mismatch"),
    "header missing": (delivery(BODY), "signature_missing"),
    "only version 1": (with_headers(GENUINE, signature_v3=None), "signature_missing"),
}


@pytest.mark.parametrize("case", NEGATIVE)
def test_delivery_is_refused_with(case: str) -> None:
    request, code = NEGATIVE[case]
    assert refusal(request) == code


@pytest.mark.parametrize("off", [-300_000, 300_000])
def test_five_minutes_on_either_side_are_accepted(off: int) -> None:
    HUBSPOT.verify(signed_v3(BODY, stamp=STAMP + off), TERMS, NOW)
    assert refusal(signed_v3(BODY, stamp=STAMP + off), now=NOW - timedelta(microseconds=off)) == (
        "timestamp_out_of_range"
    )


@pytest.mark.parametrize("secrets", [(), (b"",)])
def test_endpoint_without_a_secret_lets_nothing_in(secrets: tuple[bytes, ...]) -> None:
    assert refusal(signed_v3(BODY, secret=b""), terms(*secrets)) == "signature_mismatch"


@pytest.mark.parametrize(
    ("path", "signed"),
    [
        ("/w?a=%20b&c=%2Fd", "/w?a=%20b&c=%2Fd"),
        ("/w?a=%20b&c=%2Fd", "/w?a=%20b&c=/d"),
        ("/w%3A%2f%3f%40%21%24%27%28%29%2A%2c%3B", "/w:/?@!$'()*,;"),
        ("/w?mail=a%40b&x=%26%3D", "/w?mail=a@b&x=%26%3D"),
    ],
)
def test_address_is_signed_as_requested_or_as_documented(path: str, signed: str) -> None:
    HUBSPOT.verify(signed_v3(BODY, path=path, uri=BASE_URL + signed), TERMS, NOW)


def test_other_encoded_characters_are_not_decoded() -> None:
    assert refusal(signed_v3(BODY, path="/w?a=%26", uri=BASE_URL + "/w?a=&")) == "signature_mismatch"


def test_base_url_may_end_in_a_slash_and_have_a_path() -> None:
    request = signed_v3(BODY, uri=BASE_URL + "/crm" + PATH)
    HUBSPOT.verify(request, terms(SECRET, base_url=BASE_URL + "/crm/"), NOW)


def version_2(request: WebhookRequest, uri: str) -> WebhookRequest:
    code = hashlib.sha256(SECRET + b"POST" + uri.encode() + request.body).hexdigest().encode()
    return with_headers(request, signature=code, signature_version=b"v2", signature_v3=None)


OLDER = with_headers(GENUINE, signature_v3=None, request_timestamp=None)


@pytest.mark.parametrize(
    "request_",
    [OLDER, with_headers(OLDER, signature_version=None), version_2(GENUINE, BASE_URL + PATH)],
    ids=["version 1", "no version named", "version 2"],
)
def test_older_signature_counts_only_if_configured(request_: WebhookRequest) -> None:
    assert HUBSPOT.verify(request_, V1, NOW) == Verified(0)
    assert refusal(request_) == "signature_missing"
    assert refusal(request_, terms(SECRET, options={"allow_v1": "no"})) == "signature_missing"


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (with_headers(GENUINE, signature_v3=b"wrong"), "signature_mismatch"),
        (with_headers(GENUINE, signature_v3=b""), "signature_mismatch"),
        (with_headers(GENUINE, request_timestamp=None), "timestamp_missing"),
        (replace(OLDER, body=OLDER.body + b" "), "signature_mismatch"),
        (version_2(GENUINE, BASE_URL + PATH + "/"), "signature_mismatch"),
        (with_headers(OLDER, signature=b"\xff"), "signature_mismatch"),
        (with_headers(OLDER, signature=None), "signature_missing"),
    ],
)
def test_an_older_signature_never_saves_a_wrong_one(request_: WebhookRequest, code: str) -> None:
    assert refusal(request_, V1) == code


@pytest.mark.parametrize(
    ("portal", "accepted"), [(62515, True), ("62515", True), (None, True), (62516, False), ("x", False)]
)
def test_delivery_of_another_portal_is_foreign(portal: Any, accepted: bool) -> None:
    request = signed_v3([change(), change(portalId=portal)])
    of = terms(SECRET, organization_id="62515")
    if accepted:
        HUBSPOT.verify(request, of, NOW)
    else:
        assert refusal(request, of) == "foreign_organization"
        HUBSPOT.verify(request, TERMS, NOW)


# What the events say.


def test_owner_change_is_read_whole() -> None:
    event = only(HUBSPOT, BODY)
    assert (event.kind, event.record) == ("updated", CrmRecord("contact", "1246965"))
    assert event.fields == {"hubspot_owner_id": "8841"}
    assert event.at == NOW - timedelta(seconds=2)
    assert (event.actor, event.origin) == ("9186126", "person")
    assert not event.must_read
    assert not event.complete


KINDS: list[tuple[dict[str, Any], str, str, bool]] = [
    (change(subscriptionType="contact.creation", propertyName=None), "created", "contact", True),
    (change(subscriptionType="company.deletion"), "deleted", "company", False),
    (change(subscriptionType="contact.privacyDeletion"), "erased", "contact", False),
    (change(subscriptionType="deal.restore"), "restored", "deal", True),
    (change(subscriptionType="deal.propertyChange"), "updated", "deal", False),
    (change(subscriptionType=None, eventType="deal.propertyChange"), "updated", "deal", False),
    (change(subscriptionType="object.propertyChange", objectTypeId="0-1"), "updated", "contact", False),
    (change(subscriptionType="object.creation", objectTypeId="0-48"), "created", "call", True),
    (change(subscriptionType="object.creation", objectTypeId="0-47"), "created", "meeting", True),
    (change(subscriptionType="object.creation", objectTypeId="0-27"), "created", "task", True),
    (change(subscriptionType="object.deletion", objectTypeId="0-136"), "deleted", "lead", False),
    (
        change(subscriptionType="object.propertyChange", objectTypeId="2-3453932"),
        "updated",
        "2-3453932",
        False,
    ),
    (change(subscriptionType="contact.propertyChange", propertyValue=None), "gap", "contact", True),
    (change(subscriptionType="contact"), "gap", "contact", True),
    (change(subscriptionType="company.change"), "gap", "company", True),
    (change(subscriptionType="conversation.newMessage"), "gap", "conversation", True),
]


@pytest.mark.parametrize(("item", "kind", "object_", "must_read"), KINDS)
def test_subscription_type_says(item: dict[str, Any], kind: str, object_: str, must_read: bool) -> None:
    event = only(HUBSPOT, [item])
    assert (event.kind, event.record.object, event.must_read) == (kind, object_, must_read)


@pytest.mark.parametrize(
    ("value", "read"),
    [("8841", "8841"), (8841, "8841"), ("", ""), (True, "true"), (1.5, "1.5"), ("a\0b", "ab")],
)
def test_value_is_a_text(value: Any, read: str) -> None:
    assert only(HUBSPOT, [change(propertyValue=value)]).fields == {"hubspot_owner_id": read}


def test_value_null_says_cleared() -> None:
    assert only(HUBSPOT, [change() | {"propertyValue": None}]).fields == {"hubspot_owner_id": None}


@pytest.mark.parametrize(
    ("parts", "remains", "others"),
    [
        ({}, "303", ["101", "202"]),
        ({"newObjectId": "303", "primaryObjectId": "101", "mergedObjectIds": ["202"]}, "303", ["101", "202"]),
        ({"mergedObjectIds": [202, 101]}, "303", ["101", "202"]),
        ({"newObjectId": None}, "101", ["202"]),
        ({"newObjectId": 0}, "101", ["202"]),
        ({"newObjectId": 101}, "101", ["202"]),
        ({"mergedObjectIds": 202}, "303", ["101", "202"]),
        ({"mergedObjectIds": None, "newObjectId": None}, "101", []),
        ({"primaryObjectId": None}, "303", ["101", "202"]),
    ],
)
def test_merge_names_what_remains_and_what_became_it(
    parts: dict[str, Any], remains: str, others: list[str]
) -> None:
    event = only(HUBSPOT, [merge(**parts)])
    assert (event.kind, event.record, event.must_read) == ("merged", CrmRecord("contact", remains), True)
    assert list(event.others) == [CrmRecord("contact", each) for each in others]


ASSOCIATION = {"fromObjectId": 77, "toObjectId": 101, "objectId": None}


@pytest.mark.parametrize(
    ("parts", "record", "fields"),
    [
        (
            {"subscriptionType": "deal.associationChange", "associationType": "DEAL_TO_CONTACT"},
            CrmRecord("deal", "77"),
            {"association.contact": "101"},
        ),
        (
            {
                "subscriptionType": "object.associationChange",
                "fromObjectTypeId": "0-3",
                "toObjectTypeId": "0-1",
            },
            CrmRecord("deal", "77"),
            {"association.contact": "101"},
        ),
        (
            {
                "subscriptionType": "deal.associationChange",
                "associationType": "DEAL_TO_CONTACT",
                "associationRemoved": True,
            },
            CrmRecord("deal", "77"),
            {"association.contact": None},
        ),
    ],
)
def test_association_is_a_field(parts: dict[str, Any], record: CrmRecord, fields: dict[str, Any]) -> None:
    event = only(HUBSPOT, [change(**ASSOCIATION, **parts)])
    assert (event.kind, event.record, event.fields) == ("updated", record, fields)


@pytest.mark.parametrize(
    ("source", "by", "origin", "actor"),
    [
        ("CRM_UI", "userId:7", "person", "7"),
        ("CRM", None, "person", None),
        ("INTEGRATION", "54321", "integration", "54321"),
        ("API", 54321, "integration", "54321"),
        ("IMPORT", "userId:7", "import", "7"),
        ("BATCH_IMPORT", None, "import", None),
        ("CRM_UI_BULK_ACTION", "userId:7", "import", "7"),
        ("AUTOMATION_PLATFORM", "enrollmentId:5;actionExecutionIndex:0", "workflow",
         "enrollmentId:5;actionExecutionIndex:0"),
        ("SOMETHING_NEW", "userId:7", "person", "7"),
        ("SOMETHING_NEW", None, None, None),
        (None, None, None, None),
    ],
)  # fmt: skip
def test_source_says_who_did_it(source: Any, by: Any, origin: Any, actor: Any) -> None:
    event = only(HUBSPOT, [change(changeSource=source, sourceId=by)])
    assert (event.origin, event.actor) == (origin, actor)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (1539145399845, datetime(2018, 10, 10, 4, 23, 19, 845000, UTC)),
        ("1539145399845", datetime(2018, 10, 10, 4, 23, 19, 845000, UTC)),
        (1539145399, datetime(2018, 10, 10, 4, 23, 19, tzinfo=UTC)),
        ("2018-10-10T04:23:19.845Z", datetime(2018, 10, 10, 4, 23, 19, 845000, UTC)),
        ("2018-10-10", datetime(2018, 10, 10, tzinfo=UTC)),
        (None, None), ("soon", None), (1e300, None), (True, None), ([], None),
    ],
)  # fmt: skip
def test_time_is_read_in_each_form(written: Any, read: datetime | None) -> None:
    assert only(HUBSPOT, [change(occurredAt=written)]).at == read


@pytest.mark.parametrize("id_", [1246965, "1246965", 1246965.0, " 1246965 "])
def test_id_may_be_a_number_or_a_text(id_: Any) -> None:
    assert only(HUBSPOT, [change(objectId=id_)]).record.id == "1246965"


@pytest.mark.parametrize("id_", [None, "", True, {}, [1], 1.5, "9" * 201, "ä" * 101])
def test_event_without_an_id_is_left_out_and_the_others_are_read(id_: Any) -> None:
    assert [each.record.id for each in parse(HUBSPOT, [change(objectId=id_), 3, change()])] == ["1246965"]


def test_single_object_in_place_of_a_list_is_read() -> None:
    assert only(HUBSPOT, change()).record.id == "1246965"


def test_retry_has_the_key_of_its_first_attempt() -> None:
    again = change(attemptNumber=3, somethingNew={"a": 1}, eventId="3181526809")
    assert only(HUBSPOT, [again]).dedupe_key == only(HUBSPOT, BODY).dedupe_key


DIFFERENT: list[Callable[[], dict[str, Any]]] = [
    lambda: change(eventId=1),
    lambda: change(occurredAt=STAMP - 1_999),
    lambda: change(objectId=1246966),
    lambda: change(propertyName="lifecyclestage"),
    lambda: change(subscriptionId=1),
    lambda: change(portalId=1),
    lambda: change(subscriptionType="contact.deletion"),
    lambda: change(subscriptionType="deal.propertyChange"),
]


def test_events_that_share_an_event_id_have_different_keys() -> None:
    keys = {only(HUBSPOT, [make()]).dedupe_key for make in DIFFERENT}
    assert len(keys | {only(HUBSPOT, BODY).dedupe_key}) == len(DIFFERENT) + 1


def test_published_samples_are_read() -> None:
    sample = {
        "eventId": 1, "subscriptionId": 25458, "portalId": 4737818, "occurredAt": 1539145399845,
        "subscriptionType": "contact.creation", "attemptNumber": 0, "objectId": 123, "changeSource": "CRM",
        "changeFlag": "NEW", "appId": 177698,
    }  # fmt: skip
    event = only(HUBSPOT, [sample])
    assert (event.kind, event.record, event.origin) == ("created", CrmRecord("contact", "123"), "person")
    assert parse(HUBSPOT, [{"subscriptionType": "company.change", "eventId": 16}]) == []


OLD_WORKFLOW: dict[str, Any] = {
    "vid": 123, "canonical-vid": 123, "portal-id": 62515, "is-contact": True,
    "properties": {
        "email": {"value": "mara@kunde.example", "versions": [{"value": "mara@kunde.example"}]},
        "hubspot_owner_id": {"value": "8841", "versions": []},
        "lastmodifieddate": {"value": "1796115600000", "versions": []},
    },
}  # fmt: skip
NEW_WORKFLOW = {
    "objectId": "123", "objectType": "CONTACT", "objectTypeId": "0-1",
    "properties": {
        "hubspot_owner_id": 8841, "email": "mara@kunde.example", "lastmodifieddate": "2026-12-01T09:00:00Z",
    },
}  # fmt: skip


@pytest.mark.parametrize("body", [OLD_WORKFLOW, NEW_WORKFLOW, [NEW_WORKFLOW]])
def test_workflow_posts_the_whole_record(body: Any) -> None:
    event = only(HUBSPOT, body)
    assert (event.kind, event.record, event.complete) == ("updated", CrmRecord("contact", "123"), True)
    assert event.at == datetime(2026, 12, 1, 9, tzinfo=UTC)
    assert (event.fields["hubspot_owner_id"], event.fields["email"]) == ("8841", "mara@kunde.example")
    assert not event.must_read


def test_workflow_tells_deals_too_and_the_same_record_later_is_another_event() -> None:
    deal = {"dealId": 9, "portalId": 62515, "properties": {"dealstage": {"value": "closedwon"}}}
    event = only(HUBSPOT, deal)
    assert (event.record, event.fields) == (CrmRecord("deal", "9"), {"dealstage": "closedwon"})
    later = {
        **OLD_WORKFLOW,
        "properties": {**OLD_WORKFLOW["properties"], "lastmodifieddate": {"value": "1796115601000"}},
    }
    assert only(HUBSPOT, OLD_WORKFLOW).dedupe_key != only(HUBSPOT, later).dedupe_key
    assert parse(HUBSPOT, [{"properties": {"email": "x"}}, {"objectId": 1, "properties": {}}]) == []
