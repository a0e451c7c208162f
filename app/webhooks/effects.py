"""What a CRM event does: it is read by the mapping of its endpoint, and handed to dispatch as a job.

Applying an event again changes nothing, so the inbox may apply it once more after a crash.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal, NamedTuple

import orjson

from app.dispatch.dispatcher import Dispatcher
from app.dispatch.erasing import erase_person
from app.dispatch.jobs.base import Reply
from app.dispatch.jobs.follow_crm import FollowCrm
from app.engine.life.crm import MAPPING_OWNER_UNKNOWN, RecordKey, shares_number
from app.errors import Problem, ValidationFailed
from app.store.connection.pool import Pool, transaction
from app.store.crm import records
from app.store.crm.records import find_lead_ids
from app.store.privacy import kept_hashes
from app.values.crm_ids import crm_id_key
from app.webhooks.crm_events import CrmEvent, CrmRecord
from app.webhooks.endpoint_mapping import read_mapping
from app.webhooks.mapping import EventTerms, UserChange, canonical_id, read_event
from app.webhooks.users import follow_user


@dataclass(frozen=True, slots=True)
class EventSource:
    """The endpoint that an event came by.

    `system` tells the records of two organizations apart: the kind, and the organization if there is one.
    `mapping` is what the endpoint was given, without defaults. `actors` are the ids of our own users and
    apps in the CRM.
    """

    endpoint_id: str
    kind: str
    system: str
    mapping: Mapping[str, Any] = field(default_factory=dict)
    actors: frozenset[str] = frozenset()

    def terms(self) -> EventTerms:
        """The same with its mapping read. Raises ValidationFailed."""
        mapping = read_mapping(self.kind, self.mapping)
        return EventTerms(self.endpoint_id, self.kind, self.system, mapping, self.actors)

    def key(self, record: CrmRecord) -> RecordKey:
        """The record, told from those of other CRMs."""
        return RecordKey(self.system, record.object, canonical_id(self.kind, record.id))

    def may_be_lead(self, record: CrmRecord) -> bool:
        """Whether the mapping takes such an object for a lead, as far as it can be read."""
        try:
            mapped = read_mapping(self.kind, self.mapping).objects.get(record.object)
        except ValidationFailed:
            return True
        return mapped is not None and mapped.as_ == "lead"


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """An event of the inbox, with the time when it was stored."""

    source: EventSource
    event: CrmEvent
    received_at: datetime


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of an event.

    - `done`:    it is done with; `code` says why it did nothing, or what it did.
    - `wait`:    it waits for its record; apply it again after `seconds`, before later events of the record.
    - `failed`:  its mapping or its data are at fault, as `code` says; it can be applied again.
    - `retry`:   the database or the service was not available; apply it again with backoff.
    """

    result: Literal["done", "wait", "failed", "retry"]
    code: str | None = None
    seconds: float = 0.0
    lead_id: str | None = None


FOR_ERASED = Applied("done", "for_erased")


class _Asked(NamedTuple):
    position: int
    job: FollowCrm


class Effects:
    """Applies events of the inbox."""

    def __init__(self, pool: Pool, dispatch: Dispatcher) -> None:
        self._pool = pool
        self._dispatch = dispatch

    async def apply(self, workspace_id: int, events: Sequence[StoredEvent]) -> list[Applied]:
        """Apply events in their order, and return what became of each.

        Of one record there is at most one in a call.
        """
        return await self._apply(workspace_id, [(each.source, each.event) for each in events])

    async def deliver_record(
        self,
        workspace_id: int,
        source: EventSource,
        record: CrmRecord,
        fields: Mapping[str, Any],
        at: datetime | None,
    ) -> Applied:
        """Take a record that somebody read because an action asked for it.

        `at` is when the record was changed last, by the CRM's clock; None if that is not known. Raises
        ValidationFailed for an endpoint whose mapping cannot be read.
        """
        source.terms()
        event = CrmEvent("", "updated", record, at, fields=fields, complete=True, origin=None)
        (applied,) = await self._apply(workspace_id, [(source, event)], delivered=True)
        return applied

    async def _apply(
        self, workspace_id: int, told: Sequence[tuple[EventSource, CrmEvent]], *, delivered: bool = False
    ) -> list[Applied]:
        """Apply what was told, in order. `delivered` says that an action asked for it."""
        results: list[Applied] = [Applied("done")] * len(told)
        asked: list[_Asked] = []
        heard = await self._without_erased(workspace_id, told)
        for position, ((source, sent), event) in enumerate(zip(told, heard, strict=True)):
            if event is None:
                results[position] = FOR_ERASED
                continue
            if event.kind == "erased":
                results[position] = await self._erase(workspace_id, source, sent.record)
                continue
            try:
                terms = source.terms()
                read = read_event(event, terms, delivered=delivered)
            except ValidationFailed:
                results[position] = Applied("failed", "invalid_mapping")
                continue
            if read is None:
                results[position] = Applied("done", "ignored")
            elif isinstance(read, UserChange):
                results[position] = await self._follow_user(workspace_id, terms, read)
            else:
                asked.append(_Asked(position, FollowCrm(change=read)))
        links = {link for each in asked for link in each.job.change.links}
        barred, known = await self._barred(workspace_id, links, links)
        for each in asked:
            if _only_of_erased(each.job.change.links, barred, known):
                results[each.position] = FOR_ERASED
        asked = [each for each in asked if results[each.position] is not FOR_ERASED]
        jobs = [each.job for each in asked]
        replies = await self._dispatch.ask_all(workspace_id, jobs) if jobs else []
        for each, reply in zip(asked, replies, strict=True):
            results[each.position] = _applied(reply)
        return results

    async def _without_erased(
        self, workspace_id: int, events: Sequence[tuple[EventSource, CrmEvent]]
    ) -> list[CrmEvent | None]:
        """The events without the records of persons who were erased. None for one that is only about them."""
        told = {
            source.key(each): source.may_be_lead(each)
            for source, event in events
            for each in (event.record, *event.others)
        }
        leads = {key for key, may_be_lead in told.items() if may_be_lead}
        barred, _ = await self._barred(workspace_id, told, leads)
        return [_without(barred, source, event) for source, event in events]

    async def _barred(
        self, workspace_id: int, records_: Collection[RecordKey], leads: Collection[RecordKey]
    ) -> tuple[set[RecordKey], set[RecordKey]]:
        """Those of these records whose person was erased, and if there are any, those that are leads."""
        if not records_:
            return set(), set()
        async with transaction(self._pool, workspace_id, read_only=True) as connection:
            return await kept_hashes.find_barred(connection, workspace_id, records_, leads)

    async def _erase(self, workspace_id: int, source: EventSource, record: CrmRecord) -> Applied:
        """The CRM has erased a person: so do we."""
        key = source.key(record)
        async with transaction(self._pool, workspace_id, read_only=True) as connection:
            found = await records.find_records(connection, workspace_id, [key])
            lead_ids = {each.lead_id for each in found.values() if each.lead_id is not None}
            if not lead_ids:
                lead_ids = await find_lead_ids(connection, workspace_id, crm_id_key(record.id))
                others = await records.find_records_of_leads(connection, workspace_id, sorted(lead_ids))
                # An equal number in another CRM is another person.
                lead_ids -= {each.lead_id for each in others if shares_number(key, [each.key])}
        if len(lead_ids) != 1:
            return Applied("done", "unknown_record")
        (lead_id,) = lead_ids
        try:
            actor = f"endpoint:{source.endpoint_id}"
            await erase_person(self._pool, self._dispatch, workspace_id, lead_id, actor)
        except Problem as problem:
            return _refused(problem)
        return Applied("done", "erased")

    async def _follow_user(self, workspace_id: int, terms: EventTerms, change: UserChange) -> Applied:
        try:
            code = await follow_user(self._pool, workspace_id, terms, change)
            return Applied("failed" if code == MAPPING_OWNER_UNKNOWN else "done", code)
        except Problem as problem:
            return _refused(problem)


def _without(barred: Collection[RecordKey], source: EventSource, event: CrmEvent) -> CrmEvent | None:
    others = [each for each in event.others if source.key(each) not in barred]
    if source.key(event.record) in barred or (event.others and not others):
        return None
    return replace(event, others=others)


def _only_of_erased(
    links: Collection[RecordKey], barred: Collection[RecordKey], known: Collection[RecordKey]
) -> bool:
    """Whether all that a deal or an activity belongs to was erased.

    A link that does not tell the object is one to every object with this id.
    """
    ids = {each.id for each in links if each in barred}
    return bool(ids) and all(each in barred or (each.id in ids and each not in known) for each in links)


def _applied(reply: Reply | Problem) -> Applied:
    if isinstance(reply, Problem):
        return _refused(reply)
    answer = orjson.loads(reply.body)
    return Applied(answer["result"], answer["code"], answer["seconds"], answer["lead_id"])


def _refused(problem: Problem) -> Applied:
    return Applied("retry" if problem.status >= 500 else "failed", problem.code)
