"""The fields of the wire: types are literal, unknown fields refused, and one bad item spoils no other."""

from typing import Any, get_args

import orjson
import pytest

from app.contract.requests import AssignRequest, LeadFields
from app.contract.types import CustomerStatus
from app.intake.arrival import normalize
from app.intake.headers import DERIVED
from app.plan.language.fields import CUSTOMER_STATUSES, LEAD
from tests.api.small_app import Small, lead_bytes, post


@pytest.mark.parametrize(
    ("fields", "path", "code"),
    [
        ({"employees": True}, "lead.employees", "wrong_type"),
        ({"employees": [5]}, "lead.employees", "wrong_type"),
        ({"annual_revenue": True}, "lead.annual_revenue", "wrong_type"),
        ({"churn_risk": True}, "lead.churn_risk", "wrong_type"),
        ({"churn_risk": []}, "lead.churn_risk", "wrong_type"),
        ({"first_name": 5}, "lead.first_name", "wrong_type"),
        ({"pages": "pricing"}, "lead.pages", "wrong_type"),
        ({"pages": [1]}, "lead.pages[0]", "wrong_type"),
        ({"consent": {"email": 1.5}}, "lead.consent.email", "wrong_type"),
        ({"consent": {"email": ["yes"]}}, "lead.consent.email", "wrong_type"),
        ({"consent": []}, "lead.consent", "wrong_type"),
        ({"consent": {"fax": True}}, "lead.consent.fax", "unknown_field"),
        ({"utm": {"source": 1}}, "lead.utm.source", "wrong_type"),
        ({"attributes": []}, "lead.attributes", "wrong_type"),
        ({"shoe_size": 44}, "lead.shoe_size", "unknown_field"),
        ({"customer_status": "friend"}, "lead.customer_status", "not_allowed"),
        ({"last_seen_at": 1.5}, "lead.last_seen_at", "wrong_type"),
        ({"last_seen_at": True}, "lead.last_seen_at", "wrong_type"),
        ({"external_id": "x" * 256}, "lead.external_id", "too_long"),
        ({"email": "ü" * 128}, "lead.email", "too_long"),
        ({"crm": {"lead_id": "x" * 256}}, "lead.crm.lead_id", "too_long"),
        ({"engagement": [{"count": True}]}, "lead.engagement[0].count", "wrong_type"),
    ],
)
async def test_a_field_that_is_not_as_declared_is_named(
    small: Small, fields: dict[str, Any], path: str, code: str
) -> None:
    answer = await post(small, lead_bytes(**fields))
    [error] = answer.json()["errors"]
    assert answer.status_code == 422
    assert (error["path"], error["code"]) == (path, code)
    assert error["pointer"] == "#/" + path.replace(".", "/").replace("[", "/").replace("]", "")


@pytest.mark.parametrize(
    ("request_fields", "path"),
    [
        ({"trigger": "party"}, "trigger"),
        ({"trigger": "x-"}, "trigger"),
        ({"trigger": "x-" + "a" * 41}, "trigger"),
        ({"trigger": "x-fair\n"}, "trigger"),
        ({"exclude": ["ana", ""]}, "exclude[1]"),
        ({"exclude": ["ana"] * 101}, "exclude"),
        ({"dry_run": 0}, "dry_run"),
        ({"colour": "red"}, "colour"),
    ],
)
async def test_fields_beside_the_lead_are_checked(small: Small, request_fields: Any, path: str) -> None:
    answer = await post(small, orjson.dumps({"lead": {"external_id": "a"}, **request_fields}))
    assert answer.status_code == 422
    assert [error["path"] for error in answer.json()["errors"]] == [path]


@pytest.mark.parametrize(
    "body", [b"null", b"[]", b'"lead"', b"5", b"{}", b'{"lead": null}', b'{"lead": []}', b""]
)
async def test_a_body_of_another_shape_gets_422(small: Small, body: bytes) -> None:
    assert (await post(small, body)).status_code == 422


@pytest.mark.parametrize(
    ("lead", "accepted"),
    [
        ({"external_id": "a"}, True),
        ({"email": "no address"}, True),
        ({"phone": "no number"}, True),
        ({"company": "ACME"}, True),
        ({"crm": {"lead_id": "00Q1"}}, True),
        ({}, False),
        ({"email": ""}, False),
        ({"email": " ", "phone": None, "company": "\u2003"}, False),
        ({"first_name": "Jane", "crm": {"account_id": "1"}}, False),
    ],
)
async def test_lead_without_any_identity_is_refused(
    small: Small, lead: dict[str, Any], accepted: bool
) -> None:
    answer = await post(small, orjson.dumps({"lead": lead}))
    assert answer.status_code == (200 if accepted else 422)
    if not accepted:
        assert [(error["path"], error["code"]) for error in answer.json()["errors"]] == [
            ("lead", "no_identity")
        ]


def test_null_is_the_same_as_absent() -> None:
    fields: dict[str, Any] = dict.fromkeys(LeadFields.model_fields)
    with_nulls = AssignRequest.model_validate(
        {"lead": {**fields, "external_id": "a"}, "trigger": None, "exclude": None}
    )
    without = AssignRequest.model_validate({"lead": {"external_id": "a"}})
    assert with_nulls.model_dump(exclude_none=True) == without.model_dump(exclude_none=True)


def test_every_field_of_the_wire_but_a_proof_and_the_honeypot_can_be_asked_for_in_a_condition() -> None:
    names = {name.partition(".")[0] for name in (*LEAD.fields, *LEAD.free)}
    assert get_args(CustomerStatus) == CUSTOMER_STATUSES
    found_out = {name.partition(".")[0] for name in DERIVED}
    # What was in the honeypot is no fact about the lead: conditions ask for junk_parts and flags.
    assert set(LeadFields.model_fields) - {"consent_record", "honeypot"} == names - found_out


async def test_invalid_item_does_not_affect_the_others(small: Small) -> None:
    good = b'{"lead": {"external_id": "%d"}}'
    items = [
        good % 0,
        b'{"lead": {"external_id": "a", "employees": true}}',
        b'{"lead": {"external_id": "a\\u0000"}}',
        b'{"lead": {"external_id": "a", "external_id": "b"}}',
        b'{"lead": {"external_id": "a", "attributes": ' + b"[" * 50 + b"]" * 50 + b"}}",
        b'{"lead": {"external_id": "a", "attributes": {"n": 1e300}}}',
        b"5",
        b'{"lead": {}}',
        b'{"lead": {"external_id": "a", "attributes": {"s": "' + b"x" * 9000 + b'"}}}',
        good % 9,
    ]
    answer = await post(small, b'{"items": [' + b",".join(items) + b"]}", "/assign/batch")
    assert answer.status_code == 200
    assert [
        item
        if isinstance(item, str)
        else (item["status"], item["errors"][0]["path"], item["errors"][0]["code"])
        for item in answer.json()
    ] == [
        "0",
        (422, "items[1].lead.employees", "wrong_type"),
        (422, "items[2].lead.external_id", "invalid_text"),
        (422, "items[3].lead.external_id", "duplicate_key"),
        (422, "items[4].lead.attributes" + "[0]" * 30, "too_deep"),
        (422, "items[5].lead.attributes.n", "out_of_range"),
        (422, "items[6]", "wrong_type"),
        (422, "items[7].lead", "no_identity"),
        (422, "items[8].lead.attributes.s", "too_long"),
        "9",
    ]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b'{"items": []}', 422, "too_few_items"),
        (b'{"items": [' + b",".join([b"1"] * 1001) + b"]}", 422, "too_many_items"),
        (b'{"items": {}}', 422, "wrong_type"),
        (b'{"items": [1], "items": [1]}', 400, "duplicate_key"),
        (b'{"items": [1], "a": 1, "a": 1}', 400, "duplicate_key"),
        (b'{"items": [1], "a": "\\u0000"}', 422, "invalid_text"),
        (b'{"items": [1], "a": 1}', 422, "unknown_field"),
        (b"[]", 422, "wrong_type"),
    ],
)
async def test_a_fault_beside_the_items_refuses_the_batch(
    small: Small, body: bytes, status: int, code: str
) -> None:
    answer = await post(small, body, "/assign/batch")
    assert answer.status_code == status
    assert answer.json()["errors"][0]["code"] == code


def test_a_lead_is_shown_by_no_repr(example: Any) -> None:
    request = AssignRequest.model_validate(example)
    shown = (
        f"{request!r} {request} {request.lead!r} {normalize(request.lead.model_dump(exclude_none=True))!r}"
    )
    assert not [value for value in example["lead"].values() if isinstance(value, str) and value in shown]
