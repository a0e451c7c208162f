"""The execution contexts that Dataverse posts."""

from typing import Any

from app.webhooks.crm_events import WebhookRequest
from tests.webhooks.vendors.deliveries import PATH, delivery

SECRET = b"k3y+/=%with&specials"
QUOTED = "k3y%2B%2F%3D%25with%26specials"
ORGANIZATION = "4ef5b371-e89e-e711-8122-000d3aa2331c"
LEAD, OTHER, ANA, TEAM = (
    "6d81597f-0f9f-e711-8122-000d3aa2331c", "7d81597f-0f9f-e711-8122-000d3aa2331c",
    "75c2dd85-e89e-e711-8122-000d3aa2331c", "85c2dd85-e89e-e711-8122-000d3aa2331c",
)  # fmt: skip
_CONTRACTS = "http://schemas.microsoft.com/xrm/2011/Contracts"


def pairs(**values: Any) -> list[dict[str, Any]]:
    """A collection as Dataverse writes it."""
    return [{"key": key, "value": value} for key, value in values.items()]


def reference(id_: str, name: str = "lead") -> dict[str, Any]:
    """A reference to a record."""
    return {
        "__type": f"EntityReference:{_CONTRACTS}", "Id": id_, "KeyAttributes": [], "LogicalName": name,
        "Name": None, "RowVersion": None,
    }  # fmt: skip


def entity(id_: str = LEAD, name: str = "lead", **attributes: Any) -> dict[str, Any]:
    """A record with attributes."""
    return {
        "__type": f"Entity:{_CONTRACTS}", "Attributes": pairs(**attributes), "EntityState": None,
        "FormattedValues": [], "Id": id_, "LogicalName": name, "RelatedEntities": [], "RowVersion": None,
    }  # fmt: skip


def choice(value: int) -> dict[str, Any]:
    """An option of a set."""
    return {"__type": f"OptionSetValue:{_CONTRACTS}", "Value": value}


def context(message: str = "Update", inputs: dict[str, Any] | None = None, **parts: Any) -> dict[str, Any]:
    """The context of a message; a part that is None is left out."""
    whole = {
        "BusinessUnitId": "e2b9dd85-e89e-e711-8122-000d3aa2331c",
        "CorrelationId": "b374239d-4233-41a9-8b17-a86cb4f737b5", "Depth": 1, "InitiatingUserId": ANA,
        "InputParameters": pairs(**(inputs or {})), "MessageName": message, "Mode": 1,
        "OperationCreatedOn": "/Date(1796115598000-0700)/",
        "OperationId": "4af10637-4ea2-e711-8122-000d3aa2331c", "OrganizationId": ORGANIZATION,
        "OrganizationName": "Contoso", "OutputParameters": [], "ParentContext": None,
        "PostEntityImages": [], "PreEntityImages": [], "PrimaryEntityId": LEAD, "PrimaryEntityName": "lead",
        "RequestId": None, "SecondaryEntityName": "none", "SharedVariables": [], "Stage": 40, "UserId": ANA,
    }  # fmt: skip
    return {key: value for key, value in (whole | parts).items() if value is not None}


def sent(body: Any, **headers: bytes) -> WebhookRequest:
    """A delivery with the key in its query."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return delivery(body, named, path=f"{PATH}?code={QUOTED}")


UPDATE = context(inputs={"Target": entity(firstname="Ada", statuscode=choice(3))})
