"""Pipedrive: which deliveries are let in, and what each event says."""

import base64
from datetime import UTC, datetime
from typing import Any

import pytest

from app.webhooks.crm_events import CrmRecord, EndpointTerms, Refused, Verified, WebhookRequest
from app.webhooks.vendors import VENDORS
from tests.webhooks.vendors.deliveries import NOW, delivery, only, parse, terms
from tests.webhooks.vendors.pipedrive_deliveries import (
    OWNER_CHANGE,
    PASSWORD,
    PERSON,
    USER,
    basic,
    event,
    sent,
)

PIPEDRIVE = VENDORS["pipedrive"]
GENUINE = sent(OWNER_CHANGE)
TERMS = terms(PASSWORD, options={"user": "crm"})


def refusal(request: WebhookRequest, of: EndpointTerms = TERMS) -> str:
    with pytest.raises(Refused) as refused:
        PIPEDRIVE.verify(request, of, NOW)
    return refused.value.code


def test_user_and_password_let_a_delivery_in() -> None:
    assert PIPEDRIVE.verify(GENUINE, TERMS, NOW) == Verified(0)
    assert PIPEDRIVE.verify(GENUINE, terms(b"new", PASSWORD, options={"user": "crm"}), NOW) == Verified(1)
    umlaut = delivery(OWNER_CHANGE, basic("bü".encode()))
    assert PIPEDRIVE.verify(umlaut, terms(PASSWORD, options={"user": "bü"}), NOW) == Verified(0)


@pytest.mark.parametrize("options", [{}, {"user": None}, {"user": ""}])
def test_any_user_will_do_if_none_is_set(options: dict[str, Any]) -> None:
    request = delivery(OWNER_CHANGE, basic(b"x"))
    assert PIPEDRIVE.verify(request, terms(PASSWORD, options=options), NOW) == Verified(0)


@pytest.mark.parametrize(
    ("header", "code"),
    [
        (basic(password=PASSWORD[:-1])["authorization"], "credentials_mismatch"),
        (basic(password=PASSWORD + b" ")["authorization"], "credentials_mismatch"),
        (basic(password=b"")["authorization"], "credentials_mismatch"),
        (basic(user=b"Crm")["authorization"], "credentials_mismatch"),
        (basic(user=b"")["authorization"], "credentials_mismatch"),
        (basic(PASSWORD, USER)["authorization"], "credentials_mismatch"),
        (b"Basic " + base64.b64encode(b"\xff:\xff"), "credentials_mismatch"),
        (b"Basic " + base64.b64encode(PASSWORD.replace(b":", b"")), "credentials_missing"),
        (b"Basic !!!", "credentials_missing"),
        (basic()["authorization"].replace(b"Basic ", b"Basic !"), "credentials_missing"),
        (b"Basic a", "credentials_missing"),
        (b"Basic \xc3\xbc", "credentials_missing"),
        (b"Basic ", "credentials_missing"),
        (b"Basic", "credentials_missing"),
        (b"Bearer " + PASSWORD, "credentials_missing"),
        (b"", "credentials_missing"),
    ],
)
def test_delivery_is_refused_for(header: bytes, code: str) -> None:
    assert refusal(delivery(OWNER_CHANGE, {"authorization": header})) == code


def test_delivery_without_credentials_is_refused() -> None:
    assert refusal(delivery(OWNER_CHANGE)) == "credentials_missing"


@pytest.mark.parametrize("secrets", [[], [b""]])
def test_endpoint_without_a_secret_lets_nothing_in(secrets: list[bytes]) -> None:
    assert refusal(delivery(OWNER_CHANGE, basic(password=b"")), terms(*secrets)) == "credentials_mismatch"


def test_company_is_checked_if_the_endpoint_names_one() -> None:
    of = terms(PASSWORD, organization_id="8087566")
    PIPEDRIVE.verify(GENUINE, of, NOW)
    PIPEDRIVE.verify(sent(event(company_id=8087566)), of, NOW)
    PIPEDRIVE.verify(sent(event(company_id=None)), of, NOW)
    assert refusal(sent(event(company_id="8087567")), of) == "foreign_organization"


def test_owner_change_is_the_record_as_it_is_now_with_what_was() -> None:
    found = only(PIPEDRIVE, OWNER_CHANGE)
    assert (found.kind, found.record) == ("updated", CrmRecord("contact", "8"))
    assert (found.fields["owner_id"], found.previous["owner_id"]) == (7, 5)
    assert (found.fields["email"], found.fields["phone"]) == ("a@b.c", "+41 44 668 18 00")
    assert (found.complete, found.must_read) == (True, False)
    assert (found.actor, found.origin) == ("12415231", "person")
    assert found.at == datetime(2026, 12, 1, 8, 59, 58, 375000, UTC)


DEAL = {
    "id": 8,
    "owner_id": 7,
    "stage_id": 2,
    "status": "won",
    "value": 4000,
    "currency": "EUR",
    "person_id": 8,
}


@pytest.mark.parametrize(
    ("body", "kind", "object_", "must_read"),
    [
        (event(action="create", data=PERSON), "created", "contact", False),
        (event(action="delete", previous=PERSON), "deleted", "contact", False),
        (event(action="delete"), "deleted", "contact", False),
        (event("organization", data={"id": 1, "name": "Acme"}), "updated", "company", False),
        (event("deal", data=DEAL, previous={"status": "open"}), "updated", "deal", False),
        (event("lead", "create", "0d1b", {"id": "0d1b", "owner_id": 7}), "created", "lead", False),
        (event("note", "create", data={"id": 1}), "created", "note", False),
        (event("pipeline", data={"id": 1}), "updated", "pipeline", False),
        (event(), "gap", "contact", True),
        (event(action="create"), "gap", "contact", True),
        (event(action="archive", data=PERSON), "gap", "contact", True),
        (event(action="CREATE", data=PERSON), "created", "contact", False),
        (event(action="updated", entity="person", data=PERSON), "updated", "contact", False),
    ],
)
def test_event_says(body: Any, kind: str, object_: str, must_read: bool) -> None:
    found = only(PIPEDRIVE, body)
    assert (found.kind, found.record.object, found.must_read) == (kind, object_, must_read)


@pytest.mark.parametrize(
    ("type_", "object_"),
    [("call", "call"), ("meeting", "meeting"), ("lunch", "meeting"), ("email", "email"), ("task", "task"),
     ("deadline", "task"), ("demo_visit", "activity"), (None, "activity"), ("", "activity")],
)  # fmt: skip
def test_activity_is_what_its_type_says(type_: Any, object_: str) -> None:
    body = {"id": 2, "type": type_, "done": True, "person_id": 8, "owner_id": 7}
    done = only(PIPEDRIVE, event("activity", id_="2", data=body, previous={"done": False}))
    gone = only(PIPEDRIVE, event("activity", "delete", "2", previous=body))
    assert done.record == gone.record == CrmRecord(object_, "2")
    assert (done.fields["done"], done.previous) == (True, {"done": False})


def test_won_deal_has_its_amount() -> None:
    found = only(PIPEDRIVE, event("deal", data=DEAL, previous={"status": "open"}))
    assert {"status": "won", "value": 4000, "currency": "EUR"}.items() <= found.fields.items()


HASH = "3d0fa3429dfa2d3dec265b4fc5dc8258ab66cdf3"


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ({"type": "varchar", "value": "x"}, "x"),
        ({"type": "monetary", "value": 200, "currency": "EUR"}, 200),
        ({"type": "enum", "id": 17}, 17), ({"type": "set", "values": [{"id": 13}, {"id": 14}]}, [13, 14]),
        ({"type": "set", "values": [3, None]}, [3, None]), (None, None), ("x", "x"),
        ({"type": "daterange", "from": "a", "until": "b"}, {"type": "daterange", "from": "a", "until": "b"}),
    ],
)  # fmt: skip
def test_field_of_the_companys_own_holds(given: Any, read: Any) -> None:
    custom = {"custom_fields": {HASH: given}}
    found = only(PIPEDRIVE, event(data=PERSON | custom, previous=custom))
    assert (found.fields[HASH], found.previous[HASH]) == (read, read)
    assert "custom_fields" not in found.fields


def test_user_who_was_deactivated_is_a_user() -> None:
    body = event("user", id_="5", data={"id": "5", "active_flag": False}, previous={"active_flag": True})
    found = only(PIPEDRIVE, body)
    assert found.record == CrmRecord("user", "5")
    assert (found.fields["active_flag"], found.previous["active_flag"]) == (False, True)


def test_both_halves_of_a_merge_say_the_same() -> None:
    loser = only(PIPEDRIVE, event(action="delete", id_="9", previous=PERSON, merged_to_id="8"))
    winner = only(PIPEDRIVE, event(id_="8", data=PERSON, previous={"name": "A"}, merged_from_id=9))
    for half in (loser, winner):
        assert (half.kind, half.record) == ("merged", CrmRecord("contact", "8"))
        assert list(half.others) == [CrmRecord("contact", "9")]
    assert (loser.must_read, loser.fields, loser.previous) == (True, {}, {})
    assert (winner.must_read, winner.fields["owner_id"], winner.previous) == (False, 7, {"name": "A"})
    assert loser.dedupe_key != winner.dedupe_key


@pytest.mark.parametrize("meta", [{"merged_to_id": ""}, {"merged_to_id": "8"}, {"merged_from_id": 8}])
def test_merge_of_a_record_with_itself_is_none(meta: dict[str, Any]) -> None:
    assert only(PIPEDRIVE, event(data=PERSON, **meta)).kind == "updated"


@pytest.mark.parametrize(
    ("meta", "origin"),
    [
        ({"change_source": "app"}, "person"), ({"change_source": "api"}, "integration"),
        ({"change_source": "app", "is_bulk_edit": True}, "import"), ({"change_source": "robot"}, None),
        ({"change_source": None}, None),
    ],
)  # fmt: skip
def test_source_says_what_did_it(meta: dict[str, Any], origin: str | None) -> None:
    assert only(PIPEDRIVE, event(data=PERSON, **meta)).origin == origin


@pytest.mark.parametrize("time", [1796115598, "1796115598", 1796115598000, "2026-12-01 08:59:58"])
def test_time_is_read_in_each_form(time: Any) -> None:
    assert only(PIPEDRIVE, event(data=PERSON, timestamp=time)).at == datetime(
        2026, 12, 1, 8, 59, 58, tzinfo=UTC
    )


@pytest.mark.parametrize(
    "body",
    [event(id_=None), event("", data=PERSON), event("", id_=""), {"data": 3, "meta": []}, [], [3]],
)
def test_event_that_names_no_record_is_left_out(body: Any) -> None:
    assert parse(PIPEDRIVE, body) == []


def test_record_is_named_by_its_data_if_the_event_does_not() -> None:
    assert only(PIPEDRIVE, event(id_=None, data=PERSON)).record.id == "8"
    assert only(PIPEDRIVE, event(action="delete", id_=None, previous=PERSON)).record.id == "8"


def test_retry_has_the_key_of_its_first_attempt() -> None:
    again = event(data=PERSON, attempt=4, webhook_id="1")
    assert only(PIPEDRIVE, again).dedupe_key == only(PIPEDRIVE, OWNER_CHANGE).dedupe_key


def test_events_of_one_user_have_different_keys_although_they_share_an_id() -> None:
    user = {"id": "5", "active_flag": True}
    bodies = [
        event(
            "user", id_="5", data=user, timestamp=1796115598, **{"correlation_id": "a"} | {"action": action}
        )
        for action in ("change", "create")
    ]
    one, two = (only(PIPEDRIVE, body).dedupe_key for body in bodies)
    for body in bodies:
        body["meta"] |= {"id": "5", "timestamp": 1796115599}
    later = only(PIPEDRIVE, bodies[0])
    bodies[0]["meta"]["correlation_id"] = "b"
    assert len({one, two, later.dedupe_key, only(PIPEDRIVE, bodies[0]).dedupe_key}) == 4


def test_body_of_version_1_is_read() -> None:
    meta = {
        "v": 1,
        "action": "updated",
        "object": "person",
        "id": 8,
        "company_id": 1,
        "timestamp": 1796115598,
    }
    found = only(
        PIPEDRIVE, {"v": 1, "current": {"id": 8, "owner_id": 7}, "previous": {"id": 8}, "meta": meta}
    )
    assert (found.kind, found.record, found.fields["owner_id"]) == ("updated", CrmRecord("contact", "8"), 7)


def test_body_of_version_1_about_users_is_a_list() -> None:
    meta = {
        "v": 1,
        "action": "updated",
        "object": "user",
        "id": 5,
        "company_id": 8087566,
        "timestamp": 1796115598,
    }
    left, other = {"id": 5, "active_flag": False}, {"id": 6, "active_flag": True}
    body = {"v": 1, "meta": meta, "current": [left, other], "previous": [{"id": 5, "active_flag": True}]}
    events = parse(PIPEDRIVE, body)
    assert [(each.record, each.fields["active_flag"]) for each in events] == [
        (CrmRecord("user", "5"), False),
        (CrmRecord("user", "6"), True),
    ]
    assert [each.previous for each in events] == [{"id": 5, "active_flag": True}, {}]
    assert len({each.dedupe_key for each in events}) == 2
