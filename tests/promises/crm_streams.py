"""Owner changes as each kind of CRM delivers them, signed as it signs them."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from app.webhooks.crm_events import WebhookRequest
from tests.webhooks.deliveries import BASE_URL, hubspot, standard
from tests.webhooks.deliveries import SECRET as STANDARD_SECRET
from tests.webhooks.vendors import dynamics_deliveries as dynamics
from tests.webhooks.vendors import pipedrive_deliveries as pipedrive
from tests.webhooks.vendors import salesforce_deliveries as salesforce
from tests.webhooks.vendors import zoho_deliveries as zoho

SECRET = "client secret"


@dataclass(frozen=True, slots=True)
class OwnerChange:
    """A person gives a record to a user, who was another one before."""

    number: int
    record: str
    user: str
    before: str
    at: datetime

    @property
    def milliseconds(self) -> int:
        """When, as most CRMs tell it."""
        return int(self.at.timestamp() * 1000)


class Delivery(NamedTuple):
    """A request of a CRM, with what follows the address of the service."""

    path: str
    body: bytes
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of CRM: what its endpoint needs, its names and ids, and how it delivers changes."""

    endpoint: Mapping[str, Any]
    object: str
    owner: str
    record: Callable[[int], str]
    user: Callable[[int], str]
    deliver: Callable[[str, Sequence[OwnerChange]], list[Delivery]]


def _of(path: str, request: WebhookRequest) -> Delivery:
    _, mark, query = request.path.partition("?")
    headers = {name: value.decode() for name, value in request.headers.items()}
    return Delivery(path + mark + query, request.body, headers)


def _hubspot(path: str, changes: Sequence[OwnerChange]) -> list[Delivery]:
    items = [
        {
            "eventId": each.number,
            "subscriptionId": 1,
            "portalId": 7,
            "occurredAt": each.milliseconds,
            "subscriptionType": "contact.propertyChange",
            "objectId": int(each.record),
            "propertyName": "hubspot_owner_id",
            "propertyValue": each.user,
            "changeSource": "CRM_UI",
            "sourceId": "userId:9",
        }
        for each in changes
    ]
    body = json.dumps(items).encode()
    return [Delivery(path, body, hubspot(path, body, SECRET))]


def _pipedrive(path: str, changes: Sequence[OwnerChange]) -> list[Delivery]:
    return [
        _of(
            path,
            pipedrive.sent(
                pipedrive.event(
                    id_=each.record,
                    data={"id": int(each.record), "name": "Ada Byron", "owner_id": int(each.user)},
                    previous={"owner_id": int(each.before)},
                    correlation_id=str(each.number),
                    timestamp=each.at.isoformat(),
                )
            ),
        )
        for each in changes
    ]


def _messages(path: str, changes: Sequence[OwnerChange]) -> list[Delivery]:
    notifications = [
        salesforce.notification(
            f"04l{each.number}", Id=each.record, OwnerId=each.user, LastModifiedDate=each.at.isoformat()
        )
        for each in changes
    ]
    return [_of(path, salesforce.message(*notifications))]


def _bridged(path: str, changes: Sequence[OwnerChange]) -> list[Delivery]:
    events = [
        salesforce.change(
            id_=each.record,
            OwnerId=each.user,
            changedFields=["OwnerId"],
            commitTimestamp=each.milliseconds,
            commitNumber=each.number,
            transactionKey=str(each.number),
        )
        for each in changes
    ]
    return [_of(path, salesforce.bridged(events, SECRET.encode()))]


def _dynamics(path: str, changes: Sequence[OwnerChange]) -> list[Delivery]:
    return [
        _of(
            path,
            dynamics.sent(
                dynamics.context(
                    "Assign",
                    {
                        "Target": dynamics.reference(each.record),
                        "Assignee": dynamics.reference(each.user, "systemuser"),
                    },
                    PreEntityImages=dynamics.pairs(
                        before=dynamics.entity(
                            each.record, ownerid=dynamics.reference(each.before, "systemuser")
                        )
                    ),
                    PrimaryEntityId=each.record,
                    OperationId=str(UUID(int=each.number)),
                    CorrelationId=str(UUID(int=each.number)),
                    OperationCreatedOn=f"/Date({each.milliseconds})/",
                )
            ),
        )
        for each in changes
    ]


def _zoho(path: str, changes: Sequence[OwnerChange]) -> list[Delivery]:
    bodies = [
        zoho.notification(
            operation="update",
            ids=[each.record],
            server_time=each.milliseconds,
            affected_fields=[{each.record: ["Owner"]}],
            affected_values=[{"record_id": each.record, "values": {"Owner": {"id": each.user}}}],
        )
        for each in changes
    ]
    return [Delivery(path, json.dumps(each).encode(), {}) for each in bodies]


def _standard(path: str, changes: Sequence[OwnerChange]) -> list[Delivery]:
    found = []
    for each in changes:
        data = {"id": each.record, "fields": {"owner": each.user}}
        sent = {"type": "contact.updated", "timestamp": each.at.isoformat(), "data": data}
        body = json.dumps(sent).encode()
        found.append(Delivery(path, body, standard(body, f"msg_{each.number}")))
    return found


def _number(number: int) -> str:
    return str(1000 + number)


def _guid(number: int) -> str:
    return str(UUID(int=number + 2**64))


def _salesforce_id(number: int) -> str:
    return f"00Q5g0000{number:06}"


def _salesforce_user(number: int) -> str:
    return f"0055g0000{number:06}"


def _salesforce(deliver: Callable[[str, Sequence[OwnerChange]], list[Delivery]]) -> Kind:
    settings = {"kind": "salesforce", "secrets": [SECRET], "organization_id": salesforce.ORGANIZATION}
    return Kind(settings, "lead", "OwnerId", _salesforce_id, _salesforce_user, deliver)


KINDS: Mapping[str, Kind] = {
    "hubspot": Kind(
        {"kind": "hubspot", "secrets": [SECRET], "base_url": BASE_URL},
        "contact", "hubspot_owner_id", _number, str, _hubspot,
    ),
    "pipedrive": Kind(
        {"kind": "pipedrive", "secrets": [pipedrive.PASSWORD.decode()], "organization_id": "8087566"},
        "contact", "owner_id", _number, _number, _pipedrive,
    ),
    "salesforce-messages": _salesforce(_messages),
    "salesforce-events": _salesforce(_bridged),
    "dynamics": Kind(
        {"kind": "dynamics", "secrets": [dynamics.SECRET.decode()], "organization_id": dynamics.ORGANIZATION},
        "lead", "ownerid", _guid, _guid, _dynamics,
    ),
    "zoho": Kind(
        {"kind": "zoho", "secrets": [zoho.TOKEN.decode()]}, "lead", "Owner", _number, _number, _zoho
    ),
    "standard": Kind(
        {"kind": "standard", "secrets": [STANDARD_SECRET]}, "contact", "owner", _number, str, _standard
    ),
}  # fmt: skip
