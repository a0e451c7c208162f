"""Salesforce's outbound messages, and change events as a bridge posts them."""

from typing import Any

from app.webhooks.crm_events import WebhookRequest
from tests.webhooks.vendors.deliveries import delivery

ORGANIZATION = "00D5g000000XyZaEAK"
LEAD, CONTACT, ACCOUNT, DEAL = (
    "00Q5g00000AbCdEEAV", "0035g00000AbCdEAAV", "0015g00000AbCdEAAV", "0065g00000AbCdEAAV",
)  # fmt: skip
USER = "0055g00000AbCdEAAV"
TOKEN = b"bridge-token"

_ENVELOPE = """<?xml version="1.0" encoding="UTF-8"?>
<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" \
xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
 <soapenv:Body>
  <notifications xmlns="http://soap.sforce.com/2005/09/outbound">
   {organization}
   <ActionId>04k1I000000bmsHQAQ</ActionId>
   {session}
   <EnterpriseUrl>https://na73.salesforce.com/services/Soap/c/41.0/00D1I000003qqqE</EnterpriseUrl>
   <PartnerUrl>https://na73.salesforce.com/services/Soap/u/41.0/00D1I000003qqqE</PartnerUrl>
   {notifications}
  </notifications>
 </soapenv:Body>
</soapenv:Envelope>"""

_TIMES = {"CreatedDate": "2026-11-30T21:49:24.000Z", "LastModifiedDate": "2026-12-01T08:59:58.000Z"}


def notification(id_: str = "04l1I000000fztEQAQ", object_: str = "Lead", **fields: str | None) -> str:
    """One notification. A field that is None is nil."""
    given = {"Id": LEAD, **_TIMES, "OwnerId": USER} | fields
    written = "".join(
        f'<sf:{name} xsi:nil="true"/>' if value is None else f"<sf:{name}>{value}</sf:{name}>"
        for name, value in given.items()
    )
    return (
        f'<Notification><Id>{id_}</Id><sObject xsi:type="sf:{object_}" '
        f'xmlns:sf="urn:sobject.enterprise.soap.sforce.com">{written}</sObject></Notification>'
    )


def bare(record_id: str = LEAD) -> str:
    """A notification of a record of which nothing is left but its id."""
    return (
        '<Notification><Id>04l1I000000fztEQAQ</Id><sObject xsi:type="sf:Lead" '
        f'xmlns:sf="urn:sobject.enterprise.soap.sforce.com"><sf:Id>{record_id}</sf:Id></sObject></Notification>'
    )


def message(
    *notifications: str,
    organization: str = f"<OrganizationId>{ORGANIZATION}</OrganizationId>",
    session: str = "<SessionId>00D!AQ4AQ.secret</SessionId>",
) -> WebhookRequest:
    """An outbound message."""
    whole = "".join(notifications or (notification(),))
    return delivery(
        _ENVELOPE.format(organization=organization, session=session, notifications=whole).encode(),
        {"content-type": b"text/xml; charset=utf-8"},
    )


def change(object_: str = "Lead", type_: str = "UPDATE", id_: Any = LEAD, **fields: Any) -> dict[str, Any]:
    """A change event. A field whose name begins with a small letter is one of the header."""
    header = {
        "entityName": object_, "recordIds": id_ if isinstance(id_, list) else [id_], "changeType": type_,
        "changeOrigin": "com/salesforce/api/soap/60.0;client=SfdcInternalAPI/",
        "transactionKey": "00065380-d1a9-a64a-9341-14f6f12f674c", "sequenceNumber": 1,
        "commitTimestamp": 1796115598000, "commitNumber": 11008234800491234567, "commitUser": USER,
    }  # fmt: skip
    header |= {name: value for name, value in fields.items() if name[0].islower()}
    return {
        "ChangeEventHeader": header,
        **{name: value for name, value in fields.items() if not name[0].islower()},
    }


def bridged(body: Any, token: bytes = TOKEN) -> WebhookRequest:
    """A delivery of a bridge."""
    return delivery(body, {"authorization": b"Bearer " + token})


CONVERSION = [
    change("Account", "CREATE", ACCOUNT, sequenceNumber=1, Name="Acme"),
    change("Contact", "CREATE", CONTACT, sequenceNumber=2, Name={"FirstName": "Ada", "LastName": "Byron"}),
    change("Opportunity", "CREATE", DEAL, sequenceNumber=3, OwnerId="0055g00000AbCdeAAF"),
    change(
        sequenceNumber=4,
        Status="Qualified",
        IsConverted=True,
        ConvertedDate="2026-12-01",
        ConvertedAccountId=ACCOUNT[:15],
        ConvertedContactId=CONTACT,
        ConvertedOpportunityId=DEAL,
        changedFields=[
            "Status", "IsConverted", "ConvertedDate", "ConvertedAccountId", "ConvertedContactId",
            "ConvertedOpportunityId",
        ],
    ),
]  # fmt: skip
