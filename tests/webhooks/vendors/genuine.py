"""One or more genuine deliveries of each kind, with terms that let them in."""

from app.webhooks.crm_events import EndpointTerms, WebhookRequest
from tests.webhooks.vendors import dynamics_deliveries as dynamics
from tests.webhooks.vendors import hubspot_deliveries as hubspot
from tests.webhooks.vendors import pipedrive_deliveries as pipedrive
from tests.webhooks.vendors import salesforce_deliveries as salesforce
from tests.webhooks.vendors import standard_deliveries as standard
from tests.webhooks.vendors import zoho_deliveries as zoho
from tests.webhooks.vendors.deliveries import delivery, terms

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
    "pipedrive": [
        (
            pipedrive.sent(pipedrive.OWNER_CHANGE),
            terms(pipedrive.PASSWORD, organization_id="8087566", options={"user": "crm"}),
        ),
        (pipedrive.sent(pipedrive.event(action="delete", merged_to_id="9")), terms(pipedrive.PASSWORD)),
    ],
    "dynamics": [
        (dynamics.sent(dynamics.UPDATE), terms(dynamics.SECRET, organization_id=dynamics.ORGANIZATION)),
        (
            dynamics.sent(
                dynamics.context(
                    "Assign",
                    {"Assignee": dynamics.reference(dynamics.TEAM, "team")},
                    PreEntityImages=dynamics.pairs(before=dynamics.entity(ownerid=dynamics.ANA)),
                )
            ),
            terms(dynamics.SECRET, organization_id=dynamics.ORGANIZATION),
        ),
    ],
    "zoho": [(delivery(zoho.CHANGED), terms(zoho.TOKEN))],
}

WORDS = [
    "subscriptionType", "eventType", "contact.merge", "object.propertyChange", "deal.associationChange",
    "objectId", "objectTypeId", "0-1", "2-77", "propertyName", "propertyValue", "primaryObjectId",
    "mergedObjectIds", "newObjectId", "occurredAt", "portalId", "sourceId", "toObjectId", "fromObjectId",
    "ChangeEventHeader", "entityName", "recordIds", "changeType", "UPDATE", "GAP_OVERFLOW", "Lead", "00Q*",
    "changedFields", "nulledFields", "Name", "transactionKey", "commitTimestamp", "ConvertedContactId",
    "meta", "previous", "entity", "entity_id", "person", "activity", "action", "change", "delete",
    "merged_to_id", "merged_from_id", "custom_fields", "emails", "value", "key", "MessageName", "Merge",
    "QualifyLead", "Win", "InputParameters", "Target", "Targets", "Attributes", "PrimaryEntityId",
    "PrimaryEntityName", "OrganizationId", "SubordinateId", "Value", "/Date(9)/", "PreEntityImages",
    "module", "ids", "affected_values", "affected_fields", "record_id", "values", "operation", "token",
    "MasterRecordId", "payload", "events", "type", "data", "object", "contact.updated", "merged", "fields",
    "id", "101", "2026-12-01", "0001-01-01T00:00:00+23:59",
]  # fmt: skip
"""What documents of vendors are made of."""
