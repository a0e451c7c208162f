"""A delivery is verified, stored with its events, and answered. What they mean is found out later.

A delivery that is not genuine costs no query, and is never a reason to refuse a later one: an attacker who
knows the path could else keep the CRM's own deliveries out.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256

import structlog

from app import places
from app.errors import NotFound, Overloaded, WebhookRefused, WorkspaceDeleted
from app.ids import uuid7
from app.logs import to_json
from app.metrics.process import Metrics
from app.secrets import SecretBox
from app.store.connection.pool import Pool, transaction
from app.store.crm import inbox
from app.store.crm.inbox import NewDelivery, NewEvent
from app.webhooks import stored_event
from app.webhooks.crm_events import (
    Answer,
    CrmEvent,
    EndpointTerms,
    Refused,
    Unreadable,
    Vendor,
    Verified,
    WebhookRequest,
)
from app.webhooks.known_endpoints import REFRESH_SECONDS, KnownEndpoint, KnownEndpoints
from app.webhooks.tally import Tally
from app.webhooks.vendors import VENDORS

UNREADABLE = "unreadable"
KEPT_HEADERS = ("content-type", "webhook-id", "webhook-timestamp", "x-ms-dynamics-", "x-request-id")
"""The starts of the names of headers that some vendors name a delivery by. None of them is a credential."""
MAX_HEADER_BYTES = 1024

Admit = Callable[[int, str], int]
"""Counts a genuine delivery to an endpoint of a workspace. Returns the seconds to wait, 0 for none."""
log = structlog.get_logger()


def _always(_workspace_id: int, _endpoint_id: str) -> int:
    return 0


class Receiver:
    """Takes deliveries. One for each process."""

    def __init__(
        self,
        pool: Pool,
        box: SecretBox,
        base_url: str | None,
        metrics: Metrics,
        admit: Admit = _always,
        vendors: Mapping[str, Vendor] = VENDORS,
    ) -> None:
        self.tally = Tally(pool)
        self.endpoints = KnownEndpoints(pool, box, base_url)
        self._pool = pool
        self._metrics = metrics
        self._admit = admit
        self._vendors = vendors
        metrics.show_webhook_kinds(vendors)

    async def find(self, path: str, *, look_up: bool = True) -> KnownEndpoint:
        """The active endpoint with this path; without `look_up`, if it is known. Raises NotFound."""
        known = await self.endpoints.find(path, look_up=look_up)
        if known.kind not in self._vendors or not known.active:
            raise NotFound
        return known

    def forget(self, workspace_id: int, endpoint_id: str) -> None:
        """Let an edit of an endpoint take effect with its next delivery."""
        self.endpoints.forget(workspace_id, endpoint_id)

    async def close(self) -> None:
        """End what is under way, and write down the last counts."""
        await self.endpoints.close()
        await self.tally.close()

    async def receive(self, path: str, known: KnownEndpoint, request: WebhookRequest) -> Answer:
        """Verify and store a delivery, and answer it as its vendor wants.

        Raises WebhookRefused for one that is not genuine, NotFound after its workspace was deleted.
        """
        vendor = self._vendors[known.kind]
        try:
            known = await self._verified(vendor, path, known, request)
        except Overloaded:
            return self._not_stored(vendor, known)
        wait = self._admit(known.workspace_id, known.id)
        if wait:
            # The status that every vendor takes as: not now, send it again.
            self._metrics.delivery_received(known.kind, "rate_limited")
            return replace(vendor.not_stored(), retry_after=wait)
        try:
            delivery = await places.WEBHOOKS.run_if_long(
                len(request.body),
                known.workspace_id,
                to_delivery,
                *(vendor, known.id, known.system, known.terms, request),
            )
        except Overloaded:
            return self._not_stored(vendor, known)
        try:
            async with transaction(self._pool, known.workspace_id) as connection:
                new = await inbox.insert_delivery(connection, known.workspace_id, delivery)
        except WorkspaceDeleted:
            raise NotFound from None
        except Exception as error:
            log.error("delivery not stored", kind=known.kind, **to_json(error))
            return self._not_stored(vendor, known)
        self._count(known, delivery, new)
        return vendor.accepted()

    def _not_stored(self, vendor: Vendor, known: KnownEndpoint) -> Answer:
        self._metrics.delivery_received(known.kind, "not_stored")
        return vendor.not_stored()

    async def _verified(
        self, vendor: Vendor, path: str, known: KnownEndpoint, request: WebhookRequest
    ) -> KnownEndpoint:
        """The endpoint, once one of its secrets fits. It may be newer than the one given."""
        try:
            self._note_use(known, await self._verify(vendor, known, request))
        except Refused as refused:
            # The secret may have been added a moment ago.
            newer = await self.endpoints.find(path, REFRESH_SECONDS)
            if newer.terms == known.terms:
                raise self._refusal(known, refused.code) from None
            try:
                self._note_use(newer, await self._verify(vendor, newer, request))
            except Refused as again:
                raise self._refusal(newer, again.code) from None
            return newer
        return known

    async def _verify(self, vendor: Vendor, known: KnownEndpoint, request: WebhookRequest) -> Verified:
        now = datetime.now(UTC)
        return await places.WEBHOOKS.run_if_long(
            len(request.body), known.workspace_id, vendor.verify, request, known.terms, now
        )

    def _note_use(self, known: KnownEndpoint, verified: Verified) -> None:
        if verified.secret is not None:
            self.tally.used(known.workspace_id, known.id, known.secret_ids[verified.secret])

    def _refusal(self, known: KnownEndpoint, code: str) -> WebhookRefused:
        self._metrics.delivery_refused(known.kind, code)
        self.tally.of(known.workspace_id, known.id).refused += 1
        return WebhookRefused()

    def _count(self, known: KnownEndpoint, delivery: NewDelivery, new: int) -> None:
        counts = self.tally.of(known.workspace_id, known.id)
        counts.deliveries += 1
        counts.events += new
        counts.duplicates += len(delivery.events) - new
        counts.unrecognized += not delivery.events
        result = "stored" if new else "duplicate" if delivery.events else "unrecognized"
        self._metrics.delivery_received(known.kind, delivery.code or result)
        self._metrics.crm_events_received(known.kind, new, len(delivery.events) - new)


def to_delivery(
    vendor: Vendor, endpoint_id: str, system: str, terms: EndpointTerms, request: WebhookRequest
) -> NewDelivery:
    """A genuine delivery as it is stored. One that cannot be read is one failure."""
    try:
        events = [_new_event(each) for each in parsed(vendor, request, terms)]
        code = None
    except Unreadable:
        whole = NewEvent(sha256(request.body).digest(), uuid7(), "", "", UNREADABLE, None, 0, None)
        events, code = [whole], UNREADABLE
    return NewDelivery(
        id=uuid7(),
        endpoint_id=endpoint_id,
        system=system,
        headers=json.dumps(kept_headers(request.headers)),
        body=vendor.to_store(request.body),
        events=events,
        state="failed" if code else "pending",
        code=code,
    )


def parsed(vendor: Vendor, request: WebhookRequest, terms: EndpointTerms) -> Sequence[CrmEvent]:
    """The events of a delivery. Raises Unreadable, also where the parser breaks on what it was sent."""
    try:
        return vendor.parse(request, terms)
    except Unreadable:
        raise
    except Exception as error:
        log.error("parser failed", **to_json(error))
        raise Unreadable("the parser failed") from None


def kept_headers(headers: Mapping[str, bytes]) -> dict[str, str]:
    """The headers that name the delivery, without credentials."""
    return {
        name: value[:MAX_HEADER_BYTES].decode("latin-1")
        for name, value in headers.items()
        if name.startswith(KEPT_HEADERS)
    }


def _new_event(event: CrmEvent) -> NewEvent:
    return NewEvent(
        dedupe_key=stored_event.hash_of_key(event.dedupe_key),
        id=uuid7(),
        object=event.record.object,
        record_id=event.record.id,
        kind=event.kind,
        event_at=stored_event.time_of(event),
        event_order=stored_event.order_of(event),
        event=stored_event.to_bytes(event),
    )
