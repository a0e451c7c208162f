"""A delivery of a form is verified, stored with what it says, and answered. What follows is done later.

Nothing is stored before the random part of the path, the secrets of the endpoint and what the kind knows as
secret have been replaced; and only what is stored is read.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256
from typing import Final

import structlog
from pydantic import ValidationError

from app import places
from app.errors import Overloaded, WorkspaceDeleted
from app.forms import multipart
from app.forms.leads import Unmappable, lead_of
from app.forms.mapping import form_map
from app.forms.stored import hash_of, to_bytes
from app.forms.unwrap import UNWRAPPED, inside
from app.forms.vendors import FORM_KINDS
from app.forms.vendors.base import (
    REDACTED,
    REFUSALS,
    REMEMBERED,
    Delivery,
    FormAnswer,
    FormKind,
    FormMap,
    FormRequest,
    FormTerms,
    Refused,
    Unreadable,
)
from app.forms.vendors.bodies import DROPPED_FILES, FORM
from app.ids import uuid7
from app.logs import to_json
from app.metrics.process import Metrics
from app.store.connection.pool import Pool, transaction
from app.store.forms import inbox
from app.store.forms.inbox import NewRow
from app.webhooks.known_endpoints import REFRESH_SECONDS, KnownEndpoint, KnownEndpoints
from app.webhooks.receive import MAX_HEADER_BYTES
from app.webhooks.tally import Tally

UNREADABLE: Final = "unreadable"
AWAITING_FETCH: Final = "awaiting_fetch"
TOO_LARGE: Final = "too_large"
RATE_LIMITED: Final = "rate_limited"
INACTIVE, DELETED = "endpoint_inactive", "endpoint_deleted"
PARKED: Final = frozenset((TOO_LARGE, RATE_LIMITED, INACTIVE, DELETED))
"""The codes of deliveries that wait for somebody, although nothing is wrong with what they say."""
QUERY: Final = ":query"
"""The name under which the query is kept among the headers."""
PROBLEM_ID: Final = "X-Problem-Id"
GENERIC: Final = "generic"
"""The kind whose mapping says where everything stands."""
IDENTIFIES: Final = frozenset(("email", "phone", "company", "external_id", "crm"))
"""The fields of a lead one of which it needs."""
MIN_SECRET = 4
"""Characters of a secret that is looked for in bodies. A shorter one would be found everywhere."""

_OUR_ADDRESS: Final = re.compile(rb"(forms(?:\\?/|%2F))[A-Za-z0-9_-]{16,}", re.IGNORECASE)

Admit = Callable[[int, str], int]
"""Counts a genuine delivery to an endpoint of a workspace. Returns the seconds to wait, 0 for none."""
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Received:
    """What a delivery says, as it is stored."""

    request: FormRequest
    rows: Sequence[NewRow]
    ignored: int = 0


class FormReceiver:
    """Takes deliveries of forms. One for each process."""

    def __init__(
        self,
        pool: Pool,
        endpoints: KnownEndpoints,
        tally: Tally,
        metrics: Metrics,
        admit: Admit,
        kinds: Mapping[str, FormKind] = FORM_KINDS,
    ) -> None:
        self.tally = tally
        self._pool = pool
        self._endpoints = endpoints
        self._metrics = metrics
        self._admit = admit
        self._kinds = kinds
        metrics.show_forms(kinds, (*REFUSALS, TOO_LARGE, RATE_LIMITED))

    async def find(self, path: str, *, look_up: bool = True) -> tuple[FormKind, KnownEndpoint] | None:
        """The endpoint with this path, in any state, and its kind; None for one of a CRM. Raises NotFound."""
        known = await self._endpoints.find(path, look_up=look_up)
        kind = self._kinds.get(known.kind)
        return (kind, known) if kind is not None else None

    def handshake(self, kind: FormKind, known: KnownEndpoint, request: FormRequest) -> FormAnswer | None:
        """The answer to a handshake, or None if this is none."""
        answer = kind.handshake(request, terms_of(known))
        if answer is not None:
            self.tally.shook_hands(known.workspace_id, known.id)
            self._metrics.form_received(known.kind, "handshake")
        return answer

    async def receive(
        self, kind: FormKind, path: str, known: KnownEndpoint, request: FormRequest
    ) -> FormAnswer:
        """Verify and store a delivery, and answer it as its tool wants."""
        request = replace(request, address=_address(known, path, request))
        try:
            known = await self._verified(kind, path, known, request)
        except Refused as refused:
            self._metrics.form_refused(known.kind, refused.code)
            self.tally.of(known.workspace_id, known.id).refused += 1
            return kind.refused(refused.code)
        code = (DELETED if known.is_deleted else INACTIVE) if not known.active else None
        wait = self._admit(known.workspace_id, known.id)
        if wait and 429 in kind.retries:
            self._metrics.form_refused(known.kind, RATE_LIMITED)
            return kind.not_now(429, wait)
        if wait:
            # Nothing comes again of other tools, nor of the visitor of a page.
            code = RATE_LIMITED
        try:
            received = await places.FORMS.run_if_long(
                request.length, known.workspace_id, read_delivery, kind, known, request, code
            )
        except Overloaded:
            self._metrics.form_received(known.kind, "not_stored")
            return kind.not_stored()
        return await self._stored(kind, known, received)

    async def too_large(self, kind: FormKind, known: KnownEndpoint, request: FormRequest) -> FormAnswer:
        """Answer a delivery whose body is larger than the limit; it has not been read."""
        if 413 in kind.retries or kind.proof == "required" or known.terms.secrets:
            # Whether it is genuine, only its body could tell.
            self._metrics.form_refused(known.kind, TOO_LARGE)
            return kind.not_now(413, 60)
        empty = replace(request, body=b"", query=b"", headers={})
        row = _failure(known.id, uuid7(), TOO_LARGE)
        return await self._stored(kind, known, Received(empty, [row]))

    async def _verified(
        self, kind: FormKind, path: str, known: KnownEndpoint, request: FormRequest
    ) -> KnownEndpoint:
        """The endpoint, once its proof of origin fits. It may be newer than the one given. Raises Refused."""
        try:
            self._verify(kind, known, request)
        except Refused:
            # The secret may have been added a moment ago.
            newer = await self._endpoints.find(path, REFRESH_SECONDS)
            if newer.terms == known.terms:
                raise
            self._verify(kind, newer, request)
            return newer
        return known

    def _verify(self, kind: FormKind, known: KnownEndpoint, request: FormRequest) -> None:
        if kind.proof != "required" and not known.terms.secrets:
            return
        verified = kind.verify(request, terms_of(known), datetime.now(UTC))
        if verified.secret is not None:
            self.tally.used(known.workspace_id, known.id, known.secret_ids[verified.secret])

    async def _stored(self, kind: FormKind, known: KnownEndpoint, received: Received) -> FormAnswer:
        answer = kind.accepted(received.request, replace(terms_of(known), secrets=()))
        counts = self.tally.of(known.workspace_id, known.id)
        counts.deliveries += 1
        if not received.rows:
            self._metrics.form_received(known.kind, "ignored")
            return answer
        headers = kept_headers(kind, received.request)
        try:
            async with transaction(self._pool, known.workspace_id) as connection:
                stored = await inbox.insert_delivery(
                    connection,
                    known.workspace_id,
                    known.id,
                    uuid7(),
                    json.dumps(headers),
                    received.request.body,
                    received.rows,
                )
        except WorkspaceDeleted:
            return FormAnswer(404)
        except Exception as error:
            log.error("form not stored", kind=known.kind, **to_json(error))
            self._metrics.form_received(known.kind, "not_stored")
            return kind.not_stored()
        new = sum(each.new for each in stored)
        counts.events += new
        counts.duplicates += len(stored) - new
        failed = [
            (row, each) for row, each in zip(received.rows, stored, strict=True) if row.state == "failed"
        ]
        self._metrics.form_received(known.kind, _result(failed, new))
        if failed:
            return replace(answer, headers={**answer.headers, PROBLEM_ID: failed[0][1].id})
        return answer


def _address(known: KnownEndpoint, path: str, request: FormRequest) -> str:
    """The public address of a delivery, which some tools sign."""
    query = "?" + request.query.decode("latin-1") if request.query else ""
    return f"{known.terms.base_url.rstrip('/')}/forms/{path}{query}"


def _result(failed: Sequence[tuple[NewRow, object]], new: int) -> str:
    if not new:
        return "duplicate"
    if not failed:
        return "stored"
    return "parked" if failed[0][0].code in PARKED else "failed"


def terms_of(known: KnownEndpoint) -> FormTerms:
    """The endpoint as its kind sees it. A mapping that cannot be read is none."""
    try:
        mapping = form_map(known.mapping)
    except ValidationError:
        mapping = FormMap()
    return FormTerms(known.terms.secrets, mapping, known.terms.options)


def read_delivery(
    kind: FormKind, known: KnownEndpoint, request: FormRequest, code: str | None = None
) -> Received:
    """A genuine delivery as it is stored. With `code` it is parked, and waits for somebody's order."""
    try:
        kept = multipart.flattened(request) if multipart.is_multipart(request) else request
        kept = redacted(kind, kept, known.paths, known.terms.secrets)
    except Unreadable:
        # Not even what is secret in it can be told.
        return Received(FormRequest(), [_failure(known.id, sha256(request.body).hexdigest(), UNREADABLE)])
    return read_kept(kind, known.id, replace(terms_of(known), secrets=()), kept, code)


def read_kept(
    kind: FormKind, endpoint_id: str, terms: FormTerms, kept: FormRequest, code: str | None = None
) -> Received:
    """What a delivery says, as it was kept. What nothing can be made of is a failure of its own."""
    whole = sha256(kept.query + b"\n" + kept.body).hexdigest()
    try:
        deliveries = parsed(kind, kept, terms)
        rows = [
            _row(endpoint_id, each, whole, place, code)
            for place, each in enumerate(deliveries)
            if each.meaning != "ignore" or each.code is not None
        ]
    except Unreadable:
        return Received(kept, [_failure(endpoint_id, whole, UNREADABLE)])
    return Received(kept, rows, len(deliveries) - len(rows))


def parsed(kind: FormKind, request: FormRequest, terms: FormTerms) -> Sequence[Delivery]:
    """What a body says, also inside of what a bridge has put around it. Raises Unreadable."""
    told: Sequence[Delivery] = ()
    unreadable: Unreadable | None = None
    try:
        told = _told(kind, request, terms)
    except Unreadable as error:
        unreadable = error
    names_places = kind.kind == GENERIC and (terms.mapping.fields or terms.mapping.items)
    if not names_places and not any(map(_says_something, told)):
        for each in inside(request):
            found = _found(kind, each, terms)
            if found and any(map(_says_something, found)):
                return found
    if unreadable is not None:
        raise unreadable
    return told


def _found(kind: FormKind, requests: Sequence[FormRequest], terms: FormTerms) -> list[Delivery]:
    """What objects inside of a body say, if each of them says something."""
    try:
        told = [delivery for each in requests for delivery in _told(kind, each, terms)]
    except Unreadable:
        return []
    return [replace(each, flags=(*each.flags, UNWRAPPED)) for each in told]


def _says_something(delivery: Delivery) -> bool:
    return delivery.meaning not in ("lead", "update") or bool(IDENTIFIES & delivery.lead.keys())


def _told(kind: FormKind, request: FormRequest, terms: FormTerms) -> Sequence[Delivery]:
    """What a body says. Raises Unreadable, also where the parser breaks on what it was sent."""
    try:
        told = kind.parse(request, terms)
        if terms.options.get("host") == "ignore":
            return [replace(each, host=None) for each in told]
        return told
    except Unreadable:
        raise
    except Exception as error:
        log.error("parser failed", **to_json(error))
        raise Unreadable("the parser failed") from None


def redacted(
    kind: FormKind, request: FormRequest, paths: Sequence[str], secrets: Sequence[bytes]
) -> FormRequest:
    """The request as it may be kept."""
    request = _without(_OUR_ADDRESS, request, rb"\1" + REDACTED)
    hidden = [each.encode() for each in paths] + [each for each in secrets if len(each) >= MIN_SECRET]
    if hidden:
        pattern = re.compile(b"|".join(map(re.escape, sorted(hidden, key=len, reverse=True))), re.IGNORECASE)
        request = _without(pattern, request, REDACTED)
    request = kind.redact(request)
    if request.content_type == FORM:
        # Erasure finds a person by the address in what failed.
        request = replace(request, body=request.body.replace(b"%40", b"@"))
    return request


def _without(pattern: re.Pattern[bytes], request: FormRequest, by: bytes) -> FormRequest:
    return replace(
        request,
        body=pattern.sub(by, request.body),
        query=pattern.sub(by, request.query),
        headers={name: pattern.sub(by, value) for name, value in request.headers.items()},
    )


def kept_headers(kind: FormKind, request: FormRequest) -> dict[str, str]:
    """What a body is read with besides itself: its query, and headers that are no credentials."""
    wanted = ("content-type", DROPPED_FILES, *kind.kept_headers)
    kept = {name: request.headers[name][:MAX_HEADER_BYTES] for name in wanted if name in request.headers}
    kept |= {QUERY: request.query} if request.query else {}
    return {name: value.decode("latin-1") for name, value in kept.items()}


def kept_request(headers: Mapping[str, str], body: bytes) -> FormRequest:
    """A delivery as it was kept."""
    sent = {name: value.encode("latin-1") for name, value in headers.items()}
    return FormRequest("POST", sent, sent.pop(QUERY, b""), body)


def _row(endpoint_id: str, delivery: Delivery, whole: str, place: int, parked: str | None) -> NewRow:
    code = delivery.code
    if code is None and delivery.meaning in ("lead", "update"):
        try:
            lead_of(delivery)
        except Unmappable as unmappable:
            code = unmappable.code
    if code is None and delivery.meaning == "fetch":
        # What is parked waits for its endpoint first.
        code = parked or AWAITING_FETCH
    elif code is not None:
        return _failure(endpoint_id, f"{whole}:{place}", code)
    code = code or parked
    return NewRow(
        id_hash=hash_of(endpoint_id, delivery.id),
        id=uuid7(),
        record_id=hash_of(endpoint_id, delivery.record or delivery.id).hex(),
        kind=delivery.meaning,
        at=_known_time(delivery.at),
        event=to_bytes(delivery),
        state="failed" if code is not None else "pending",
        code=code,
        remembered=delivery.repeats_for,
    )


def _failure(endpoint_id: str, id_: str, code: str) -> NewRow:
    """What nothing can be made of. Its id is none of the tool's: a later body with that is no repeat."""
    hashed = hash_of(endpoint_id, f"\x1ffailed\x1f{id_}")
    return NewRow(hashed, uuid7(), hashed.hex(), "failed", None, None, "failed", code, REMEMBERED)


def _known_time(at: datetime | None) -> datetime | None:
    if at is None:
        return None
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
