"""Events of the inbox are applied, record by record and in the order in which they happened.

A process takes the turn of a record before it applies its events, and gives it back afterwards. The turn of a
killed process ends with its time, and another process applies the same events again, which changes nothing
more. What waits for its record does not hold back later events: one of those may make the record known.
"""

import json
import random
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final, Protocol, TypeVar

import structlog

from app import places
from app.dispatch.failures import CONTENTION_ERRORS, is_database_error
from app.engine.life.crm import RecordKey
from app.errors import Overloaded
from app.ids import uuid7
from app.logs import to_json
from app.metrics.process import Metrics
from app.store.connection.pool import Pool, transaction
from app.store.crm import failures, inbox, turns
from app.store.crm.turns import InboxEvent, Settled
from app.store.directory import records
from app.store.directory.records import Record
from app.store.privacy import crm_data
from app.webhooks import stored_event
from app.webhooks.crm_events import EndpointTerms, Vendor, WebhookRequest
from app.webhooks.effects import Applied, StoredEvent
from app.webhooks.endpoints import RESOURCE_TYPE
from app.webhooks.receive import UNREADABLE, to_delivery
from app.webhooks.sources import source_of
from app.webhooks.vendors import VENDORS

RECORDS = 64
"""Records whose events are applied at once."""
EVENTS_OF_RECORD = 20
"""Events of one record in one turn."""
LEASE = timedelta(seconds=30)
"""How long a turn lasts. It is longer than a job may wait, and is renewed before each round."""
FIRST_RETRY_SECONDS, MAX_RETRY_SECONDS = 1.0, 600.0
MAX_TRIES = 150
"""After so many attempts, which take about a day, an event is a failure."""
FOR_ERASED: Final = "for_erased"
"""The code of an event about an erased person. Its record is not kept."""
UNKNOWN: Final = frozenset(("unknown_record", FOR_ERASED))
"""Codes with which an event is done, and its record is as unknown as before."""
INTERNAL = "internal"

T = TypeVar("T")
log = structlog.get_logger()


class Effects(Protocol):
    """What applies events; see `app.webhooks.effects`."""

    async def apply(self, workspace_id: int, events: Sequence[StoredEvent]) -> list[Applied]:
        """Apply events of different records, and return what became of each."""
        ...


class OtherSource(Protocol):
    """What takes events of the inbox that no CRM sent; see `app.forms.effects`."""

    def owns(self, system: str) -> bool:
        """Whether events of this system are its own."""
        ...

    async def apply(
        self, workspace_id: int, events: Sequence[tuple[InboxEvent, Record | None]]
    ) -> list[Applied]:
        """Apply events, each with its endpoint if that is still there, and return what became of each."""
        ...

    async def parse_again(self, workspace_id: int, event: InboxEvent, endpoint: Record | None) -> Settled:
        """Read the delivery of a failure once more."""
        ...


@dataclass(slots=True)
class _Progress:
    """What became of the records of one slice."""

    known: set[RecordKey] = field(default_factory=set)
    blocked: dict[RecordKey, float] = field(default_factory=dict)


class Inbox:
    """Applies what is due, a slice at a time."""

    def __init__(
        self,
        pool: Pool,
        effects: Effects,
        metrics: Metrics,
        vendors: Mapping[str, Vendor] = VENDORS,
        others: OtherSource | None = None,
    ) -> None:
        self._pool = pool
        self._effects = effects
        self._metrics = metrics
        self._vendors = vendors
        self._others = others

    async def run(self, workspace_id: int) -> bool:
        """Apply one slice of what is due. Returns whether there may be more."""
        token = uuid7()
        async with transaction(self._pool, workspace_id) as connection:
            if not await turns.any_due(connection, workspace_id):
                return False
            taken, blocked = await turns.take_turns(connection, workspace_id, token, LEASE, RECORDS)
            await turns.postpone_blocked(connection, workspace_id, blocked)
        if not taken:
            return False
        async with transaction(self._pool, workspace_id, read_only=True) as connection:
            events = await turns.list_events(connection, workspace_id, taken, EVENTS_OF_RECORD)
            ids = list({each.endpoint_id for each in events})
            endpoints = await records.find_records(connection, workspace_id, RESOURCE_TYPE, ids)
        progress = await self._apply_in_rounds(workspace_id, token, events, endpoints)
        resting = list(progress.blocked.items())
        others = [each for each in taken if each not in progress.known and each not in progress.blocked]
        async with transaction(self._pool, workspace_id) as connection:
            await turns.free_turns(connection, workspace_id, token, list(progress.known), resting, others)
        return True

    async def _apply_in_rounds(
        self,
        workspace_id: int,
        token: str,
        events: Sequence[InboxEvent],
        endpoints: Mapping[str, Record],
    ) -> _Progress:
        """Apply the first event of each record, then the second, and so on."""
        progress = _Progress()
        lines: defaultdict[RecordKey, list[InboxEvent]] = defaultdict(list)
        for event in events:
            lines[event.record].append(event)
        while lines:
            batch = [line.pop(0) for line in lines.values()]
            settled = await self._apply(workspace_id, batch, endpoints, progress)
            async with transaction(self._pool, workspace_id) as connection:
                await turns.settle(connection, workspace_id, token, settled, LEASE)
                late = {each.id for each in settled if each.code == FOR_ERASED}
                if late:
                    records_of = {each.id: each.record for each in batch if each.id in late}
                    await crm_data.hide_events(connection, workspace_id, records_of)
            lines = defaultdict(
                list,
                {key: line for key, line in lines.items() if line and key not in progress.blocked},
            )
        return progress

    async def _apply(
        self,
        workspace_id: int,
        batch: Sequence[InboxEvent],
        endpoints: Mapping[str, Record],
        progress: _Progress,
    ) -> list[Settled]:
        told = [each for each in batch if self._others is not None and self._others.owns(each.system)]
        settled = await self._apply_others(workspace_id, told, endpoints, progress)
        batch = [each for each in batch if each not in told] if told else batch
        settled += [
            await self._parse_again(workspace_id, each, endpoints.get(each.endpoint_id))
            for each in batch
            if each.event is None
        ]
        readable = [each for each in batch if each.event is not None and each.endpoint_id in endpoints]
        gone = [each for each in batch if each.event is not None and each.endpoint_id not in endpoints]
        settled += [Settled(each.id, "done", "endpoint_deleted") for each in gone]
        sent = [_to_apply(each, endpoints[each.endpoint_id]) for each in readable]
        for event, applied in zip(
            readable, await self._outcomes(workspace_id, sent, self._effects.apply), strict=True
        ):
            kind = endpoints[event.endpoint_id].body["kind"]
            seconds = time.time() - event.received_at.timestamp()
            self._metrics.crm_event_processed(kind, applied.result, applied.code, seconds)
            settled.append(_settled(event, applied, progress))
        return settled

    async def _apply_others(
        self,
        workspace_id: int,
        batch: Sequence[InboxEvent],
        endpoints: Mapping[str, Record],
        progress: _Progress,
    ) -> list[Settled]:
        """Apply what no CRM sent."""
        others = self._others
        if others is None or not batch:
            return []
        settled = [
            await others.parse_again(workspace_id, each, endpoints.get(each.endpoint_id))
            for each in batch
            if each.event is None
        ]
        readable = [(each, endpoints.get(each.endpoint_id)) for each in batch if each.event is not None]
        outcomes = await self._outcomes(workspace_id, readable, others.apply)
        for (event, endpoint), applied in zip(readable, outcomes, strict=True):
            kind = endpoint.body["kind"] if endpoint is not None else "deleted"
            seconds = time.time() - event.received_at.timestamp()
            self._metrics.form_processed(kind, applied.result, applied.code, seconds)
            settled.append(_settled(event, applied, progress))
        return settled

    async def _outcomes(
        self,
        workspace_id: int,
        events: Sequence[T],
        apply: Callable[[int, Sequence[T]], Awaitable[list[Applied]]],
    ) -> list[Applied]:
        """What became of events. One that breaks does so alone, and is kept as a failure."""
        if not events:
            return []
        try:
            return await apply(workspace_id, events)
        except Exception as error:
            if is_database_error(error) or isinstance(error, CONTENTION_ERRORS):
                return [Applied("retry", "database_unavailable")] * len(events)
            if len(events) > 1:
                return [(await self._outcomes(workspace_id, [each], apply))[0] for each in events]
            log.error("event not applied", **to_json(error))
            return [Applied("failed", INTERNAL)]

    async def _parse_again(self, workspace_id: int, event: InboxEvent, record: Record | None) -> Settled:
        """A delivery that could not be read is parsed again, by a parser that may be better now."""
        vendor = self._vendors.get(record.body["kind"]) if record is not None else None
        async with transaction(self._pool, workspace_id, read_only=True) as connection:
            kept = await failures.find_delivery(connection, workspace_id, event.delivery_id)
        if record is None or vendor is None or kept is None:
            return Settled(event.id, "failed", UNREADABLE)
        headers = {name: value.encode("latin-1") for name, value in json.loads(kept[0]).items()}
        terms = EndpointTerms((), "", record.body["organization_id"], record.body["options"])
        request = WebhookRequest("POST", "", headers, kept[1])
        try:
            delivery = await places.WEBHOOKS.run_if_long(
                len(request.body),
                workspace_id,
                to_delivery,
                *(vendor, event.endpoint_id, event.system, terms, request),
            )
        except Overloaded:
            return Settled(event.id, "pending", event.code, FIRST_RETRY_SECONDS, waits=True)
        if delivery.code is not None:
            return Settled(event.id, "failed", UNREADABLE)
        async with transaction(self._pool, workspace_id) as connection:
            await inbox.insert_delivery(connection, workspace_id, delivery)
        return Settled(event.id, "done", "parsed_again")


def _to_apply(event: InboxEvent, endpoint: Record) -> StoredEvent:
    read = stored_event.from_bytes(event.id, event.event or b"")
    return StoredEvent(source_of(endpoint), read, event.received_at)


def _settled(event: InboxEvent, applied: Applied, progress: _Progress) -> Settled:
    match applied.result:
        case "done":
            if applied.code not in UNKNOWN:
                progress.known.add(event.record)
            return Settled(event.id, "done", applied.code)
        case "failed":
            return Settled(event.id, "failed", applied.code)
        case "wait":
            seconds = max(applied.seconds, FIRST_RETRY_SECONDS)
            return Settled(event.id, "pending", applied.code, seconds, waits=True)
        case "retry" if event.tries + 1 >= MAX_TRIES:
            return Settled(event.id, "failed", applied.code)
        case "retry":
            progress.blocked[event.record] = seconds = retry_seconds(event.tries)
            return Settled(event.id, "pending", applied.code, seconds)


def retry_seconds(tries: int) -> float:
    """How long to wait after so many earlier attempts: longer and longer, and never in step with others."""
    longest = min(MAX_RETRY_SECONDS, FIRST_RETRY_SECONDS * 2 ** min(tries, 20))
    return random.uniform(longest / 2, longest)  # noqa: S311 - nothing secret
