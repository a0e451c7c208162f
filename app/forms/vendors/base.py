"""What a kind of form tool is, in one vocabulary for all of them.

A kind's file turns what the tool sends into these values. It does no I/O and reads no clock. What comes in
goes this way: `handshake`, `verify` with the bytes as they came, `redact`, storage, and only then `parse`,
which sees what was stored. So a secret that `redact` takes out can reach nothing.
"""

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, Literal, Protocol

from app.webhooks.crm_events import Refused as Refused
from app.webhooks.crm_events import Unreadable as Unreadable
from app.webhooks.crm_events import Verified as Verified
from app.webhooks.vendors.base import equal, fitting_secret

Proof = Literal["required", "when_configured", "none"]
"""Whether a delivery proves where it comes from.

- `required`:        without a secret every delivery is refused.
- `when_configured`: once the endpoint has a secret, a delivery without a signature is refused.
- `none`:            the tool signs nothing; the random part of the path is the secret.
"""
REFUSALS: Final = (
    "key_mismatch", "key_missing", "secret_mismatch", "secret_missing", "signature_mismatch",
    "signature_missing", "timestamp_invalid", "timestamp_missing", "timestamp_out_of_range",
)  # fmt: skip
"""The codes of what is not genuine."""
Meaning = Literal["lead", "update", "event", "merge", "erase", "fetch", "ignore"]
"""What a delivery means.

- `lead`:   somebody filled a form.
- `update`: the same submission again, with other values.
- `event`:  something happened to the person, such as a meeting; `events` says what.
- `merge`:  the tool made one record of several; `merges` names those that are no more.
- `erase`:  the person must be forgotten.
- `fetch`:  ids only; `fetch` says what must be asked for before it is a lead.
- `ignore`: nothing follows. It is counted, and not stored.
"""
VISITOR_ADDRESS: Final = "x-visitor-address"
REDACTED: Final = b"[redacted]"
REMEMBERED: Final = timedelta(days=180)
"""How long the id of a delivery is remembered."""


@dataclass(frozen=True, slots=True)
class FormRequest:
    """A delivery as it came in. Header names are lowercase, values are raw bytes.

    `query` is what stands behind the question mark. `address` is the public address with its query, for tools
    that sign it; only `verify` sees it. In `redact` and `parse` the random part of the path is
    `[redacted]` wherever it stood, and the parts of a multipart body are an urlencoded body: its files are
    gone, and their names are in the header `x-dropped-files`. The header `x-visitor-address` is ours: the
    address of the browser, where a trusted proxy tells it.
    """

    method: str = "POST"
    headers: Mapping[str, bytes] = field(default_factory=dict)
    query: bytes = b""
    body: bytes = field(default=b"", repr=False)
    address: str = field(default="", repr=False)

    @property
    def length(self) -> int:
        """The bytes of what is said, in the query and in the body."""
        return len(self.query) + len(self.body)

    @property
    def content_type(self) -> str:
        """The declared media type without its parameters, in lowercase."""
        return self.headers.get("content-type", b"").decode("latin-1").partition(";")[0].strip().lower()


@dataclass(frozen=True, slots=True)
class FormMap:
    """The mapping of an endpoint, see `app.contract.form_mapping`.

    `fields` are places of the form by the field of the lead, such as `email` or `utm.source`; the first place
    that holds something counts. `constants` fill what is empty; `ignore` are keys or labels not to keep.
    The others are for kind `generic`.
    """

    fields: Mapping[str, Sequence[str]] = field(default_factory=dict)
    constants: Mapping[str, Any] = field(default_factory=dict)
    ignore: Sequence[str] = ()
    items: str | None = None
    id: Sequence[str] = ()
    record: Sequence[str] = ()
    at: Sequence[str] = ()
    test: Sequence[str] = ()
    when: Mapping[str, Sequence[Any]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FormTerms:
    """What a kind needs to know about an endpoint.

    `secrets` are the live secrets, the newest first; in `parse` there are none. `options` are those of the
    endpoint's settings.
    """

    secrets: Sequence[bytes] = field(default=(), repr=False)
    mapping: FormMap = field(default_factory=FormMap)
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FormEvent:
    """Something that happened to the person of a delivery.

    `type` is an event of the service such as `meeting`, `reached` or `unsubscribed`, or a signal `x-…`.
    `fields` are those of an event, such as `via`, `note`, and `for_at`, an ISO 8601 time.
    A later event with the same `id` replaces the earlier one. Of an id that begins with the record's, the
    record may have moved on, see `continued_by`.
    """

    type: str
    id: str
    at: datetime | None = None
    fields: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Delivery:
    """One thing that a body says.

    - `id` is the same for every delivery of this thing, and for no other thing of the endpoint: what has one
      id is one. An update that may come with other values has those in its id.
    - `record` is the vendor's id of the submission or person: what is about one record is applied in order,
      and an event finds its lead by it. Empty means `id`.
    - `continued_by` is the id that the vendor gives the record from now on, such as that of a moved booking.
    - `lead` has the lead's fields as `POST /assign` takes them, `utm`, `consent` and `attributes` nested.
      Empty for `erase` and `ignore`. An event whose record is unknown finds its lead by these.
    - `at` is when it happened by the vendor's clock.
    - `unmapped` are fields that nothing maps. They are kept as attributes.
    - `host` is the e-mail address or id of the owner who has the meeting that was booked.
    - `fetch` are the ids to ask for. `code` says why nothing can be made of a part of the body: that part is
      listed as a failure, and the others go on.
    - `trigger` is what `POST /assign` calls so, for a lead.
    - `repeats_for` is how long the id is remembered.
    """

    meaning: Meaning
    id: str
    record: str = ""
    continued_by: str = ""
    lead: Mapping[str, Any] = field(default_factory=dict, repr=False)
    at: datetime | None = None
    events: Sequence[FormEvent] = ()
    host: str | None = None
    is_test: bool = False
    flags: Sequence[str] = ()
    unmapped: Mapping[str, Any] = field(default_factory=dict, repr=False)
    fetch: Mapping[str, Any] = field(default_factory=dict)
    merges: Sequence[str] = ()
    code: str | None = None
    trigger: str = "form"
    repeats_for: timedelta = REMEMBERED


@dataclass(frozen=True, slots=True)
class FormAnswer:
    """What the tool, or the visitor's browser, wants to hear."""

    status: int
    body: bytes = b""
    media_type: str = "text/plain"
    headers: Mapping[str, str] = field(default_factory=dict)


class FormKind(Protocol):
    """One kind of form tool. `PlainForm` has the usual answers; a kind overrides what is different."""

    kind: str
    proof: Proof
    retries: frozenset[int]
    """The statuses among 413 and 429 after which the tool sends again. For others it hears success."""
    methods: frozenset[str]
    """The HTTP methods by which it delivers."""
    kept_headers: Sequence[str]
    """Headers, besides the content type, that `parse` needs. None of them is a credential."""

    def handshake(self, request: FormRequest, terms: FormTerms) -> FormAnswer | None:
        """The answer to a handshake, also one by POST, or None if this is none.

        It comes before `verify`. What it signs must not be able to be a delivery, or anybody who knows the
        path could have one signed: check the form of a challenge, for example that it is a UUID.
        """
        ...

    def verify(self, request: FormRequest, terms: FormTerms, now: datetime) -> Verified:
        """Check the proof of origin. Raises Refused, and nothing else. `now` is the time of the system.

        It is called only when there is a secret, or proof is `required`. A kind without proof says
        `Verified(None)`.
        """
        ...

    def redact(self, request: FormRequest) -> FormRequest:
        """The request as it may be kept: `[redacted]` where the kind has secrets in its body or query."""
        ...

    def parse(self, request: FormRequest, terms: FormTerms) -> Sequence[Delivery]:
        """What a body says. Raises Unreadable, and nothing else."""
        ...

    def accepted(self, request: FormRequest, terms: FormTerms) -> FormAnswer:
        """The answer to what is stored, and to what could not be mapped."""
        ...

    def refused(self, code: str) -> FormAnswer:
        """The answer to a delivery that is not genuine."""
        ...

    def not_now(self, status: int, wait_seconds: int) -> FormAnswer:
        """The answer 429 or 413 to a tool that sends again."""
        ...

    def not_stored(self) -> FormAnswer:
        """The answer to a delivery that could not be stored."""
        ...


class PlainForm:
    """A kind that signs nothing, has no handshake, and looks at nothing but the status."""

    kind = ""
    proof: Proof = "none"
    retries: frozenset[int] = frozenset()
    methods: frozenset[str] = frozenset(("POST",))
    kept_headers: Sequence[str] = ()

    def handshake(self, request: FormRequest, terms: FormTerms) -> FormAnswer | None:
        del request, terms
        return None

    def verify(self, request: FormRequest, terms: FormTerms, now: datetime) -> Verified:
        """A second factor beside the path: a header, or a name and a password. Codes: `secret_…`."""
        del now
        return Verified(second_factor(request, terms))

    def redact(self, request: FormRequest) -> FormRequest:
        return request

    def accepted(self, request: FormRequest, terms: FormTerms) -> FormAnswer:
        del request, terms
        return FormAnswer(200)

    def refused(self, code: str) -> FormAnswer:
        del code
        return FormAnswer(401)

    def not_now(self, status: int, wait_seconds: int) -> FormAnswer:
        return FormAnswer(status, headers={"Retry-After": str(wait_seconds)})

    def not_stored(self) -> FormAnswer:
        return FormAnswer(503)


def second_factor(request: FormRequest, terms: FormTerms) -> int:
    """The position of the secret that a header holds. Raises Refused.

    It is the header that the endpoint names, or `Authorization` with a password or a bearer token.
    """
    name = str(terms.options.get("header") or "authorization").lower()
    sent = request.headers.get(name)
    if not sent:
        raise Refused("secret_missing")
    scheme, _, rest = sent.partition(b" ")
    if name == "authorization" and scheme.lower() == b"basic":
        user, _, sent = _decoded(rest.strip()).partition(b":")
        wanted = terms.options.get("user")
        if wanted is not None and not equal(user, str(wanted).encode()):
            raise Refused("secret_mismatch")
    elif name == "authorization" and scheme.lower() == b"bearer":
        sent = rest.strip()
    return fitting_secret(terms.secrets, lambda secret: equal(sent, secret), "secret_mismatch")


def _decoded(value: bytes) -> bytes:
    try:
        return base64.b64decode(value, validate=True)
    except binascii.Error:
        raise Refused("secret_mismatch") from None
