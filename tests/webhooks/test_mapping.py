"""What the events of each kind of CRM mean by default, and how a mapping changes that."""

from datetime import UTC, datetime
from typing import Any

import pytest

from app.contract.crm_mapping import MEANINGS
from app.engine.life.crm import CrmChange, OwnerChange
from app.errors import ValidationFailed
from app.webhooks.crm_events import CrmEvent, CrmRecord
from app.webhooks.crm_findings import CODES
from app.webhooks.default_mappings import DEFAULTS
from app.webhooks.endpoint_mapping import read_mapping
from app.webhooks.mapping import EventTerms, UserChange, read_event
from tests.docs.test_docs import named, rows

NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)


def read(
    kind: str, object_: str, fields: dict[str, Any], mapping: dict[str, Any] | None = None, **more: Any
) -> Any:
    """What an event means."""
    terms = EventTerms("crm", kind, kind, read_mapping(kind, mapping or {}), frozenset({"app"}))
    event = CrmEvent(
        "1", **{"kind": "updated", "record": CrmRecord(object_, "7"), "at": NOON, **more}, fields=fields
    )
    return read_event(event, terms)


OWNERS: dict[str, tuple[str, str, Any, OwnerChange]] = {
    "hubspot": ("contact", "hubspot_owner_id", "8841", OwnerChange("8841")),
    "hubspot cleared": ("contact", "hubspot_owner_id", "", OwnerChange(None)),
    "salesforce": ("lead", "OwnerId", "0055g00000AbCdEAAV", OwnerChange("0055g00000AbCdE")),
    "salesforce queue": ("lead", "OwnerId", "00G5g000000XyZa", OwnerChange("00G5g000000XyZa", is_group=True)),
    "pipedrive": ("contact", "owner_id", 5, OwnerChange("5")),
    "pipedrive object": ("contact", "owner_id", {"id": 5, "name": "Ana"}, OwnerChange("5")),
    "dynamics": ("lead", "ownerid", {"Id": "a-1", "LogicalName": "systemuser"}, OwnerChange("a-1")),
    "dynamics team": (
        "lead",
        "ownerid",
        {"Id": "a-1", "LogicalName": "team"},
        OwnerChange("a-1", is_group=True),
    ),
    "zoho": ("lead", "Owner", {"id": "9", "name": "Ana"}, OwnerChange("9")),
    "standard": ("contact", "owner", "ana", OwnerChange("ana")),
}


@pytest.mark.parametrize("title", OWNERS)
def test_owner(title: str) -> None:
    object_, name, value, expected = OWNERS[title]
    change = read(title.split()[0], object_, {name: value})
    assert (change.owner, change.owner_field, change.role) == (expected, name, "lead")


PEOPLE: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "hubspot": (
        "contact",
        {"firstname": "Jo", "zip": "80331", "hs_lead_status": "OPEN"},
        {"first_name": "Jo", "postal_code": "80331", "attributes.lead_status": "OPEN"},
    ),
    "salesforce": (
        "lead",
        {"LastName": "Lind", "NumberOfEmployees": 40.0, "Country": "Germany"},
        {"last_name": "Lind", "employees": "40", "country": "Germany"},
    ),
    "pipedrive": (
        "contact",
        {"name": "Jo Lind", "emails": [{"value": "x@k.example"}, {"value": "jo@k.example", "primary": True}]},
        {"first_name": "Jo", "last_name": "Lind", "email": "jo@k.example"},
    ),
    "dynamics": (
        "contact",
        {"emailaddress1": "jo@k.example", "parentcustomerid": {"Id": "c-1", "Name": "Kunde"}},
        {"email": "jo@k.example", "crm.account_id": "c-1"},
    ),
    "zoho": (
        "lead",
        {"Email": "jo@k.example", "Zip_Code": 80331},
        {"email": "jo@k.example", "postal_code": "80331"},
    ),
    "standard": (
        "lead",
        {"email": "jo@k.example", "company": "Kunde"},
        {"email": "jo@k.example", "company": "Kunde"},
    ),
}


@pytest.mark.parametrize("kind", PEOPLE)
def test_fields_of_a_person(kind: str) -> None:
    object_, fields, expected = PEOPLE[kind]
    change = read(kind, object_, fields)
    assert {".".join(path): value for path, value in change.values.values()} == expected


DEALS: dict[str, tuple[dict[str, Any], set[tuple[str, str]], set[str]]] = {
    "hubspot": (
        {"dealstage": "closedwon", "amount": "4000", "association.contact": "101"},
        {("stage", "won"), ("amount", "4000")},
        {"contact:101"},
    ),
    "salesforce": (
        {"StageName": "Closed Lost", "Amount": 24000.0, "ContactId": "0035g00000AbCdE"},
        {("stage", "lost"), ("amount", "24000")},
        {"contact:0035g00000AbCdEAAV"},
    ),
    "pipedrive": (
        {"status": "won", "value": 90.5, "currency": "EUR", "person_id": 7},
        {("stage", "won"), ("amount", "90.5"), ("currency", "EUR")},
        {"contact:7"},
    ),
    "dynamics": (
        {"statecode": 1, "actualvalue": 100, "originatingleadid": {"Id": "L-1", "LogicalName": "lead"}},
        {("stage", "won"), ("amount", "100")},
        {"lead:l-1"},
    ),
    "zoho": (
        {"Stage": "Qualification", "Contact_Name": {"id": "4", "name": "Jo"}},
        {("stage", "open")},
        {"contact:4"},
    ),
    "standard": ({"stage": "lost", "contact_id": "4"}, {("stage", "lost")}, {"contact:4", "lead:4"}),
}


@pytest.mark.parametrize("kind", DEALS)
def test_deals(kind: str) -> None:
    fields, expected, links = DEALS[kind]
    change = read(kind, "deal", fields)
    assert {(each.means, each.value) for each in change.deal.values()} == expected
    assert links <= {f"{key.object}:{key.id}" for key in change.links}


ACTIVITIES: dict[str, tuple[str, dict[str, Any], tuple[str, str, str | None] | None]] = {
    "hubspot call": ("call", {"hubspot_owner_id": "8841"}, ("first_touch", "8841", "phone")),
    "hubspot connected call": (
        "call",
        {"hubspot_owner_id": "1", "hs_call_disposition": "f240bbac-87c9-4f6e-bf70-924b57d47db7"},
        ("reached", "1", "phone"),
    ),
    "hubspot open task": ("task", {"hs_task_status": "NOT_STARTED", "hubspot_owner_id": "1"}, None),
    "hubspot call task": (
        "task",
        {"hs_task_status": "COMPLETED", "hs_task_type": "CALL", "hubspot_owner_id": "1"},
        ("first_touch", "1", "phone"),
    ),
    "salesforce task": (
        "task",
        {"Status": "Completed", "TaskSubtype": "Email", "OwnerId": "005A"},
        ("first_touch", "005A", "email"),
    ),
    "salesforce event": ("event", {"OwnerId": "005A"}, ("meeting", "005A", "meeting")),
    "pipedrive call": ("call", {"done": True, "owner_id": 5, "type": "call"}, ("first_touch", "5", "phone")),
    "pipedrive planned call": ("call", {"done": False, "owner_id": 5, "type": "call"}, None),
    "dynamics call": ("call", {"statecode": 1, "ownerid": {"Id": "a-1"}}, ("first_touch", "a-1", "phone")),
    "dynamics canceled meeting": ("meeting", {"statecode": 2, "ownerid": {"Id": "a-1"}}, None),
    "dynamics meeting": (
        "meeting",
        {"statecode": 3, "ownerid": {"Id": "a-1"}},
        ("meeting", "a-1", "meeting"),
    ),
    "zoho inbound call": ("call", {"Call_Type": "Inbound", "Owner": {"id": "9"}}, ("reached", "9", "phone")),
    "standard email": ("email", {"owner": "ana", "lead_id": "4"}, ("first_touch", "ana", "email")),
    "standard of nobody": ("call", {"lead_id": "4"}, ("first_touch", "standard", "phone")),
}


@pytest.mark.parametrize("title", ACTIVITIES)
def test_activities(title: str) -> None:
    object_, fields, expected = ACTIVITIES[title]
    change = read(title.split()[0], object_, fields)
    told = [(event.type, event.by, event.via) for _, event in change.reports]
    assert told == ([expected] if expected is not None else [])


USERS: dict[str, tuple[dict[str, Any], bool]] = {
    "salesforce": ({"IsActive": False}, False),
    "pipedrive": ({"active_flag": False}, False),
    "dynamics": ({"isdisabled": True}, False),
    "zoho": ({"status": "active"}, True),
    "standard": ({"active": True}, True),
}


@pytest.mark.parametrize("kind", USERS)
def test_users(kind: str) -> None:
    fields, active = USERS[kind]
    assert read(kind, "user", fields) == UserChange("7", NOON, active)


def test_a_value_that_is_too_long_for_a_lead_is_left_out() -> None:
    long = {"email": "x" * 250 + "@k.example", "jobtitle": "y" * 9000, "company": "Kunde"}
    change = read("hubspot", "contact", long)
    assert set(change.values) == {"company"}


def test_stages_of_a_lead_are_events() -> None:
    change = read("salesforce", "lead", {"Status": "Closed - Not Converted"}, origin="person", actor="005A")
    assert [(name, event.type, event.by) for name, event in change.reports] == [
        ("Status", "disqualified", "005A")
    ]


def test_a_mapping_is_merged_key_by_key() -> None:
    mapping = {
        "objects": {
            "contact": {"created": "route", "fields": {"country": "ignore", "vip__c": "attributes.vip"}},
            "deal": {"as": "ignore"},
            "2-345": {"as": "lead", "fields": {"mail": "email"}},
        },
        "users": {"8841": "ana"},
        "reassign_on": [{"field": "state", "to": ["BY"]}],
        "import": "route",
    }
    change = read(
        "hubspot", "contact", {"country": "DE", "vip__c": "yes", "hubspot_owner_id": "8841"}, mapping
    )
    assert isinstance(change, CrmChange)
    assert {name: path for name, (path, _) in change.values.items()} == {"vip__c": ("attributes", "vip")}
    assert (change.creates, change.owner and change.owner.owner) == (True, "ana")
    assert (change.reroute_cleared, dict(change.rerouted_by)) == (False, {"state": frozenset({"BY"})})
    assert read("hubspot", "deal", {"amount": "1"}, mapping) is None
    assert read("hubspot", "2-345", {"mail": "x@k.example"}, mapping).role == "lead"


FAULTS: dict[str, tuple[dict[str, Any], str]] = {
    "a meaning that a lead has not": (
        {"objects": {"contact": {"fields": {"x": "stage"}}}},
        "mapping.objects.contact",
    ),
    "an order as an event": (
        {"objects": {"contact": {"events": {"x": {"y": "closed"}}}}},
        "mapping.objects.contact.events",
    ),
    "an unknown key": ({"object": {}}, "mapping.object"),
    "an unknown role": ({"objects": {"contact": {"as": "person"}}}, "mapping.objects.contact.as"),
    "no object": ({"objects": {"contact": 1}}, "mapping.objects.contact"),
    "a word to decide on": ({"reassign_on": ["owner_lost"]}, "mapping.reassign_on"),
}


@pytest.mark.parametrize("title", FAULTS)
def test_faults_of_a_mapping(title: str) -> None:
    sent, place = FAULTS[title]
    with pytest.raises(ValidationFailed) as refused:
        read_mapping("hubspot", sent)
    paths = [".".join(map(str, fault.path)) for fault in refused.value.faults]
    assert any(path.startswith(place) for path in paths), paths


@pytest.mark.parametrize("kind", DEFAULTS)
def test_defaults_are_valid_and_use_their_meanings(kind: str) -> None:
    mapping = read_mapping(kind, {})
    assert {each.as_ for each in mapping.objects.values()} - {"ignore"} <= MEANINGS.keys()
    assert any(each.as_ == "lead" and "owner" in each.fields.values() for each in mapping.objects.values())


def test_every_finding_is_in_the_page_about_crms() -> None:
    assert {named(row[0])[0] for row in rows("docs/crm.md", "Findings")} == CODES.keys()


@pytest.mark.parametrize("written", [1796115600, "1796115600", 1796115600000, "2026-12-01T10:00:00+01:00"])
def test_time_of_an_activity_is_read_as_vendors_write_times(written: Any) -> None:
    change = read("standard", "call", {"owner": "ana", "lead_id": "4", "at": written})
    assert [event.at for _, event in change.reports] == [datetime(2026, 12, 1, 9, tzinfo=UTC)]
