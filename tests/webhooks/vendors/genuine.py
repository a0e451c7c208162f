"""One or more genuine deliveries of each kind, with terms that let them in."""

from app.webhooks.crm_events import EndpointTerms, WebhookRequest
from tests.webhooks.vendors import hubspot_deliveries as hubspot
from tests.webhooks.vendors import salesforce_deliveries as salesforce
from tests.webhooks.vendors import standard_deliveries as standard
from tests.webhooks.vendors.deliveries import terms

GENUINE: dict[str, list[tuple[WebhookRequest, EndpointTerms]]] = {
    "hubspot": [
        (
            hubspot.signed_v3(
                [hubspot.change(), hubspot.change(propertyName="email", propertyValue="a@b.c")]
            ),
            terms(hubspot.SECRET, organization_id="62515"),
        ),
        (hubspot.signed_v3([hubspot.merge()]), terms(hubspot.SECRET)),
    ],
    "salesforce": [
        (
            salesforce.message(salesforce.notification(), salesforce.notification("04l2", Title=None)),
            terms(organization_id=salesforce.ORGANIZATION),
        ),
        (
            salesforce.bridged(salesforce.CONVERSION),
            terms(salesforce.TOKEN, organization_id=salesforce.ORGANIZATION),
        ),
    ],
    "standard": [
        (
            standard.signed([standard.event(owner="ana"), standard.event("contact.merged", merged=["18"])]),
            terms(standard.SECRET),
        ),
    ],
}

WORDS = [
    "subscriptionType", "eventType", "contact.merge", "object.propertyChange", "deal.associationChange",
    "objectId", "objectTypeId", "0-1", "2-77", "propertyName", "propertyValue", "primaryObjectId",
    "mergedObjectIds", "newObjectId", "occurredAt", "portalId", "sourceId", "toObjectId", "fromObjectId",
    "ChangeEventHeader", "entityName", "recordIds", "changeType", "UPDATE", "GAP_OVERFLOW", "Lead", "00Q*",
    "changedFields", "nulledFields", "Name", "transactionKey", "commitTimestamp", "ConvertedContactId",
    "MasterRecordId", "payload", "events", "type", "data", "object", "contact.updated", "merged", "fields",
    "id", "101", "2026-12-01", "0001-01-01T00:00:00+23:59",
]  # fmt: skip
"""What documents of vendors are made of."""
