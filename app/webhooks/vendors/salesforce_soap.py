"""The XML of Salesforce's outbound messages.

A document type is refused, so no entity is ever expanded.
"""

import re
from dataclasses import dataclass, field
from typing import Final, NamedTuple
from xml.parsers import expat

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


@dataclass(slots=True)
class _Element:
    name: str
    attributes: dict[str, str]
    text: str = ""
    children: list["_Element"] = field(default_factory=list)

    def all(self, name: str) -> list["_Element"]:
        return [each for each in self.children if each.name == name]

    def value(self, name: str) -> str:
        """The text of the only child of this name. Empty if there is none, or more than one."""
        found = self.all(name)
        return found[0].text.strip() if len(found) == 1 else ""


def read_message(body: bytes) -> OutboundMessage:
    """The message of a body. Raises Unreadable."""
    if len(body) > MAX_BYTES:
        raise Unreadable("is larger than 256 KiB")
    envelope = _parse(body)
    found = [each for part in envelope.all("Body") for each in part.all("notifications")]
    if envelope.name != "Envelope" or len(found) != 1:
        raise Unreadable("is not an outbound message")
    notifications = [_notification(each) for each in found[0].all("Notification")]
    return OutboundMessage(found[0].value("OrganizationId"), notifications)


def without_session(body: bytes) -> bytes:
    """The body without the session ids, which are credentials of the org."""
    return _SESSION.sub(b"", body)


def _notification(element: _Element) -> Notification:
    record = next(iter(element.all("sObject")), None)
    if record is None:
        return Notification(element.value("Id"), "", {})
    fields = {
        each.name: None if each.attributes.get(_NIL) == "true" else each.text for each in record.children
    }
    return Notification(element.value("Id"), record.attributes.get(_TYPE, "").rpartition(":")[2], fields)


def _parse(body: bytes) -> _Element:
    reader = _Reader()
    try:
        reader.parser.Parse(body, True)
    except (expat.ExpatError, LookupError, ValueError):
        raise Unreadable("is not well-formed XML") from None
    return reader.top.children[0]


class _Reader:
    """Collects the elements that expat reports."""

    def __init__(self) -> None:
        self.parser = expat.ParserCreate(namespace_separator=" ")
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text
        self.parser.StartDoctypeDeclHandler = self._doctype
        self.top = _Element("", {})
        self._open = [self.top]

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if len(self._open) > _MAX_DEPTH:
            raise Unreadable("is nested too deep")
        element = _Element(name.rpartition(" ")[2], attributes)
        self._open[-1].children.append(element)
        self._open.append(element)

    def _end(self, _: str) -> None:
        self._open.pop()

    def _text(self, text: str) -> None:
        self._open[-1].text += text

    def _doctype(self, *_: object) -> None:
        raise Unreadable("has a document type, which is refused")
