"""What a CRM says, in one vocabulary for all vendors.

A vendor's file turns a delivery into these values. It does no I/O and reads no clock.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, NamedTuple, Protocol

CrmEventKind = Literal["created", "updated", "deleted", "erased", "merged", "converted", "restored", "gap"]
"""What happened to a record.

- `erased`:    deleted for privacy; the person must be forgotten.
- `merged`:    `others` are the records that are this one from now on. If the merge made a new record, the
  first of them is the one that people kept.
- `converted`: `others` are the records that this one became.
- `gap`:       something changed, but not what; the record must be read.
"""
Origin = Literal["person", "integration", "import", "workflow"]
"""Who or what changed the record, as far as the vendor tells. An `import` is also a mass update."""


class CrmRecord(NamedTuple):
    """A record of a CRM. `object` is singular and lowercase: lead, contact, company, deal, user, task, call.

    A Salesforce id has its form of 18 characters. The id `*` stands for all records of the object: the vendor
    says that some changed, but not which.
    """

    object: str
    id: str


@dataclass(frozen=True, slots=True)
class CrmEvent:
    """One thing that happened to one record.

    - `dedupe_key` is the same for every delivery of this event, and for no other event of the endpoint.
    - `fields` are the fields that changed, by the vendor's names, with their new values; None or an empty
      string says that the field was cleared. `previous` are the values before, where the vendor tells. What
      names another record may be an object with its id and name, as the vendor writes them.
    - `complete` says that `fields` also holds fields that did not change. An absent field says nothing.
    - `at` is when it happened by the vendor's clock; `order` breaks ties between events of one time.
    - `actor` is the id of the user or app that did it.
    - `must_read` says that the vendor left out what the record holds.
    """

    dedupe_key: str
    kind: CrmEventKind
    record: CrmRecord
    at: datetime | None
    order: int = 0
    fields: Mapping[str, Any] = field(default_factory=dict)
    previous: Mapping[str, Any] = field(default_factory=dict)
    complete: bool = False
    others: Sequence[CrmRecord] = ()
    actor: str | None = None
    origin: Origin | None = None
    must_read: bool = False


@dataclass(frozen=True, slots=True)
class WebhookRequest:
    """A delivery as it came in. Header names are lowercase, values are raw bytes; `path` has its query."""

    method: str
    path: str
    headers: Mapping[str, bytes]
    body: bytes


@dataclass(frozen=True, slots=True)
class EndpointTerms:
    """What a vendor's file needs to know about an endpoint.

    `secrets` are the live secrets, the newest first. `base_url` is the public address that vendors sign.
    """

    secrets: Sequence[bytes]
    base_url: str
    organization_id: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Verified:
    """The delivery is genuine. `secret` is the position of the secret that fits, if one was needed."""

    secret: int | None


class Refused(Exception):
    """The delivery is not genuine: `code` says what is wrong with it, without any value of it."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Unreadable(Exception):
    """The delivery is genuine, but its body is not what the vendor documents."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the vendor wants to hear."""

    status: int
    body: bytes = b""
    media_type: str = "text/plain"
    retry_after: int | None = None


class Vendor(Protocol):
    """One kind of endpoint."""

    def verify(self, request: WebhookRequest, terms: EndpointTerms, now: datetime) -> Verified:
        """Check the signature, or what the vendor has in its place. Raises Refused, and nothing else.

        `now` is the time of the system.
        """
        ...

    def parse(self, request: WebhookRequest, terms: EndpointTerms) -> Sequence[CrmEvent]:
        """The events of a delivery that has been verified. Raises Unreadable, and nothing else.

        Some vendors name a delivery, or say what they left out, in its headers alone.
        """
        ...

    def to_store(self, body: bytes) -> bytes:
        """The body as it may be kept, without credentials of the CRM."""
        ...

    def accepted(self) -> Answer:
        """The answer to a delivery that is stored."""
        ...

    def not_stored(self) -> Answer:
        """The answer to a delivery that could not be stored, so that the vendor sends it again."""
        ...
