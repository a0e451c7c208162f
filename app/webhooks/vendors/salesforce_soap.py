"""The XML of Salesforce's outbound messages."""

import re
from dataclasses import dataclass
from typing import Final, NamedTuple

from app.values.xml_elements import Element, RefusedXml, parse_xml
from app.webhooks.crm_events import Unreadable

MAX_BYTES: Final = 256 * 1024
MAX_NOTIFICATIONS: Final = 100
_MAX_DEPTH: Final = 12
_NIL: Final = "http://www.w3.org/2001/XMLSchema-instance nil"
_TYPE: Final = "http://www.w3.org/2001/XMLSchema-instance type"
_SESSION: Final = re.compile(
    rb"<(?P<tag>(?:[\w.-]+:)?SessionId)\b[^>]*?(?:/>|>.*?(?:</(?P=tag)\s*>|\Z))", re.DOTALL | re.IGNORECASE
)

ACK: Final = (
    b'<?xml version="1.0" encoding="UTF-8"?>\n'
    b'<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"><soapenv:Body>'
    b'<notificationsResponse xmlns="http://soap.sforce.com/2005/09/outbound"><Ack>%s</Ack>'
    b"</notificationsResponse></soapenv:Body></soapenv:Envelope>\n"
)
"""One answer for all notifications of a message, with `true` or `false`."""


class Notification(NamedTuple):
    """One notification: its id, the object's name in Salesforce, and the fields that the message selects.

    A record that was deleted in the meantime has no fields, or no object at all.
    """

    id: str
    object: str
    fields: dict[str, str | None]


@dataclass(frozen=True, slots=True)
class OutboundMessage:
    """What a message says."""

    organization_id: str
    notifications: list[Notification]


def read_message(body: bytes) -> OutboundMessage:
    """The message of a body. Raises Unreadable."""
    if len(body) > MAX_BYTES:
        raise Unreadable("is larger than 256 KiB")
    envelope = _parse(body)
    found = [each for part in envelope.all("Body") for each in part.all("notifications")]
    if envelope.name != "Envelope" or len(found) != 1:
        raise Unreadable("is not an outbound message")
    notifications = [_notification(each) for each in found[0].all("Notification")]
    return OutboundMessage(_only(found[0], "OrganizationId"), notifications)


def without_session(body: bytes) -> bytes:
    """The body without the session ids, which are credentials of the org."""
    return _SESSION.sub(b"", body)


def _notification(element: Element) -> Notification:
    record = next(iter(element.all("sObject")), None)
    if record is None:
        return Notification(_only(element, "Id"), "", {})
    fields = {
        each.name: None if each.attributes.get(_NIL) == "true" else each.text for each in record.children
    }
    return Notification(_only(element, "Id"), record.attributes.get(_TYPE, "").rpartition(":")[2], fields)


def _parse(body: bytes) -> Element:
    try:
        return parse_xml(body, _MAX_DEPTH)
    except RefusedXml as refused:
        raise Unreadable(refused.detail) from None


def _only(element: Element, name: str) -> str:
    """The text of the only child of this name. Empty if there is none, or more than one."""
    return element.value(name) or "" if len(element.all(name)) == 1 else ""
