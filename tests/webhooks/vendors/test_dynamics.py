"""Dynamics 365: which deliveries are let in, and what each context says."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from app.webhooks.crm_events import CrmEvent, CrmRecord, EndpointTerms, Refused, Verified, WebhookRequest
from app.webhooks.vendors import VENDORS
from tests.webhooks.vendors.deliveries import NOW, PATH, delivery, only, parse, terms
from tests.webhooks.vendors.dynamics_deliveries import (
    ANA,
    LEAD,
    ORGANIZATION,
    OTHER,
    QUOTED,
    SECRET,
    TEAM,
    UPDATE,
    choice,
    context,
    entity,
    pairs,
    reference,
    sent,
)

DYNAMICS = VENDORS["dynamics"]
TERMS = terms(SECRET, organization_id=ORGANIZATION)
NOBODY = "00000000-0000-0000-0000-000000000000"


def refusal(request: WebhookRequest, of: EndpointTerms = TERMS) -> str:
    with pytest.raises(Refused) as refused:
        DYNAMICS.verify(request, of, NOW)
    return refused.value.code


def at(query: str) -> WebhookRequest:
    return delivery(UPDATE, path=PATH + query)


@pytest.mark.parametrize(
    "request_",
    [
        sent(UPDATE),
        at(f"?x=1&code={QUOTED}&y"),
        at(f"?my-own-name={QUOTED}"),
        at("?code=k3y%2b/=%25with%26specials"),
        delivery(UPDATE, {"x-webhook-key": SECRET}),
        delivery(UPDATE, {"my-own-name": SECRET, "accept": b"*/*"}),
        delivery(UPDATE, {"authorization": b"Bearer " + SECRET}),
    ],
)
def test_key_lets_a_delivery_in(request_: WebhookRequest) -> None:
    assert DYNAMICS.verify(request_, TERMS, NOW) == Verified(0)
    assert DYNAMICS.verify(request_, replace(TERMS, secrets=[b"new", SECRET]), NOW) == Verified(1)


@pytest.mark.parametrize(
    "request_",
    [
        at(""), at("?"), at("?code="), at("?code"), at(f"?code={QUOTED}x"), at(f"?code=x{QUOTED}"),
        at(f"?code={QUOTED[:-1]}"), at(f"?code={QUOTED.lower()}X"), at(f"?{QUOTED}"), at("?code=%"),
        at("?code=%ff&\ud800=\ud800"), at("?code=ü"), at(f"#code={QUOTED}"), at(f"/{QUOTED}"),
        delivery(UPDATE, {"x-webhook-key": SECRET + b" x"}),
        delivery(UPDATE, {"x-webhook-key": "ü".encode()}),
        delivery({**UPDATE, "code": SECRET.decode()}),
    ],
)  # fmt: skip
def test_delivery_without_the_key_is_refused(request_: WebhookRequest) -> None:
    assert refusal(request_) == "key_mismatch"


@pytest.mark.parametrize("secrets", [[], [b""]])
def test_endpoint_without_a_secret_lets_nothing_in(secrets: list[bytes]) -> None:
    assert refusal(at("?code="), replace(TERMS, secrets=secrets)) == "key_mismatch"


@pytest.mark.parametrize("own", [ORGANIZATION, ORGANIZATION.upper(), f" {{{ORGANIZATION}}} "])
@pytest.mark.parametrize("named", [ORGANIZATION, ORGANIZATION.upper(), f"{{{ORGANIZATION}}}"])
def test_organization_is_compared_as_a_guid(own: str, named: str) -> None:
    DYNAMICS.verify(sent(context(OrganizationId=named)), replace(TERMS, organization_id=own), NOW)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (context(OrganizationId=OTHER), "foreign_organization"),
        ([UPDATE, context(OrganizationId=OTHER)], "foreign_organization"),
        (context(OrganizationId=None), "organization_missing"),
        (context(OrganizationId=NOBODY), "organization_missing"),
        ([UPDATE, context(OrganizationId=None)], "organization_missing"),
        ([], "organization_missing"),
        (b"{", "unreadable"),
        (b"", "unreadable"),
        (b"3", "unreadable"),
    ],
)
def test_context_of_no_or_another_organization_is_refused(body: Any, code: str) -> None:
    assert refusal(sent(body)) == code


@pytest.mark.parametrize("own", [None, ""])
def test_endpoint_without_an_organization_lets_nothing_in(own: str | None) -> None:
    assert refusal(sent(UPDATE), replace(TERMS, organization_id=own)) == "organization_missing"


def test_update_says_what_changed() -> None:
    event = only(DYNAMICS, UPDATE)
    assert (event.kind, event.record) == ("updated", CrmRecord("lead", LEAD))
    assert event.fields == {"firstname": "Ada", "statuscode": 3}
    assert (event.complete, event.must_read) == (False, False)
    assert (event.at, event.order, event.actor) == (datetime(2026, 12, 1, 8, 59, 58, tzinfo=UTC), 1, ANA)


@pytest.mark.parametrize(
    ("raw", "read"),
    [
        ("x", "x"), (None, None), (True, True), (choice(3), 3),
        ({"__type": "Money:x", "Value": 24000.5}, 24000.5),
        (reference(OTHER.upper(), "account"), {"Id": OTHER, "LogicalName": "account"}),
        (
            {**reference(OTHER, "account"), "Name": "Acme"},
            {"Id": OTHER, "LogicalName": "account", "Name": "Acme"},
        ),
        ([choice(1), choice(2)], [1, 2]),
        ({"AttributeLogicalName": "a", "EntityLogicalName": "b", "Value": choice(4)}, 4),
        ("/Date(1506384247000)/", "2017-09-26T00:04:07+00:00"),
        ("\\/Date(1506384247000)\\/", "2017-09-26T00:04:07+00:00"),
        ("/Date(99999999999999999)/", "/Date(99999999999999999)/"),
        ({"a": 1}, {"a": 1}),
    ],
)  # fmt: skip
def test_attribute_is_read(raw: Any, read: Any) -> None:
    assert only(DYNAMICS, context(inputs={"Target": entity(a=raw)})).fields == {"a": read}


@pytest.mark.parametrize(
    ("name", "object_"),
    [("lead", "lead"), ("contact", "contact"), ("account", "company"), ("opportunity", "deal"),
     ("systemuser", "user"), ("phonecall", "call"), ("appointment", "meeting"), ("task", "task"),
     ("email", "email"), ("annotation", "note"), ("new_visit", "new_visit")],
)  # fmt: skip
def test_table_has_a_shared_name_or_its_own(name: str, object_: str) -> None:
    assert only(DYNAMICS, context(PrimaryEntityName=name)).record.object == object_


@pytest.mark.parametrize(
    ("body", "kind", "fields", "must_read"),
    [
        (context("Create", {"Target": entity(firstname="Ada")}), "created", {"firstname": "Ada"}, False),
        (context("Create"), "created", {}, True),
        (context("Update"), "gap", {}, True),
        (
            context("Assign", {"Target": reference(LEAD), "Assignee": reference(ANA, "systemuser")}),
            "updated",
            {"ownerid": {"Id": ANA, "LogicalName": "systemuser"}},
            False,
        ),
        (
            context("Assign", {"Target": reference(LEAD), "Assignee": reference(TEAM, "team")}),
            "updated",
            {"ownerid": {"Id": TEAM, "LogicalName": "team"}},
            False,
        ),
        (context("Assign", {"Target": reference(LEAD)}), "gap", {}, True),
        (
            context("Assign", {"Target": entity(ownerid=reference(ANA, "systemuser"))}),
            "updated",
            {"ownerid": {"Id": ANA, "LogicalName": "systemuser"}},
            False,
        ),
        (
            context(inputs={"Target": entity(ownerid=reference(TEAM, "team"))}),
            "updated",
            {"ownerid": {"Id": TEAM, "LogicalName": "team"}},
            False,
        ),
        (
            context("SetState", {"EntityMoniker": reference(LEAD), "State": choice(2), "Status": choice(7)}),
            "updated",
            {"statecode": 2, "statuscode": 7},
            False,
        ),
        (
            context("SetStateDynamicEntity", {"EntityMoniker": reference(LEAD), "State": choice(1)}),
            "updated",
            {"statecode": 1},
            False,
        ),
        (context("Delete", {"Target": reference(LEAD)}), "deleted", {}, False),
        (context("delete"), "deleted", {}, False),
        (context("Restore", {"Target": entity(a=1)}), "restored", {"a": 1}, False),
        (context("GrantAccess", {"Target": reference(LEAD)}), "gap", {}, True),
        (context(""), "gap", {}, True),
        (
            context(
                "Win",
                {
                    "OpportunityClose": entity(
                        OTHER, "opportunityclose", actualrevenue={"Value": 24000}, subject="x"
                    ),
                    "Status": choice(3),
                },
                PrimaryEntityName="opportunity",
            ),
            "updated",
            {"actualvalue": 24000, "statecode": 1, "statuscode": 3},
            False,
        ),
        (context("Lose", PrimaryEntityName="opportunity"), "updated", {"statecode": 2}, False),
        (
            context(
                inputs={"Target": entity(ANA, "systemuser", isdisabled=True)}, PrimaryEntityName="systemuser"
            ),
            "updated",
            {"isdisabled": True},
            False,
        ),
    ],
)
def test_message_says(body: Any, kind: str, fields: dict[str, Any], must_read: bool) -> None:
    event = only(DYNAMICS, body)
    assert (event.kind, dict(event.fields), event.must_read) == (kind, fields, must_read)


def test_images_tell_what_was_and_what_is() -> None:
    before: dict[str, Any] = {
        "PreEntityImages": pairs(a=entity(firstname="Eda", city="Bern"), b=entity(zip="3000"))
    }
    after: dict[str, Any] = {
        "PostEntityImages": pairs(AsynchronousStepPrimaryName=entity(firstname="Ada", city="Bern"))
    }
    update = only(DYNAMICS, {**UPDATE, **before, **after})
    assert (update.fields, update.previous) == ({"firstname": "Ada", "statuscode": 3}, {"firstname": "Eda"})
    create = only(DYNAMICS, context("Create", {"Target": entity(zip="1")}, **after))
    assert (create.fields, create.complete) == ({"firstname": "Ada", "city": "Bern", "zip": "1"}, True)
    only_image = only(DYNAMICS, context(**before, **after))
    assert (only_image.kind, only_image.fields) == ("updated", {"firstname": "Ada", "city": "Bern"})
    assert (only_image.complete, only_image.previous) == (True, {"firstname": "Eda", "city": "Bern"})
    gone = only(DYNAMICS, context("Delete", **before))
    assert (gone.fields, gone.previous) == ({}, {"firstname": "Eda", "city": "Bern", "zip": "3000"})


def test_merge_names_the_loser() -> None:
    inputs = {"Target": reference(LEAD), "SubordinateId": OTHER.upper(), "UpdateContent": entity(city="Bern")}
    event = only(DYNAMICS, context("Merge", inputs))
    assert (event.kind, event.record, event.must_read) == ("merged", CrmRecord("lead", LEAD), True)
    assert (list(event.others), event.fields) == ([CrmRecord("lead", OTHER)], {"city": "Bern"})


@pytest.mark.parametrize("message", ["Merge", "QualifyLead"])
def test_merge_or_conversion_of_which_the_rest_is_missing_is_a_gap(message: str) -> None:
    event = only(DYNAMICS, context(message))
    assert (event.kind, event.record, event.must_read) == ("gap", CrmRecord("lead", LEAD), True)


def test_qualified_lead_names_what_it_became() -> None:
    made = [reference(TEAM, "account"), reference(ANA, "opportunity"), reference(OTHER, "contact")]
    event = only(
        DYNAMICS,
        context("QualifyLead", {"LeadId": reference(LEAD)}, OutputParameters=pairs(CreatedEntities=made)),
    )
    assert (event.kind, event.record) == ("converted", CrmRecord("lead", LEAD))
    assert list(event.others) == [
        CrmRecord("contact", OTHER),
        CrmRecord("deal", ANA),
        CrmRecord("company", TEAM),
    ]


def of_no_primary(message: str, inputs: dict[str, Any]) -> CrmEvent:
    return only(DYNAMICS, context(message, inputs, PrimaryEntityId=NOBODY, PrimaryEntityName=None))


def test_record_is_named_by_the_inputs_if_the_context_does_not() -> None:
    assert of_no_primary("Update", {"Target": entity(a=1)}).record == CrmRecord("lead", LEAD)
    moniker = {"EntityMoniker": reference(LEAD), "State": choice(1)}
    assert of_no_primary("SetState", moniker).record == CrmRecord("lead", LEAD)
    closing = entity(OTHER, "opportunityclose", opportunityid=reference(LEAD, "opportunity"))
    assert of_no_primary("Win", {"OpportunityClose": closing}).record == CrmRecord("deal", LEAD)


@pytest.mark.parametrize("wrapped", [True, False])
def test_message_about_many_records_is_an_event_for_each(wrapped: bool) -> None:
    many = [entity(LEAD, a=1), entity(OTHER, a=2), entity(NOBODY, a=3)]
    inputs = {"Targets": {"EntityName": "lead", "Entities": many} if wrapped else many}
    events = parse(DYNAMICS, context("UpdateMultiple", inputs, PrimaryEntityId=NOBODY))
    assert [(event.record.id, event.fields) for event in events] == [(LEAD, {"a": 1}), (OTHER, {"a": 2})]
    assert len({event.dedupe_key for event in events}) == 2


@pytest.mark.parametrize(
    ("value", "must_read"), [(b"true", True), (b"True", True), (b"1", True), (b"", False), (b"false", False)]
)
def test_context_that_was_too_large_must_be_read(value: bytes, must_read: bool) -> None:
    cut = context("Create", {"Target": entity(a=1)})
    assert only(DYNAMICS, cut, {"x-ms-dynamics-msg-size-exceeded": value}).must_read is must_read
    update = only(DYNAMICS, context(InputParameters=None), {"x-ms-dynamics-msg-size-exceeded": b"true"})
    assert (update.kind, update.must_read) == ("gap", True)
    gone = only(DYNAMICS, context("Delete"), {"x-ms-dynamics-msg-size-exceeded": b"true"})
    assert (gone.kind, gone.must_read) == ("deleted", False)


@pytest.mark.parametrize(
    "body", [[], {}, context(PrimaryEntityId=None), context(PrimaryEntityName=None), [3]]
)
def test_context_that_names_no_record_is_left_out(body: Any) -> None:
    assert parse(DYNAMICS, body) == []


def test_time_is_that_of_the_change_if_the_operation_has_none() -> None:
    inputs = {"Target": entity(modifiedon="/Date(1506384247000)/")}
    event = only(DYNAMICS, context(inputs=inputs, OperationCreatedOn=None))
    assert event.at == datetime(2017, 9, 26, 0, 4, 7, tzinfo=UTC)
    assert only(DYNAMICS, context(OperationCreatedOn="x")).at is None


@pytest.mark.parametrize("operation", [None, NOBODY, "4af10637-4ea2-e711-8122-000d3aa2331c"])
def test_one_change_that_is_delivered_four_times_has_one_key(operation: str | None) -> None:
    body = {**UPDATE, "OperationId": operation}
    keys = {only(DYNAMICS, body, {"x-request-id": b"%d" % n}).dedupe_key for n in range(4)}
    assert len(keys) == 1


def test_messages_of_one_save_have_different_keys() -> None:
    assign = {"Target": reference(LEAD), "Assignee": reference(ANA, "systemuser")}
    of_one_save = [
        UPDATE,
        context("Assign", assign, Depth=2),
        context("Assign", assign),
        context(inputs={"Target": entity(ownerid=reference(ANA, "systemuser"))}),
        {**UPDATE, "Depth": 2},
        {**UPDATE, "Stage": 20},
        {**UPDATE, "PrimaryEntityId": OTHER},
        context(inputs={"Target": entity(firstname="Ada", statuscode=choice(4))}),
        context(inputs={"Target": entity(firstname="Ada")}),
        {**UPDATE, "CorrelationId": OTHER},
        {**UPDATE, "OperationId": OTHER},
    ]
    without = [{**body, "OperationId": NOBODY} for body in of_one_save[:-1]]
    assert len({only(DYNAMICS, body).dedupe_key for body in of_one_save}) == len(of_one_save)
    assert len({only(DYNAMICS, body).dedupe_key for body in without}) == len(without)


def test_activity_belongs_to_the_record_of_its_image() -> None:
    """The update names only what changed; without the image somebody would have to read the call."""
    after = entity(
        OTHER, "phonecall", regardingobjectid=reference(LEAD), ownerid=reference(ANA, "systemuser")
    )
    body = context(
        "Update",
        {"Target": entity(OTHER, "phonecall", statecode=choice(1))},
        PrimaryEntityName="phonecall",
        PrimaryEntityId=OTHER,
        PostEntityImages=pairs(after=after),
    )
    fields = only(DYNAMICS, body).fields
    assert (fields["statecode"], fields["regardingobjectid"]["Id"]) == (1, LEAD)
    assert fields["ownerid"]["Id"] == ANA
