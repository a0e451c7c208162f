"""Zoho CRM: which notifications are let in, and what each says."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from app.webhooks.crm_events import CrmRecord, EndpointTerms, Refused, Verified, WebhookRequest
from app.webhooks.vendors import VENDORS
from tests.webhooks.vendors.deliveries import NOW, delivery, only, parse, terms
from tests.webhooks.vendors.zoho_deliveries import CHANGED, ONE, TOKEN, TWO, notification

ZOHO = VENDORS["zoho"]


def refusal(request: WebhookRequest, of: EndpointTerms | None = None) -> str:
    with pytest.raises(Refused) as refused:
        ZOHO.verify(request, of or terms(TOKEN), NOW)
    return refused.value.code


def test_token_lets_a_notification_in() -> None:
    assert ZOHO.verify(delivery(notification()), terms(TOKEN), NOW) == Verified(0)
    assert ZOHO.verify(delivery([notification(), notification()]), terms(b"new", TOKEN), NOW) == Verified(1)
    assert ZOHO.verify(delivery(notification(token="ü")), terms("ü".encode()), NOW) == Verified(0)


def test_new_channel_with_a_new_token_is_let_in_beside_the_old() -> None:
    renewed = delivery(notification(token="renewed", channel_id="1000000068002"))
    assert ZOHO.verify(renewed, terms(b"renewed", TOKEN), NOW) == Verified(0)
    assert ZOHO.verify(delivery(notification()), terms(b"renewed", TOKEN), NOW) == Verified(1)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (notification(token="TOKEN_FOR_VERIFICATION_OF_100000006800"), "token_mismatch"),
        (notification(token=TOKEN.decode().lower()), "token_mismatch"),
        (notification(token=TOKEN.decode() + "x"), "token_mismatch"),
        (notification(token="ü"), "token_mismatch"),
        (notification(token=None), "token_missing"),
        (notification(token=""), "token_missing"),
        (notification(token={}), "token_missing"),
        (notification(token=True), "token_missing"),
        ([notification(), notification(token=None)], "token_missing"),
        ([notification(), notification(token="x")], "token_mismatch"),
        ([], "token_missing"),
        (b"", "unreadable"),
        (b'{"token": "TOKEN', "unreadable"),
        (b"token=TOKEN_FOR_VERIFICATION_OF_1000000068001", "unreadable"),
        (b"\xff\xfe", "unreadable"),
    ],
)
def test_notification_is_refused_for(body: Any, code: str) -> None:
    assert refusal(delivery(body)) == code


def test_token_counts_only_in_the_body() -> None:
    headers = {"authorization": b"Bearer " + TOKEN}
    request = delivery(notification(token=None), headers, path=f"/w?token={TOKEN.decode()}")
    assert refusal(request) == "token_missing"


@pytest.mark.parametrize("secrets", [[], [b""]])
def test_endpoint_without_a_secret_lets_nothing_in(secrets: list[bytes]) -> None:
    assert refusal(delivery(notification()), terms(*secrets)) == "token_mismatch"


def test_update_of_several_records_is_an_event_for_each() -> None:
    one, two = parse(ZOHO, CHANGED)
    owner = {"id": "5725767000000411001", "name": "Ana"}
    assert (one.kind, one.record) == ("updated", CrmRecord("lead", ONE))
    assert one.fields == {"Owner": owner, "Mobile": "123456789", "City": None}
    assert (two.record, two.fields) == (CrmRecord("lead", TWO), {"Owner": owner})
    assert one.at == two.at == datetime(2026, 12, 1, 8, 59, 58, 473000, UTC)
    assert one.dedupe_key != two.dedupe_key


@pytest.mark.parametrize(
    ("parts", "kind", "must_read"),
    [
        ({"operation": "insert"}, "created", True),
        ({"operation": "create"}, "created", True),
        ({"operation": "update"}, "gap", True),
        ({"operation": "edit"}, "gap", True),
        ({"operation": "delete"}, "deleted", False),
        ({"operation": "Delete"}, "deleted", False),
        ({"operation": "restore"}, "restored", True),
        ({"operation": "all"}, "gap", True),
        ({"operation": None}, "gap", True),
        ({"operation": "update", "affected_fields": [{ONE: ["Mobile"]}]}, "gap", True),
        ({"operation": "update", "affected_values": [{"record_id": TWO, "values": {"A": 1}}]}, "gap", True),
        (
            {"operation": "insert", "affected_values": [{"record_id": ONE, "values": {"A": 1}}]},
            "created",
            False,
        ),
        ({"operation": "update", "affected_values": [{ONE: {"A": 1}}]}, "updated", False),
        ({"operation": "update", "affected_values": {ONE: {"A": 1}}}, "updated", False),
        ({"operation": "update", "affected_values": "x"}, "gap", True),
    ],
)
def test_operation_says(parts: dict[str, Any], kind: str, must_read: bool) -> None:
    event = only(ZOHO, notification(**parts))
    assert (event.kind, event.record, event.must_read) == (kind, CrmRecord("lead", ONE), must_read)
    assert event.fields == ({"A": 1} if kind == "updated" or (not must_read and kind == "created") else {})


@pytest.mark.parametrize(
    ("module", "object_"),
    [("Leads", "lead"), ("Contacts", "contact"), ("Accounts", "company"), ("Deals", "deal"),
     ("Potentials", "deal"), ("Tasks", "task"), ("Calls", "call"), ("Events", "meeting"), ("Notes", "note"),
     ("Users", "user"), ("CustomModule1", "CustomModule1")],
)  # fmt: skip
def test_module_has_a_shared_name_or_its_own(module: str, object_: str) -> None:
    assert only(ZOHO, notification(module=module)).record.object == object_


def test_module_is_taken_from_the_address_if_it_is_missing() -> None:
    assert only(ZOHO, notification(module=None)).record.object == "lead"
    assert parse(ZOHO, notification(module=None, resource_uri=None)) == []


@pytest.mark.parametrize("ids", [[ONE], ONE, int(ONE), [int(ONE)], [ONE, ONE, int(ONE)], [None, ONE, {}]])
def test_ids_may_be_texts_or_numbers(ids: Any) -> None:
    assert only(ZOHO, notification(ids=ids)).record.id == ONE


@pytest.mark.parametrize(
    "parts",
    [
        {"affected_values": [{"record_id": ONE, "values": {"A": 1}}]},
        {"affected_values": [{ONE: {"A": 1}}]},
        {"affected_fields": [{ONE: ["A"]}]},
    ],
)
def test_ids_are_taken_from_what_changed_if_they_are_missing(parts: dict[str, Any]) -> None:
    assert only(ZOHO, notification(ids=None, **parts)).record.id == ONE


@pytest.mark.parametrize(
    "body",
    [[], {}, notification(ids=[]), notification(ids=None, affected_values=[{"values": {"A": 1}}]), [3]],
)
def test_notification_that_names_no_record_says_nothing(body: Any) -> None:
    assert parse(ZOHO, body) == []


def test_key_is_channel_module_record_operation_and_time() -> None:
    first = only(ZOHO, notification()).dedupe_key
    assert (
        only(ZOHO, notification(token="x", query_params={"a": 1}, channel_id=1000000068001)).dedupe_key
        == first
    )
    others = [
        notification(channel_id="1000000068002"), notification(module="Contacts"), notification(ids=[TWO]),
        notification(operation="delete"), notification(server_time=1796115598474),
    ]  # fmt: skip
    assert len({first, *(only(ZOHO, each).dedupe_key for each in others)}) == len(others) + 1


@pytest.mark.parametrize("body", [CHANGED, [CHANGED, notification()]])
def test_token_is_not_stored(body: Any) -> None:
    stored = ZOHO.to_store(json.dumps(body).encode())
    assert TOKEN not in stored
    assert parse(ZOHO, stored) == parse(ZOHO, body)


def test_nothing_is_stored_of_a_body_that_cannot_be_read() -> None:
    assert ZOHO.to_store(b'{"token": "TOKEN_FOR') == b""
