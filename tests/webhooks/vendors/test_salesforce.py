"""Salesforce's outbound messages and change events: which are let in, and what each says."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.values.crm_ids import salesforce_id
from app.webhooks.crm_events import (
    CrmEvent,
    CrmRecord,
    EndpointTerms,
    Refused,
    Unreadable,
    Verified,
    WebhookRequest,
)
from app.webhooks.vendors import VENDORS
from tests.webhooks.vendors import standard_deliveries as standard
from tests.webhooks.vendors.deliveries import NOW, delivery, terms
from tests.webhooks.vendors.salesforce_deliveries import (
    ACCOUNT,
    CONTACT,
    CONVERSION,
    DEAL,
    LEAD,
    ORGANIZATION,
    TOKEN,
    USER,
    bare,
    bridged,
    change,
    message,
    notification,
)

SALESFORCE = VENDORS["salesforce"]
TERMS = terms(TOKEN, organization_id=ORGANIZATION)


def refusal(request: WebhookRequest, of: EndpointTerms = TERMS) -> str:
    with pytest.raises(Refused) as refused:
        SALESFORCE.verify(request, of, NOW)
    return refused.value.code


def read(request: WebhookRequest | Any) -> list[CrmEvent]:
    given = request if isinstance(request, WebhookRequest) else bridged(request)
    return list(SALESFORCE.parse(given, TERMS))


def only(request: WebhookRequest | Any) -> CrmEvent:
    (event,) = read(request)
    return event


# Outbound messages.


@pytest.mark.parametrize("own", [ORGANIZATION, ORGANIZATION[:15], f" {ORGANIZATION} "])
@pytest.mark.parametrize("named", [ORGANIZATION, ORGANIZATION[:15], f"\n {ORGANIZATION}\n"])
def test_message_of_the_organization_needs_no_secret(own: str, named: str) -> None:
    request = message(organization=f"<OrganizationId>{named}</OrganizationId>")
    assert SALESFORCE.verify(request, terms(organization_id=own), NOW) == Verified(None)


def organization(name: str, times: int = 1) -> WebhookRequest:
    return message(organization=f"<OrganizationId>{name}</OrganizationId>" * times)


DTD = b'<!DOCTYPE x [<!ENTITY e "00D5g000000XyZaEAK">]>'
GENUINE = message()
REFUSED = {
    "another organization": (organization("00D5g000000XyZbEAK"), "foreign_organization"),
    "lower case": (organization(ORGANIZATION[:15].lower()), "foreign_organization"),
    "a letter of the other case": (organization("00D5g000000XyzaEAC"), "foreign_organization"),
    "wrong last three": (organization("00D5g000000XyZaAAA"), "foreign_organization"),
    "not ASCII": (organization("00D5g000000XyZä"), "foreign_organization"),
    "no organization": (message(organization=""), "organization_missing"),
    "empty organization": (organization(" "), "organization_missing"),
    "two organizations": (organization(ORGANIZATION, 2), "organization_missing"),
    "organization elsewhere": (
        message(notification(OrganizationId=ORGANIZATION), organization=""),
        "organization_missing",
    ),
    "document type": (
        replace(
            GENUINE, body=GENUINE.body.replace(b"?>", b"?>" + DTD).replace(ORGANIZATION.encode(), b"&e;")
        ),
        "unreadable",
    ),
    "document type, unused": (replace(GENUINE, body=GENUINE.body.replace(b"?>", b"?>" + DTD)), "unreadable"),
    "unknown entity": (organization("&xxe;"), "unreadable"),
    "cut off": (replace(GENUINE, body=GENUINE.body[:-20]), "unreadable"),
    "257 KiB": (message(notification(Description="x" * 257 * 1024)), "unreadable"),
    "another document": (delivery(b"<html/>"), "unreadable"),
    "nested too deep": (delivery(b"<a>" * 100_000), "unreadable"),
    "unknown encoding": (
        replace(GENUINE, body=GENUINE.body.replace(b"UTF-8", b"EBCDIC-X")),
        "unreadable",
    ),
    "empty": (delivery(b""), "token_missing"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_message_is_refused_for(case: str) -> None:
    request, code = REFUSED[case]
    assert refusal(request) == code


@pytest.mark.parametrize("own", [None, ""])
@pytest.mark.parametrize("request_", [message(), bridged([change()])])
def test_endpoint_without_an_organization_lets_nothing_in(own: str | None, request_: WebhookRequest) -> None:
    assert refusal(request_, terms(TOKEN, organization_id=own)) == "organization_missing"


def test_message_is_one_event_for_each_notification() -> None:
    request = message(*(notification(f"04l1I0000000{n:03}") for n in range(100)))
    SALESFORCE.verify(request, TERMS, NOW)
    assert len({event.dedupe_key for event in read(request)}) == 100


def test_more_than_a_hundred_notifications_are_unreadable() -> None:
    request = message(*(notification(f"04l1I0000000{n:03}") for n in range(101)))
    SALESFORCE.verify(request, TERMS, NOW)
    with pytest.raises(Unreadable):
        SALESFORCE.parse(request, TERMS)


@pytest.mark.parametrize("body", [DTD + b"<a/>", message(notification(A="x" * 300_000)).body, b"<a><b></a>"])
def test_what_is_refused_is_not_read_either(body: bytes) -> None:
    with pytest.raises(Unreadable):
        SALESFORCE.parse(delivery(body), TERMS)


def test_notification_is_the_record_as_it_is_now() -> None:
    event = only(message(notification(LastName="Byron &amp; Söhne", Title=None, Company="")))
    assert (event.kind, event.record) == ("updated", CrmRecord("lead", LEAD))
    assert event.fields["OwnerId"] == USER
    assert event.fields["LastName"] == "Byron & Söhne"
    assert (event.fields["Title"], event.fields["Company"]) == (None, "")
    assert (event.complete, event.must_read) == (True, False)
    assert event.at == NOW - timedelta(seconds=2)


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"CreatedDate": "2026-12-01T08:59:58.000Z"}, "created"),
        ({"CreatedDate": "2026-12-01T08:59:57.000Z"}, "created"),
        ({"CreatedDate": "2026-12-01T08:59:56.000Z"}, "updated"),
        ({"CreatedDate": "soon"}, "updated"),
    ],
)
def test_record_that_was_not_changed_since_is_new(fields: dict[str, str], kind: str) -> None:
    assert only(message(notification(**fields))).kind == kind


@pytest.mark.parametrize(
    ("object_", "name"),
    [("Lead", "lead"), ("Contact", "contact"), ("Account", "company"), ("Opportunity", "deal"),
     ("User", "user"), ("Task", "task"), ("Event", "event"), ("Invoice__c", "Invoice__c")],
)  # fmt: skip
def test_object_has_a_shared_name_or_its_own(object_: str, name: str) -> None:
    assert only(message(notification(object_=object_))).record.object == name
    assert only([change(object_)]).record.object == name


def test_record_of_which_nothing_is_left_must_be_read() -> None:
    event = only(message(bare()))
    assert (event.kind, event.record, event.must_read) == ("gap", CrmRecord("lead", LEAD), True)


@pytest.mark.parametrize(
    "empty",
    ["<Notification/>", "<Notification><Id>1</Id></Notification>",
     '<Notification><Id>1</Id><sObject xsi:nil="true"/></Notification>', bare("")],
)  # fmt: skip
def test_notification_without_a_record_says_nothing(empty: str) -> None:
    assert len(read(message(empty, notification()))) == 1


def test_both_forms_of_an_id_are_one_record_and_case_counts() -> None:
    one, same, other = (
        only(message(notification(Id=id_, object_="Contact"))).record.id
        for id_ in ("0035g00000AbCdE", "0035g00000AbCdEAAV", "0035g00000AbCde")
    )
    assert (one, same, other) == ("0035g00000AbCdEAAV", "0035g00000AbCdEAAV", "0035g00000AbCdeAAF")
    assert only(message(notification(OwnerId="00G5g0000012345"))).fields["OwnerId"] == "00G5g0000012345EAA"


@pytest.mark.parametrize("id_", ["", "4711", "00Q5g00000AbCd", "00Q5g00000AbCdEAAW", "ä" * 15])
def test_what_is_no_salesforce_id_stays_as_it_is(id_: str) -> None:
    assert salesforce_id(id_) == id_


def test_converted_lead_names_what_it_became() -> None:
    event = only(message(notification(ConvertedContactId=CONTACT, ConvertedOpportunityId=DEAL[:15])))
    assert event.kind == "converted"
    assert list(event.others) == [CrmRecord("contact", CONTACT), CrmRecord("deal", DEAL)]


def test_key_of_a_notification_is_its_id_in_the_organization() -> None:
    first = only(message()).dedupe_key
    assert only(message(notification(OwnerId=DEAL), session="")).dedupe_key == first
    assert only(organization(ORGANIZATION[:15])).dedupe_key == first
    assert only(message(notification("04l1I000000fztF"))).dedupe_key != first
    assert only(organization("00D5g000000XyZbEAK")).dedupe_key != first


@pytest.mark.parametrize(
    "session",
    ["<SessionId>00D!secret</SessionId>", "<SessionId >00D!secret\n</SessionId >",
     '<o:SessionId xmlns:o="u">00D!secret</o:SessionId>', '<SessionId xsi:nil="true"/>', "",
     "<SessionId>00D!secret</SessionId>" * 2],
)  # fmt: skip
def test_session_is_never_stored(session: str) -> None:
    request = message(notification(), notification("04l2"), session=session)
    stored = SALESFORCE.to_store(request.body)
    assert b"secret" not in stored
    assert b"SessionId" not in stored
    assert read(delivery(stored)) == read(request)


def test_session_of_a_body_that_was_cut_off_is_not_stored_either() -> None:
    body = message().body
    assert b"secret" not in SALESFORCE.to_store(body[: body.index(b"secret") + 6])


def test_answers_are_acknowledgements() -> None:
    accepted, refused = SALESFORCE.accepted(), SALESFORCE.not_stored()
    assert b"<Ack>true</Ack>" in accepted.body
    assert b"<Ack>false</Ack>" in refused.body
    assert accepted.media_type.startswith("text/xml")
    assert b'<notificationsResponse xmlns="http://soap.sforce.com/2005/09/outbound">' in accepted.body


# Change events.


@pytest.mark.parametrize("scheme", [b"Bearer ", b"bearer ", b"BEARER  "])
def test_bridge_proves_itself_with_a_token(scheme: bytes) -> None:
    request = delivery([change()], {"authorization": scheme + TOKEN})
    assert SALESFORCE.verify(request, TERMS, NOW) == Verified(0)
    assert SALESFORCE.verify(request, replace(TERMS, secrets=[b"new", TOKEN]), NOW) == Verified(1)


def test_bridge_proves_itself_with_a_signature() -> None:
    of = terms(standard.SECRET, organization_id=ORGANIZATION)
    request = standard.signed([change()])
    assert SALESFORCE.verify(request, of, NOW) == Verified(0)
    changed = replace(request, body=request.body + b" ")
    assert refusal(changed, of) == "signature_mismatch"
    both = replace(changed, headers={**changed.headers, "authorization": b"Bearer " + standard.SECRET})
    assert refusal(both, of) == "signature_mismatch"


@pytest.mark.parametrize(
    ("header", "code"),
    [
        (b"Bearer " + TOKEN[:-1], "token_mismatch"),
        (b"Bearer " + TOKEN + b"x", "token_mismatch"),
        (b"Bearer " + "ü".encode(), "token_mismatch"),
        (b"Bearer", "token_missing"),
        (b"Bearer  ", "token_missing"),
        (b"Basic " + TOKEN, "token_missing"),
        (TOKEN, "token_missing"),
        (b"", "token_missing"),
    ],
)
def test_bridge_is_refused_for(header: bytes, code: str) -> None:
    assert refusal(delivery([change()], {"authorization": header})) == code
    assert refusal(delivery([change()])) == "token_missing"


@pytest.mark.parametrize("secrets", [[], [b""]])
def test_endpoint_without_a_secret_lets_no_bridge_in(secrets: list[bytes]) -> None:
    assert refusal(bridged([change()], b"x"), replace(TERMS, secrets=secrets)) == "token_mismatch"


FOREIGN = "00D5g000000XyZbEAK"


@pytest.mark.parametrize(
    ("body", "accepted"),
    [
        ({"organizationId": ORGANIZATION[:15], "events": [change()]}, True),
        ({"organizationId": FOREIGN, "events": [change()]}, False),
        ([{"orgId": FOREIGN, "payload": change()}], False),
        ([change(), change(organizationId=FOREIGN)], False),
        ({"source": f"aws.partner/salesforce.com/{ORGANIZATION}/0YL", "detail": {"payload": change()}}, True),
        ({"source": f"aws.partner/salesforce.com/{FOREIGN}/0YL", "detail": {"payload": change()}}, False),
    ],
)
def test_organization_that_a_bridge_names_must_be_the_endpoints(body: Any, accepted: bool) -> None:
    if accepted:
        SALESFORCE.verify(bridged(body), TERMS, NOW)
    else:
        assert refusal(bridged(body)) == "foreign_organization"


@pytest.mark.parametrize(
    "wrapped",
    [
        change(OwnerId=USER),
        [change(OwnerId=USER)],
        {"schema": "x", "payload": change(OwnerId=USER), "event": {"replayId": 5}},
        {
            "channel": "/data/ChangeEvents",
            "data": {"event": {"replayId": 5}, "payload": change(OwnerId=USER)},
        },
        {"detail-type": "x", "detail": {"payload": change(OwnerId=USER), "id": "y"}},
        {"events": [{"payload": change(OwnerId=USER)}]},
    ],
)
def test_bridge_may_wrap_a_change_event(wrapped: Any) -> None:
    event = only(wrapped)
    assert (event.kind, event.record, event.fields) == ("updated", CrmRecord("lead", LEAD), {"OwnerId": USER})
    assert (event.at, event.order, event.actor) == (NOW - timedelta(seconds=2), 1, USER)


@pytest.mark.parametrize("body", [[], {}, [{"payload": {"a": 1}}], {"ChangeEventHeader": None}, [[change()]]])
def test_what_is_no_change_event_says_nothing(body: Any) -> None:
    assert read(body) == []


@pytest.mark.parametrize(
    ("event", "fields", "must_read"),
    [
        (change(OwnerId=USER, Rating=None), {"OwnerId": USER, "Rating": None}, False),
        (change(OwnerId=USER, Rating=None, changedFields=["OwnerId"]), {"OwnerId": USER}, False),
        (change(Rating=None, changedFields=["Rating"]), {"Rating": None}, False),
        (change(changedFields=["Rating"], nulledFields=["Rating"]), {"Rating": None}, False),
        (change(nulledFields=["Rating"]), {"Rating": None}, False),
        (change(OwnerId=USER, Rating=None, changedFields=["0x650004E0"]), {"OwnerId": USER}, True),
        (change(City="a", Description="@@ -1", diffFields=["Description"]), {"City": "a"}, True),
        (change(Name={"FirstName": "Ada"}, changedFields=["Name"]), {"FirstName": "Ada"}, False),
        (
            change(Name={"FirstName": "Ada", "LastName": None}, changedFields=["Name.FirstName"]),
            {"FirstName": "Ada"},
            False,
        ),
        (change(Address={"City": "Bern"}), {"City": "Bern"}, False),
        (
            change(MailingAddress={"City": "Bern", "Street": None}, changedFields=["MailingAddress.City"]),
            {"MailingCity": "Bern"},
            False,
        ),
        (change(type_="CREATE", LastName="Byron", City=None), {"LastName": "Byron"}, False),
    ],
)
def test_changed_fields_are_read(event: Any, fields: dict[str, Any], must_read: bool) -> None:
    found = only(event)
    assert (dict(found.fields), found.must_read) == (fields, must_read)


@pytest.mark.parametrize(
    ("type_", "kind", "must_read"),
    [
        ("CREATE", "created", False), ("UPDATE", "updated", False), ("DELETE", "deleted", False),
        ("UNDELETE", "restored", False), ("GAP_CREATE", "gap", True), ("GAP_UPDATE", "gap", True),
        ("GAP_DELETE", "gap", True), ("GAP_UNDELETE", "gap", True), ("SOMETHING_NEW", "gap", True),
        (None, "gap", True),
    ],
)  # fmt: skip
def test_change_type_says(type_: Any, kind: str, must_read: bool) -> None:
    event = only(change(type_=type_))
    assert (event.kind, event.must_read) == (kind, must_read)


@pytest.mark.parametrize(
    "event",
    [
        change(type_="GAP_OVERFLOW", id_=[]),
        change(type_="GAP_OVERFLOW", id_="000000000000000AAA"),
        change(type_="UPDATE", id_="00Q*", OwnerId=USER),
    ],
)
def test_change_of_records_that_are_not_named_is_one_of_all(event: Any) -> None:
    found = only(event)
    assert (found.kind, found.record, found.must_read) == ("gap", CrmRecord("lead", "*"), True)
    assert found.fields == {}


def test_change_of_many_records_is_an_event_for_each() -> None:
    ids = ["00Q5g00000AbCdE", "00Q5g00000AbCdEEAV", "00Q5g00000AbCde", "00Q5g00000AbCdF", ""]
    events = read(change(id_=ids, OwnerId=USER))
    assert [event.record.id for event in events] == [salesforce_id(ids[n]) for n in (0, 2, 3)]
    assert {event.fields["OwnerId"] for event in events} == {USER}
    assert len({event.dedupe_key for event in events}) == 3


def test_conversion_is_four_events_of_one_transaction() -> None:
    events = read(CONVERSION)
    assert [event.order for event in events] == [1, 2, 3, 4]
    lead = events[3]
    assert (lead.kind, lead.record) == ("converted", CrmRecord("lead", LEAD))
    assert list(lead.others) == [
        CrmRecord("contact", CONTACT),
        CrmRecord("deal", DEAL),
        CrmRecord("company", ACCOUNT),
    ]
    assert lead.fields["Status"] == "Qualified"
    assert lead.at == events[0].at
    assert [event.record for event in events[:3]] == [CrmRecord("company", ACCOUNT), *lead.others[:2]]
    assert len({event.dedupe_key for event in events}) == 4
    backwards = read(list(reversed(CONVERSION)))
    assert [event.dedupe_key for event in backwards] == [event.dedupe_key for event in reversed(events)]


def test_user_who_was_deactivated_is_a_user() -> None:
    event = only(change("User", id_=USER, IsActive=False, changedFields=["IsActive"]))
    assert (event.record, event.fields) == (CrmRecord("user", USER), {"IsActive": False})


def test_loser_of_a_merge_names_the_winner() -> None:
    event = only(change("Contact", "DELETE", "0035g00000AbCde", MasterRecordId=CONTACT[:15]))
    assert (event.kind, event.record) == ("merged", CrmRecord("contact", CONTACT))
    assert list(event.others) == [CrmRecord("contact", "0035g00000AbCdeAAF")]


@pytest.mark.parametrize(
    ("written", "origin"),
    [
        ("com/salesforce/api/soap/60.0;client=SfdcInternalAPI/", "person"),
        ("com/salesforce/api/rest/60.0;client=Lead Assignment", "integration"),
        ("com/salesforce/api/bulk/60.0;client=DataLoader", "import"),
        ("com.salesforce.core", None), ("", None), (None, None), (5, None),
    ],
)  # fmt: skip
def test_origin_says_what_did_it(written: Any, origin: Any) -> None:
    assert only(change(changeOrigin=written)).origin == origin


def test_actor_is_the_user_or_our_own_client() -> None:
    body = change(changeOrigin="com/salesforce/api/rest/60.0;client=LeadAssignment/")
    assert only(body).actor == USER
    own = replace(TERMS, options={"actor": ["LeadAssignment"]})
    assert SALESFORCE.parse(bridged(body), own)[0].actor == "LeadAssignment"


@pytest.mark.parametrize("time", [1796115598000, "1796115598000", "2026-12-01T08:59:58Z", 1796115598])
def test_time_is_read_in_each_form(time: Any) -> None:
    assert only(change(commitTimestamp=time)).at == datetime(2026, 12, 1, 8, 59, 58, tzinfo=UTC)


def test_key_of_a_change_is_its_place_in_the_transaction() -> None:
    first = only(change()).dedupe_key
    assert only(change(commitNumber=2**53 + 1, sequenceNumber="1", OwnerId=USER)).dedupe_key == first
    others = [
        change(sequenceNumber=2), change(transactionKey="x"), change("Contact"), change(type_="DELETE"),
        change(id_="00Q5g00000AbCde"), change(type_="GAP_UPDATE"),
        change(transactionKey=None), change(transactionKey=None, commitNumber=2**53),
        change(transactionKey=None, commitNumber=2**53 + 1),
    ]  # fmt: skip
    assert len({first, *(only(each).dedupe_key for each in others)}) == len(others) + 1
